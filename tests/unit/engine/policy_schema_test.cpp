// The schema of policy.yaml: whole, and no stricter than the loader.
#include "policy/base/reader.hpp"
#include "policy/engine/snapshot.hpp"
#include "tests/support/schema_mutations.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <set>

namespace {

namespace fs = std::filesystem;
using sluice::Node;
using sluice::testing::SchemaCheck;

const fs::path kRoot = SLUICE_SOURCE_DIR;

sluice::Result<std::string> parent(const std::string&) {
  return std::string("{version: 1, metadata: {children: free}}");
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Node tree(const std::string& text) {
  sluice::Diagnostics problems;
  const auto document = sluice::parse_document(text, "f", problems);
  BOOST_TEST(sluice::format(problems) == "");
  return document ? document->root : Node();
}

const sluice::Schema& schema() {
  static const auto one = sluice::engine::policy_schema();
  return one;
}

} // namespace

BOOST_AUTO_TEST_SUITE(policy_schema)

BOOST_AUTO_TEST_CASE(the_complete_policy_shows_every_key) {
  for (const auto& problem : schema().problems)
    BOOST_TEST((problem.level == sluice::Diagnostic::Level::warning), sluice::format({problem}));
  BOOST_TEST(schema().untyped.empty(), schema().untyped.size());
  for (const auto& pointer : schema().untyped)
    BOOST_ERROR("complete_policy.yaml does not show " + pointer);
  BOOST_TEST(SchemaCheck(schema()).fault(tree(std::string(sluice::engine::kCompletePolicy))) == "");
  BOOST_TEST(schema().text == sluice::engine::policy_schema().text); // the same each time
}

// A type of its own may have keys of its own, which only an example of the type shows.
BOOST_AUTO_TEST_CASE(the_complete_policy_has_every_type_of_credential) {
  const Node written = tree(std::string(sluice::engine::kCompletePolicy));
  std::set<std::string> seen, known;
  for (const Node& item : written.find("credentials")->items) seen.insert(item.find("type")->text);
  const Node root = tree(schema().text);
  const Node* place = &root;
  for (const char* key : {"properties", "credentials", "items", "properties", "type", "enum"})
    place = place->find(key);
  for (const Node& word : place->items) known.insert(word.text);
  BOOST_TEST(seen == known, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_the_schema_refuses_the_loader_refuses) {
  const auto loads = [](const std::string& text) {
    return sluice::engine::load_policy_text(text, "policy.yaml", parent).snapshot != nullptr;
  };
  // In two halves: rules of redaction take long to load, and nothing else is about them.
  const auto half = [](bool redaction) {
    Node out = tree(std::string(sluice::engine::kCompletePolicy));
    std::erase_if(out.members, [&](const sluice::Member& member) {
      const bool shared = member.key == "version" || member.key == "metadata";
      return !shared && (member.key == "redaction") != redaction;
    });
    // Of the other effects one is enough: what they match is the same, by an alias.
    for (sluice::Member& member : out.members) {
      if (member.value.items.size() == 3 && member.key != "tcp") member.value.items.resize(1);
    }
    return out;
  };
  for (const bool redaction : {false, true}) {
    sluice::testing::SchemaMutations mutations(schema(), half(redaction), loads);
    for (const auto& what : mutations.run()) BOOST_ERROR(what);
    BOOST_TEST(mutations.tried() > (redaction ? 200U : 1'500U));
  }
}

BOOST_AUTO_TEST_CASE(policies_of_this_tree_fit) {
  const SchemaCheck check(schema());
  std::size_t tried = 0;
  const auto try_one = [&](const std::string& text, const std::string& name) {
    ++tried;
    BOOST_TEST(check.fault(tree(text)) == "", name);
  };
  for (const char* folder : {"starters", "examples"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const auto path = entry.path();
      const auto name = path.filename().string();
      if (path.extension() != ".yaml" || name.ends_with("test.yaml")) continue;
      const std::string text = read(path);
      if (text.find("\negress:") != std::string::npos) try_one(text, path);
    }
  }
  for (const auto& entry : fs::directory_iterator(kRoot / "tests/vectors/policy")) {
    if (entry.path().extension() != ".yaml") continue;
    const Node vectors = tree(read(entry.path()));
    for (const Node& table : vectors.find("tables")->items) {
      const Node* policy = table.find("policy");
      if (policy != nullptr) try_one(policy->text, entry.path());
    }
  }
  BOOST_TEST(tried > 30U);
}

BOOST_AUTO_TEST_SUITE_END()
