#include "overlay/scenario/reference.hpp"
#include "tests/unit/overlay/scenario_support.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

constexpr const char* kHelper =
    R"(provides: {apply: {kind: 'http', profile: 'overlay', endpoint: 'e'}},
  exports: {apply: 'apply'}, program: {path: './p', network: {endpoints: [{name: 'e', port: 80}]}})";

std::string wrong(const Texts& texts, bool allow_outside = false) {
  const Resolved out = resolved(texts, allow_outside);
  Diagnostics errors;
  for (const Diagnostic& one : out.problems) {
    if (one.level == Diagnostic::Level::error) errors.push_back(one);
  }
  return told(errors);
}

std::string component(std::string_view url) {
  return with("components: {a: '" + std::string(url) + "'}");
}

BOOST_AUTO_TEST_SUITE(resolving)

BOOST_AUTO_TEST_CASE(the_tree_is_in_pre_order_with_children_by_name) {
  const Resolved out =
      resolved({{"root", with("components: {b: {manifest: './sub/b', config: {x: 1}}, a: 'a'}")},
                {"a", with("")},
                {"sub/b", with("components: {z: '../a', c: 'file:///s/a'}")}});
  BOOST_TEST_REQUIRE(out.tree.has_value(), format(out.problems));
  std::string monikers;
  for (const ResolvedComponent& one : out.tree->components) {
    monikers += one.moniker + ' ' + one.folder + ' ';
  }
  BOOST_TEST(monikers == "/ /s /a /s /b /s/sub /b/c /s /b/z /s ");
  BOOST_TEST((out.tree->components[2].config == Json({{"x", 1}})));
  BOOST_TEST(
      (out.tree->components[2].children == std::map<std::string, std::size_t>{{"c", 3}, {"z", 4}}));
  // One file, one manifest.
  BOOST_TEST(out.tree->components[1].manifest == out.tree->components[4].manifest);
}

BOOST_AUTO_TEST_CASE(references_are_paths_of_files) {
  const std::pair<std::string, std::string> rows[] = {
      {"x", "/f/x"},
      {"./x", "/f/x"},
      {"../x", "/x"},
      {"a/./b//../x", "/f/a/x"},
      {"/x", "/x"},
      {"file:///g/x", "/g/x"},
      {"file://localhost/x", "/x"},
      {"FILE:/x", "/x"},
      {"a%20b", "/f/a b"},
      {"%2e%2e/x", "/x"},
  };
  for (const auto& [written, path] : rows) BOOST_TEST(locate(written, "/f").path == path, written);
  for (const char* none : {"../../x", "http://h/x", "https://h/x", "git+ssh:x", "file://h/x",
                           "file:x", "x?y", "x#y", "x/", "a%00b", "..", "/", "file:///"}) {
    BOOST_TEST(locate(none, "/f").path == "", none);
    BOOST_TEST(locate(none, "/f").why != "", none);
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_told_where_it_is_named) {
  BOOST_TEST(wrong({}) == "compiler::unreadable_manifest root:\n");
  BOOST_TEST(wrong({{"root", "{"}}) != "");
  BOOST_TEST(wrong({{"root", component("gone")}}) ==
             "compiler::unreadable_manifest root:/components/a\n");
  BOOST_TEST(wrong({{"root", component("https://h/x")}}) ==
             "compiler::unsupported root:/components/a\n");
  BOOST_TEST(wrong({{"root", component("/etc/x")}}) ==
             "compiler::outside_of_root root:/components/a\n");
  BOOST_TEST(wrong({{"root", component("/etc/x")}, {"/etc/x", with("")}}, true) == "");
  // All at once, and a manifest's own faults once.
  const std::string all = wrong({{"root", with("components: {a: 'gone', b: 'bad', c: 'bad'}")},
                                 {"bad", with("slots: {s: {kind: 'no'}}")}});
  BOOST_TEST(all == "compiler::unreadable_manifest root:/components/a\n"
                    "manifest::validation_error bad:/slots/s/kind\n");
}

BOOST_AUTO_TEST_CASE(a_pinned_digest_is_held_against_the_manifest) {
  const std::string digest = resolved({{"root", with("")}}).tree->components[0].manifest->digest;
  const auto pinned = [](const std::string& text) {
    return with("components: {a: {url: 'a', digest: '" + text + "'}}");
  };
  BOOST_TEST(wrong({{"root", pinned(digest)}, {"a", with("")}}) == "");
  BOOST_TEST(wrong({{"root", pinned(digest)}, {"a", with("slots: {s: {kind: 'http'}}")}}) ==
             "compiler::mismatched_digest root:/components/a\n");
}

BOOST_AUTO_TEST_CASE(a_manifest_is_not_within_itself) {
  BOOST_TEST(wrong({{"root", component("root")}}) == "compiler::cycle root:/components/a\n");
  BOOST_TEST(wrong({{"root", component("b")},
                    {"b", with("components: {c: 'c'}")},
                    {"c", with("components: {c: 'b'}")}}) == "compiler::cycle c:/components/c\n");
  // By content, not by name.
  BOOST_TEST(wrong({{"root", component("b")}, {"b", component("b")}}) ==
             "compiler::cycle root:/components/a\n");
  BOOST_TEST(wrong({{"root", with("use: {u: 'root'}, overlays: ['#u.x']")}}) ==
             "compiler::cycle root:/use/u\n");
}

BOOST_AUTO_TEST_CASE(a_child_needs_no_feature_its_parent_has_not) {
  const std::string needs = with("experimental_features: ['docker', 'kvm']");
  BOOST_TEST(wrong({{"root", component("a")}, {"a", needs}}) ==
             "compiler::experimental_feature_not_enabled root:/components/a\n");
  const std::string use = "use: {u: 'a'}, ";
  BOOST_TEST(wrong({{"root", with(use)}, {"a", needs}}) ==
             "compiler::experimental_feature_not_enabled root:/use/u\n");
  BOOST_TEST(wrong({{"root", with(use + "experimental_features: ['docker', 'kvm']")},
                    {"a", needs}}) == "");
}

BOOST_AUTO_TEST_CASE(a_helper_needs_nothing_from_outside) {
  const auto helper = [](const std::string& slots) {
    return resolved({{"root", with("use: {u: 'h'}, overlays: ['#u.apply']")},
                     {"h", with("slots: {" + slots + "}, " + kHelper)}});
  };
  const Resolved out = helper("upstream: {kind: 'http'}, b: {kind: 'http'}, "
                              "c: {kind: 'http', optional: true}");
  BOOST_TEST(told(out.problems) == "compiler::use_requires_root_slots root:/use/u\n");
  BOOST_TEST(out.problems[0].message.find("b, upstream") != std::string::npos);
  BOOST_TEST(helper("upstream: {kind: 'http', optional: true}").tree.has_value());
}

BOOST_AUTO_TEST_CASE(a_helper_has_no_overlays_of_its_own) {
  const std::string root = with("use: {u: 'h'}");
  const std::string nested = with("use: {x: {builtin: 'redact'}}, overlays: ['#x.apply']");
  const Resolved direct = resolved({{"root", root}, {"h", nested}});
  BOOST_TEST(!direct.tree.has_value());
  BOOST_TEST(direct.problems.back().code == "compiler::use_contains_overlay");
  BOOST_TEST(direct.problems.back().message.find("nested use") != std::string::npos);
  const std::string below = with("components: {c: 'd'}");
  const Resolved grandchild =
      resolved({{"root", root}, {"h", below}, {"d", with("components: {e: 'n'}")}, {"n", nested}});
  BOOST_TEST(!grandchild.tree.has_value());
  BOOST_TEST(grandchild.problems.back().pointer == "/use/u");
}

BOOST_AUTO_TEST_CASE(a_few_lines_do_not_become_a_million_components) {
  Texts wide;
  for (int i = 0; i < 40; ++i) {
    const std::string next = std::to_string(i + 1);
    wide[i == 0 ? "root" : std::to_string(i)] =
        with("components: {a: '" + next + "', b: '" + next + "'}");
  }
  wide["40"] = with("");
  BOOST_TEST(wrong(wide).find("compiler::too_large") == 0U);
  Texts deep;
  for (int i = 0; i < 80; ++i) {
    deep[i == 0 ? "root" : std::to_string(i)] = component(std::to_string(i + 1));
  }
  deep["80"] = with("");
  BOOST_TEST(wrong(deep) == "compiler::too_large 64:/components/a\n");
  std::string many;
  for (int i = 0; i < 10'001; ++i) many += "c" + std::to_string(i) + ": 'a', ";
  BOOST_TEST(wrong({{"root", with("components: {" + many + "}")}, {"a", with("")}}) ==
             "compiler::too_large root:\n");
}

// A folder that goes with the test.
struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/sluice-resolve-XXXXXX";
    BOOST_TEST_REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

BOOST_AUTO_TEST_CASE(files_are_read_below_their_folder_alone) {
  const Folder folder;
  std::filesystem::create_directory(folder.path + "/in");
  std::ofstream(folder.path + "/in/a") << "text";
  std::ofstream(folder.path + "/out") << "text";
  std::filesystem::create_symlink("a", folder.path + "/in/link");
  std::filesystem::create_symlink("../out", folder.path + "/in/away");
  BOOST_TEST(::mkfifo((folder.path + "/in/pipe").c_str(), 0600) == 0);
  const auto read = read_manifests_below(folder.path + "/in");
  BOOST_TEST_REQUIRE(read.has_value());
  const auto at = [&](const std::string& name) { return read.value()(folder.path + name, 3); };
  BOOST_TEST(at("/in/a").value() == "text"); // one more than asked for
  BOOST_TEST(at("/in/link").has_value());
  for (const char* no : {"/in/away", "/in/pipe", "/in", "/in/", "/in/gone", "/out", "/in/../out"}) {
    BOOST_TEST(!at(no).has_value(), no);
  }
  BOOST_TEST(!read_manifests_below(folder.path + "/gone").has_value());
  BOOST_TEST(read_manifests_below("/").value()(folder.path + "/out", 9).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
