// Every example of every pack, on its own and in the middle of a text, however it is cut.
#include "policy/redact/format_table.hpp"
#include "policy/redact/packs.hpp"
#include "policy/redact/redactor.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <set>

using namespace sluice;
using namespace sluice::redact;

namespace {

struct Example {
  std::string id, text;
  bool finds = false;
};

std::vector<Document> pack_files(const char* pack) {
  std::vector<std::string> names;
  const auto folder = std::filesystem::path(SLUICE_SOURCE_DIR) / "policy/redact/packs" / pack;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    names.push_back(file.path().string());
  }
  std::sort(names.begin(), names.end());
  std::vector<Document> out;
  for (const auto& name : names) {
    Diagnostics problems;
    auto document = load_document(name, problems);
    BOOST_TEST_REQUIRE(document.has_value(), format(problems));
    out.push_back(std::move(*document));
  }
  return out;
}

std::vector<Example> examples(const char* pack) {
  std::vector<Example> out;
  for (const auto& document : pack_files(pack)) {
    for (const Node& one : document.root.find("formats")->items) {
      for (const bool finds : {true, false}) {
        for (const Node& text : one.find(finds ? "finds" : "leaves")->items) {
          out.push_back({one.find("id")->text, text.text, finds});
        }
      }
    }
  }
  return out;
}

std::shared_ptr<const RuleSet> rules() {
  static const auto built = [] {
    RuleSetConfig config;
    config.pii = true;
    return RuleSet::build(config).value();
  }();
  return built;
}

std::set<std::string> found_in(std::string_view text, std::size_t piece, bool pii) {
  Redactor redactor(rules(), Redactor::Mask::placeholder, Scope::in_call(Place::request_body, pii));
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    redactor.feed(text.substr(0, piece), out);
  }
  redactor.finish(out);
  std::set<std::string> ids;
  for (const auto& one : redactor.findings().all()) ids.insert(one.rule);
  return ids;
}

} // namespace

BOOST_AUTO_TEST_SUITE(packs)

// What the build compiled is what the files say, field by field.
BOOST_AUTO_TEST_CASE(all_of_it_is_built_in) {
  struct Pack {
    const char* name;
    const TokenFormats& built_in;
    Beginnings beginnings;
    std::size_t least;
  };
  for (const auto& pack : {Pack{"secrets", secrets_pack(), Beginnings::anchored, 120},
                           Pack{"pii", pii_pack(), Beginnings::open, 15}}) {
    TokenFormats all;
    for (const auto& document : pack_files(pack.name)) {
      Diagnostics problems;
      for (auto& one : parse_formats(document, problems, pack.beginnings)) {
        all.push_back(std::move(one));
      }
      BOOST_TEST_REQUIRE(problems.empty(), format(problems));
    }
    BOOST_TEST_REQUIRE(pack.built_in.size() == all.size());
    BOOST_TEST(all.size() >= pack.least);
    for (std::size_t i = 0; i < all.size(); ++i) {
      BOOST_TEST((*pack.built_in[i] == *all[i]), all[i]->id);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cut_table_is_not_read) {
  const std::string table = write_formats({secrets_pack().front()});
  for (std::size_t size = 1; size < table.size(); ++size) {
    BOOST_CHECK_THROW(read_formats(std::string_view(table).substr(0, size)), std::logic_error);
  }
}

BOOST_AUTO_TEST_CASE(every_example_is_found_or_left) {
  for (const auto& [id, text, finds] : examples("secrets")) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
      const auto ids = found_in(text, piece, false);
      // A format that knows the token better may be named in its place.
      if (finds) BOOST_TEST(!ids.empty(), id << ": " << text);
      if (!finds) BOOST_TEST(!ids.contains(id), id << ": " << text);
    }
  }
}

// Off, nothing of it is looked for.
BOOST_AUTO_TEST_CASE(personal_data_is_found_where_it_is_asked_for) {
  for (const auto& [id, text, finds] : examples("pii")) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
      const auto ids = found_in(text, piece, true);
      BOOST_TEST(ids.contains(id) == finds, id << ": " << text);
      BOOST_TEST(!found_in(text, piece, false).contains(id), id << ": " << text);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
