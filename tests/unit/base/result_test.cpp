#include "policy/base/result.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using sluice::Error;
using sluice::Origin;
using sluice::Result;

Result<int> half(int number) {
  if (number % 2 != 0) return sluice::make_error(Origin::downstream, "odd", "not even");
  return number / 2;
}

Result<int> quarter(int number) {
  SLUICE_TRY(const int once, half(number));
  return half(once);
}

BOOST_AUTO_TEST_SUITE(result)

BOOST_AUTO_TEST_CASE(a_forgotten_origin_is_ours) {
  BOOST_TEST((Error().origin == Origin::internal));
}

BOOST_AUTO_TEST_CASE(try_returns_the_error_of_the_callee) {
  BOOST_TEST(quarter(8).value() == 2);
  BOOST_TEST(quarter(6).error().code == "odd");
  BOOST_TEST(quarter(7).error().detail == "not even");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
