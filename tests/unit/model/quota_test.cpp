#include "policy/model/quota.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

namespace {

using namespace sluice::model;

BOOST_AUTO_TEST_SUITE(quota)

BOOST_AUTO_TEST_CASE(each_has_its_own_word_and_a_reason_to_wait) {
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < kQuotas; ++i) {
    const auto one = static_cast<Quota>(i);
    BOOST_TEST(words.insert(to_string(one)).second, to_string(one));
    const auto& why = row(reason_of(one));
    BOOST_TEST(why.status == 429);
    BOOST_CHECK(why.retry == Retry::transient);
    BOOST_TEST(why.guard.starts_with("limit."));
  }
}

BOOST_AUTO_TEST_CASE(no_limit_is_none) {
  QuotaLimits limits;
  BOOST_TEST(!any(limits));
  limits.back() = 1;
  BOOST_TEST(any(limits));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
