#include "policy/engine/host_index.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace {

using namespace sluice::engine;
using sluice::model::Host;
using sluice::model::IpAddress;

std::vector<HostPattern> patterns(const std::vector<std::string>& texts) {
  std::vector<HostPattern> out;
  for (const std::string& text : texts) {
    PatternFault fault;
    auto pattern = HostPattern::parse(text, fault);
    BOOST_TEST_REQUIRE(pattern.has_value(), text + ": " + fault.message);
    out.push_back(*std::move(pattern));
  }
  return out;
}

// An index in which each pattern is a rule.
class Index {
 public:
  explicit Index(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) rules_.push_back(patterns({text}));
    for (std::size_t i = 0; i < rules_.size(); ++i) index_.add(i, rules_[i]);
    index_.finish();
  }
  // For each rule: n(amed), u(nnamed), y (asked, and it fits), x (asked, and it does not), or -.
  std::string find(std::string_view text) const {
    const Host host = Host::parse(text).value();
    HostHits hits(words_for(rules_.size()));
    index_.find(host, hits);
    std::string out;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const char asked = hits.unsure.has(i) ? (index_.fits(i, host) ? 'y' : 'x') : '-';
      out += hits.named.has(i) ? 'n' : hits.unnamed.has(i) ? 'u' : asked;
    }
    return out;
  }
  std::string find_address(std::string_view text) const {
    RuleBits hits(words_for(rules_.size()));
    index_.find(*IpAddress::parse_strict(text), hits);
    std::string out;
    for (std::size_t i = 0; i < rules_.size(); ++i) out += hits.has(i) ? 'n' : '-';
    return out;
  }
  const HostIndex& index() const { return index_; }

 private:
  std::vector<std::vector<HostPattern>> rules_;
  HostIndex index_;
};

BOOST_AUTO_TEST_SUITE(host_index)

BOOST_AUTO_TEST_CASE(names_are_found_by_their_labels_from_the_right) {
  const Index index({"a.test", "*.a.test", "x-*.a.test", "*.x-*.a.test", "a.*.test", "*", "**"});
  BOOST_TEST(index.find("a.test") == "n---x-u");
  BOOST_TEST(index.find("b.a.test") == "-nxxx-u");
  BOOST_TEST(index.find("x-1.a.test") == "-nyxx-u");
  BOOST_TEST(index.find("b.x-1.a.test") == "-nxyx-u");
  BOOST_TEST(index.find("a.b.test") == "----y-u");
  BOOST_TEST(index.find("test") == "-----uu");
  BOOST_TEST(index.find("xa.test") == "----x-u");
  BOOST_TEST(index.find("a.test.evil") == "------u");
}

BOOST_AUTO_TEST_CASE(addresses_are_found_by_their_bits) {
  const Index index({"10.0.0.7", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/33", "::/0", "**", "*"});
  BOOST_TEST(index.find("10.0.0.7") == "nnn--u-");
  BOOST_TEST(index.find("[::ffff:10.0.0.7]") == "nnn--u-");
  BOOST_TEST(index.find("11.0.0.7") == "--n--u-");
  BOOST_TEST(index.find("[2001:db8:7fff::1]") == "---nnu-");
  BOOST_TEST(index.find("[2001:db8:8000::1]") == "----nu-");
  BOOST_TEST(index.find_address("10.0.0.7") == "nnn----");
  BOOST_TEST(index.find_address("2001:db8::1") == "---nn--");
}

BOOST_AUTO_TEST_CASE(few_expressions_are_asked_and_many_are_a_set) {
  std::vector<std::string> texts = {"re:api[0-9]+\\.test", "re:a|b", "re:10\\..*"};
  const Index few(texts);
  BOOST_TEST(few.find("api1.test") == "yxx");
  BOOST_TEST(few.find("10.0.0.7") == "xxy");
  while (texts.size() < 40) texts.push_back("re:x" + std::to_string(texts.size()) + "\\.TEST");
  const Index many(texts);
  BOOST_TEST(many.find("api1.test").substr(0, 4) == "u---");
  BOOST_TEST(many.find("b").substr(0, 4) == "-u--");
  BOOST_TEST(many.find("10.0.0.7").substr(0, 4) == "--u-");
  BOOST_TEST(many.find("ab") == std::string(40, '-')); // anchored at both ends
  BOOST_TEST(many.find("x39.test") == std::string(39, '-') + "u");
}

BOOST_AUTO_TEST_CASE(an_expression_names_no_host_and_a_wildcard_does) {
  const Index index({"a*.test", "re:a.*"});
  const Host host = Host::parse("ab.test").value();
  BOOST_TEST(index.index().fits(1, host));
  BOOST_TEST(index.index().fits_by_name(0, host));
  BOOST_TEST(!index.index().fits_by_name(1, host));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
