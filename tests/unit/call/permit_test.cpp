// A permit is made with its proof or not at all, and closes exactly once.
#include "tests/support/permit_for_test.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <type_traits>
#include <utility>

namespace {

using namespace sluice;
using namespace sluice::call;
using evidence::OutcomeStatus;

static_assert(!std::is_default_constructible_v<Permit>);
static_assert(!std::is_copy_constructible_v<Permit> && !std::is_copy_assignable_v<Permit>);
static_assert(std::is_nothrow_move_constructible_v<Permit>);

PermitFacts facts() {
  model::EgressCall call;
  call.call_id = "call-1";
  return test::permit_facts(std::move(call));
}

Outcome succeeded() {
  Outcome how;
  how.status = OutcomeStatus::succeeded;
  how.reason = model::Reason::none;
  return how;
}

} // namespace

BOOST_AUTO_TEST_SUITE(permit)

BOOST_AUTO_TEST_CASE(tells_what_was_permitted) {
  test::Ending ending;
  const auto permit = test::permit_for_test(facts(), ending);
  BOOST_TEST(permit.call().call_id == "call-1");
  BOOST_TEST(permit.decision().rule_id == "egress[0]");
  BOOST_TEST(permit.addresses().front().text() == "127.0.0.1");
  BOOST_TEST(permit.receipt().seq == 1U);
  BOOST_TEST(permit.redact()); // unless the gate says otherwise
  BOOST_TEST(ending.closings == 0);
}

BOOST_AUTO_TEST_CASE(closes_once) {
  test::Ending ending;
  {
    auto permit = test::permit_for_test(facts(), ending);
    permit.close(succeeded());
    permit.close(Outcome{}); // too late to change the record
    BOOST_TEST(ending.closings == 1);
  }
  BOOST_TEST(ending.closings == 1);
  BOOST_CHECK(ending.outcome->status == OutcomeStatus::succeeded);
}

BOOST_AUTO_TEST_CASE(an_abandoned_one_closes_as_failed) {
  test::Ending ending;
  { const auto permit = test::permit_for_test(facts(), ending); }
  BOOST_TEST(ending.closings == 1);
  BOOST_CHECK(ending.outcome->status == OutcomeStatus::failed);
  BOOST_CHECK(ending.outcome->reason == model::Reason::internal_error);
}

BOOST_AUTO_TEST_CASE(moving_does_not_close) {
  test::Ending ending;
  {
    auto first = test::permit_for_test(facts(), ending);
    auto second = std::move(first);
    BOOST_TEST(second.call().call_id == "call-1");
    first.close(succeeded()); // an empty one has nothing to say
    BOOST_TEST(ending.closings == 0);
    second.close(succeeded());
  }
  BOOST_TEST(ending.closings == 1);
}

BOOST_AUTO_TEST_CASE(the_one_overwritten_closes_as_failed) {
  test::Ending old_ending, new_ending;
  auto permit = test::permit_for_test(facts(), old_ending);
  permit = test::permit_for_test(facts(), new_ending);
  BOOST_TEST(old_ending.closings == 1);
  BOOST_CHECK(old_ending.outcome->status == OutcomeStatus::failed);
  auto& itself = permit;
  permit = std::move(itself);
  BOOST_TEST(new_ending.closings == 0);
  permit.close(succeeded());
  BOOST_TEST(new_ending.closings == 1);
}

BOOST_AUTO_TEST_CASE(none_without_its_proof) {
  const auto refused = [](PermitFacts without) {
    test::Ending ending;
    BOOST_CHECK_THROW(test::permit_for_test(std::move(without), ending), std::logic_error);
    BOOST_TEST(ending.closings == 0);
  };
  refused(PermitFacts{});
  for (const auto verdict : {model::Verdict::block, model::Verdict::require_approval}) {
    auto blocked = facts();
    blocked.decision.verdict = verdict;
    refused(std::move(blocked));
  }
  auto unrecorded = facts();
  unrecorded.receipt = {};
  refused(std::move(unrecorded));
  auto nowhere = facts();
  nowhere.addresses.clear();
  refused(std::move(nowhere));
}

BOOST_AUTO_TEST_SUITE_END()
