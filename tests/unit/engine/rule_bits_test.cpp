#include "policy/engine/rule_bits.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

namespace {

using namespace sluice::engine;

BOOST_AUTO_TEST_SUITE(rule_bits)

BOOST_AUTO_TEST_CASE(what_was_added_is_found_in_order) {
  const std::vector<std::size_t> ranks = {0, 1, 63, 64, 65, 640, kMaxRules - 1};
  RuleList list;
  for (const std::size_t rank : ranks) {
    list.add(rank);
    list.add(rank); // a rule may name a host twice
  }
  BOOST_TEST(list.words().size() == 4U);
  RuleBits bits(words_for(kMaxRules));
  bits.add(list);
  std::vector<std::size_t> found;
  for (auto at = bits.next(0, kMaxRules); at < kMaxRules; at = bits.next(at + 1, kMaxRules)) {
    BOOST_TEST(bits.has(at));
    found.push_back(at);
  }
  BOOST_TEST(found == ranks);
}

BOOST_AUTO_TEST_CASE(a_search_ends_where_it_is_told) {
  RuleList list;
  list.add(70);
  RuleBits bits(words_for(200));
  bits.add(list);
  BOOST_TEST(bits.next(0, 70) == 70U);
  BOOST_TEST(bits.next(0, 71) == 70U);
  BOOST_TEST(!bits.has(69));
  BOOST_TEST(bits.next(71, 200) == 200U);
  BOOST_TEST(bits.next(3, 3) == 3U);
  BOOST_TEST(RuleBits(0).next(0, 0) == 0U);
}

BOOST_AUTO_TEST_CASE(sets_of_a_table_are_apart) {
  RuleTable table(3, words_for(130));
  table.add(0, 129);
  table.add(2, 64);
  BOOST_TEST(table.set(0)[2] == 2U);
  BOOST_TEST(table.set(1)[1] == 0U);
  BOOST_TEST(table.set(2)[1] == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
