// Every example of every pack, on its own and in the middle of a text, however it is cut.
#include "policy/redact/packs.hpp"
#include "policy/redact/redactor.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <set>

using namespace sluice;
using namespace sluice::redact;

namespace {

struct Example {
  std::string id, text;
  bool finds = false;
};

std::vector<Example> examples() {
  std::vector<Example> out;
  const auto folder = std::filesystem::path(SLUICE_SOURCE_DIR) / "policy/redact/packs/secrets";
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    Diagnostics problems;
    const auto document = load_document(file.path().string(), problems);
    BOOST_TEST_REQUIRE(document.has_value(), format(problems));
    for (const Node& one : document->root.find("formats")->items) {
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
  static const auto built = RuleSet::build({}).value();
  return built;
}

std::set<std::string> found_in(std::string_view text, std::size_t piece) {
  Redactor redactor(rules());
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

BOOST_AUTO_TEST_CASE(all_of_it_is_built_in) {
  std::set<std::string> ids, built_in;
  for (const auto& one : examples()) ids.insert(one.id);
  for (const auto& one : secrets_pack()) built_in.insert(one->id);
  BOOST_TEST((ids == built_in));
  BOOST_TEST(ids.size() >= 120U);
}

BOOST_AUTO_TEST_CASE(every_example_is_found_or_left) {
  for (const auto& [id, text, finds] : examples()) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
      const auto ids = found_in(text, piece);
      // A format that knows the token better may be named in its place.
      if (finds) BOOST_TEST(!ids.empty(), id << ": " << text);
      if (!finds) BOOST_TEST(!ids.contains(id), id << ": " << text);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
