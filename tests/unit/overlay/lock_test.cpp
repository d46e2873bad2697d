#include "overlay/plan/lock.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice;
using namespace sluice::overlay;

LockedPlan guard() {
  return {"/", "#guard.plan", 0, "sha256:o", "sha256:r", {{"interpositions", Json::array()}}};
}

PlanLock lock_of(std::vector<LockedPlan> plans) {
  PlanLock out;
  for (auto& one : plans) out.add(std::move(one));
  return out;
}

std::string first_error(std::string_view text) {
  Diagnostics out;
  const auto lock = PlanLock::parse(text, "f", out);
  BOOST_TEST(lock.has_value() == !has_errors(out));
  return out.empty() ? "" : format(out.front());
}

BOOST_AUTO_TEST_SUITE(plan_lock)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  auto other = guard();
  other.scope = "/team";
  other.place = 3;
  const PlanLock lock = lock_of({guard(), other});
  Diagnostics out;
  const auto read = PlanLock::parse(lock.text(), "f", out);
  BOOST_TEST_REQUIRE(read.has_value(), format(out));
  BOOST_TEST((read->plans() == lock.plans()));
  BOOST_TEST(read->text() == lock.text());
  BOOST_TEST(lock.text().ends_with("}\n"));
}

// Neither another question nor another overlay gets an old answer.
BOOST_AUTO_TEST_CASE(an_answer_is_for_its_question_only) {
  const PlanLock lock = lock_of({guard()});
  BOOST_TEST(lock.find(guard()) != nullptr);
  for (auto change : {&LockedPlan::scope, &LockedPlan::overlay, &LockedPlan::overlay_digest,
                      &LockedPlan::request_digest}) {
    auto other = guard();
    other.*change += 'x';
    BOOST_TEST(lock.find(other) == nullptr);
  }
  auto moved = guard();
  moved.place = 1;
  BOOST_TEST(lock.find(moved) == nullptr);
}

BOOST_AUTO_TEST_CASE(changes_are_told_one_by_one) {
  const PlanLock lock = lock_of({guard()});
  BOOST_TEST(changes(lock, lock).empty());
  const auto told = [&lock](const LockedPlan& now) { return changes(lock, lock_of({now})); };
  auto now = guard();
  now.overlay_digest = "sha256:else";
  BOOST_TEST(told(now).at(0) == "/ #guard.plan: the overlay changed");
  now = guard();
  now.request_digest = "sha256:else";
  BOOST_TEST(told(now).at(0) == "/ #guard.plan: the question changed");
  now = guard();
  now.plan["interpositions"].push_back(1);
  BOOST_TEST(told(now).at(0) == "/ #guard.plan: the answer changed");
  now.scope = "/team";
  const auto both = told(now);
  BOOST_TEST_REQUIRE(both.size() == 2U);
  BOOST_TEST(both[0] == "/team #guard.plan: is not in the lock");
  BOOST_TEST(both[1] == "/ #guard.plan: is in the lock and not in the scenario");
}

BOOST_AUTO_TEST_CASE(what_is_no_lock_is_refused) {
  BOOST_TEST(first_error("{}") == "f:1:1: the key \"version\" is missing");
  BOOST_TEST(first_error(R"({"version": 2, "plans": []})") ==
             "f:1:13: /version: this is no lock of a version we read (make it again with --lock)");
  BOOST_TEST(first_error(R"({"version": 1, "plans": [], "more": 1})").find("/more: unknown key") !=
             std::string::npos);
  BOOST_TEST(first_error(R"({"version": 1, "plans": [{"scope": "/"}]})").find("is missing") !=
             std::string::npos);
  auto twice = lock_of({guard(), guard()}).text();
  BOOST_TEST(first_error(twice).find("this overlay is locked twice") != std::string::npos);
  BOOST_TEST(!first_error("[").empty());
  BOOST_TEST(!first_error("").empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
