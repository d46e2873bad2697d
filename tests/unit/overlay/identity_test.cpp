#include "overlay/rewrite/identity.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

BOOST_AUTO_TEST_SUITE(identity)

BOOST_AUTO_TEST_CASE(a_digest_is_of_all_three) {
  const Json one = {{"a", 1}};
  const auto digest = interposer_digest("o", "r", one);
  BOOST_TEST(digest.starts_with("sha256:"));
  BOOST_TEST(digest.size() == 7U + 44U);
  BOOST_TEST(interposer_digest("o", "r", one) == digest);
  BOOST_TEST(interposer_digest("o2", "r", one) != digest);
  BOOST_TEST(interposer_digest("o", "r2", one) != digest);
  BOOST_TEST(interposer_digest("o", "r", {{"a", 2}}) != digest);
  // where one text ends and the next begins is part of it
  BOOST_TEST(interposer_digest("or", "", one) != interposer_digest("o", "r", one));
}

BOOST_AUTO_TEST_CASE(an_alias_is_short_and_of_its_scope) {
  const auto alias = interposer_alias("/", "guard", {{"a", 1}});
  BOOST_TEST(alias.starts_with("guard-"));
  BOOST_TEST(alias.size() == 14U);
  BOOST_TEST(interposer_alias("/team", "guard", {{"a", 1}}) != alias);
}

BOOST_AUTO_TEST_CASE(a_plan_is_what_stands_in_it_in_order) {
  InterpositionPlan plan, other;
  plan.interpositions.resize(2);
  plan.interpositions[0].written = {{"a", 1}};
  plan.interpositions[1].written = {{"a", 2}};
  other.interpositions = {plan.interpositions[1], plan.interpositions[0]};
  BOOST_TEST(plan_digest(plan) != plan_digest(other));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
