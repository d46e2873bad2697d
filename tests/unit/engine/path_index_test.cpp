#include "policy/engine/path_index.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace {

using namespace sluice::engine;

// An index in which each pattern is a rule.
class Index {
 public:
  explicit Index(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      PatternFault fault;
      auto pattern = PathPattern::parse(text, fault);
      BOOST_TEST_REQUIRE(pattern.has_value(), text + ": " + fault.message);
      rules_.push_back({*std::move(pattern)});
    }
    for (std::size_t i = 0; i < rules_.size(); ++i) index_.add(i, rules_[i]);
  }
  // For each rule: s(ure), y (asked, and it fits), x (asked, and it does not), or -.
  std::string find(std::string_view path, PathIndex::Reading reading) const {
    PathHits hits(words_for(rules_.size()));
    index_.find(path, reading, hits);
    std::string out;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const bool matches = rules_[i].front().matches(path);
      BOOST_TEST(index_.fits(i, path) == matches, rules_[i].front().text() << " of " << path);
      const char asked = hits.unsure.has(i) ? (matches ? 'y' : 'x') : '-';
      out += hits.sure.has(i) ? 's' : asked;
    }
    return out;
  }
  std::string find(std::string_view path) const { return find(path, PathIndex::Reading::itself); }

 private:
  std::vector<std::vector<PathPattern>> rules_;
  PathIndex index_;
};

BOOST_AUTO_TEST_SUITE(path_index)

BOOST_AUTO_TEST_CASE(paths_are_found_by_their_segments_from_the_left) {
  const Index index({"/", "/**", "/v1", "/v1/", "/v1/**", "/v1/*", "/v1/*/x", "/v1/**/x"});
  BOOST_TEST(index.find("/") == "ss------");
  BOOST_TEST(index.find("/v1") == "-ss-----");
  BOOST_TEST(index.find("/v1/") == "-s-ssyxx");
  BOOST_TEST(index.find("/v1/a") == "-s--syxx");
  BOOST_TEST(index.find("/v1/x") == "-s--syxy");
  BOOST_TEST(index.find("/v1/a/x") == "-s--sxyy");
  BOOST_TEST(index.find("/v1/a/b/x") == "-s--sxxy");
  BOOST_TEST(index.find("/v1//x") == "-s--sxyy");
  BOOST_TEST(index.find("/v12/x") == "-s------");
  BOOST_TEST(index.find("") == "--------");
  BOOST_TEST(index.find("*") == "--------");
}

BOOST_AUTO_TEST_CASE(stars_and_expressions_are_asked) {
  const Index index({"/a*/**", "/a**", "/*.js", "/x/*b*/**/y", "re:/[a-z]+", "re:|x"});
  BOOST_TEST(index.find("/ab/") == "yyx-xx");
  BOOST_TEST(index.find("/ab") == "xyx-yx");
  BOOST_TEST(index.find("/app.js") == "xyy-xx");
  BOOST_TEST(index.find("/x/abc/y") == "xxxyxx");
  BOOST_TEST(index.find("/x/abc/d/y") == "xxxyxx");
  BOOST_TEST(index.find("/x/acd/y") == "xxxxxx");
  BOOST_TEST(index.find("") == "----xy");
}

BOOST_AUTO_TEST_CASE(of_another_reading_nothing_is_sure) {
  const Index index({"/a/b", "/a/**", "/c"});
  BOOST_TEST(index.find("/a/b", PathIndex::Reading::other) == "yy-");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
