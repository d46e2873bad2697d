// What was found is told the same in whatever order it came, also when there is too much of it.
#include "policy/redact/findings.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>

using sluice::redact::Findings;

BOOST_AUTO_TEST_SUITE(findings)

BOOST_AUTO_TEST_CASE(the_order_does_not_matter) {
  std::mt19937 random(1);
  std::vector<std::pair<std::string, std::string>> all;
  for (int i = 0; i < 2000; ++i) {
    all.emplace_back("rule" + std::to_string(i % 3), std::to_string(i % 5 == 0 ? 7 : i % 600));
  }
  Findings first;
  for (int round = 0; round < 20; ++round) {
    Findings found;
    for (std::size_t i = 0; i < all.size(); ++i) {
      found.add(all[i].first, all[i].second);
    }
    if (round == 0) first = found;
    BOOST_TEST((found == first));
    BOOST_TEST(found.total() == all.size());
    BOOST_TEST(found.all().size() <= 256U + 3U);
    std::shuffle(all.begin(), all.end(), random);
  }
}

BOOST_AUTO_TEST_CASE(equal_ones_are_counted_together) {
  Findings one, other;
  one.add("a", "1");
  one.add("b", "");
  other.add("a", "1");
  other.add("a", "2");
  one.merge(other);
  BOOST_TEST_REQUIRE(one.all().size() == 3U);
  BOOST_TEST(one.all()[0].count == 2U);
  BOOST_TEST(one.total() == 4U);
  BOOST_TEST(!one.empty());
}

BOOST_AUTO_TEST_SUITE_END()
