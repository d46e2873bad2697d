#include "proxy/call/verdict_cache.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using call::PointVerdict;
using call::VerdictCache;
using std::chrono::milliseconds;

constexpr std::int64_t kMs = 1'000'000;

PointVerdict yes() {
  PointVerdict out;
  out.allowed = true;
  return out;
}

BOOST_AUTO_TEST_SUITE(verdict_cache)

BOOST_AUTO_TEST_CASE(a_verdict_holds_for_as_long_as_its_rule_says) {
  VerdictCache cache;
  cache.put("a", yes(), milliseconds(10), 0);
  BOOST_TEST(cache.find("a", 10 * kMs - 1).has_value());
  BOOST_TEST(cache.find("a", 10 * kMs - 1)->allowed);
  BOOST_TEST(!cache.find("a", 10 * kMs).has_value());
  BOOST_TEST(cache.size() == 0U);
  BOOST_TEST(!cache.find("b", 0).has_value());
}

BOOST_AUTO_TEST_CASE(zero_is_never) {
  VerdictCache cache;
  cache.put("a", yes(), milliseconds(0), 0);
  BOOST_TEST(!cache.find("a", 0).has_value());
}

BOOST_AUTO_TEST_CASE(the_last_one_holds) {
  VerdictCache cache;
  cache.put("a", yes(), milliseconds(10), 0);
  cache.put("a", {}, milliseconds(20), 0);
  BOOST_TEST(!cache.find("a", 15 * kMs)->allowed);
  BOOST_TEST(cache.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_one_that_was_not_asked_for_longest_goes_first) {
  VerdictCache cache;
  for (std::size_t i = 0; i < VerdictCache::kMost; ++i)
    cache.put(std::to_string(i), yes(), milliseconds(10), 0);
  BOOST_TEST(cache.find("0", 0).has_value());
  cache.put("one more", yes(), milliseconds(10), 0);
  BOOST_TEST(cache.size() == VerdictCache::kMost);
  BOOST_TEST(cache.find("0", 0).has_value());
  BOOST_TEST(!cache.find("1", 0).has_value());
  BOOST_TEST(cache.find("2", 0).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
