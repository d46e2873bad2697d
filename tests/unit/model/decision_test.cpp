#include "policy/model/decision.hpp"
#include "policy/model/egress_call.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::model;

BOOST_AUTO_TEST_SUITE(decision)

BOOST_AUTO_TEST_CASE(nothing_said_is_refused) {
  const Decision nothing;
  BOOST_TEST(!nothing.allowed());
  BOOST_TEST(nothing.rule_id == "default_deny");
  BOOST_TEST((Verdict() == Verdict::block));
}

BOOST_AUTO_TEST_CASE(a_refusal_takes_its_words_from_the_table) {
  const Decision refused = Decision::refuse(Reason::address_metadata, "why");
  BOOST_TEST(!refused.allowed());
  BOOST_TEST(refused.rule_id == "guard.address.metadata");
  BOOST_TEST((refused.severity == Severity::critical));
  BOOST_TEST(refused.explanation == "why");
}

BOOST_AUTO_TEST_CASE(no_reason_refuses_without_refusing) {
  for (int i = 0; i < static_cast<int>(Reason::count_); ++i) {
    BOOST_TEST(!Decision::refuse(static_cast<Reason>(i)).allowed());
  }
  BOOST_TEST((Decision::refuse(Reason::none).reason == Reason::internal_error));
}

BOOST_AUTO_TEST_CASE(words) {
  BOOST_TEST(to_string(Verdict::require_approval) == "require_approval");
  BOOST_TEST(to_string(TlsMode::passthrough) == "passthrough");
  BOOST_TEST(to_string(Protocol::connect) == "connect");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
