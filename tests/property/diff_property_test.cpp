// What `policy diff` reports of any two policies is so: each example is judged as it says, by both
// engines, and differs as it says. And it finds most of what random calls find.
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/policy_diff.hpp"
#include "policy/engine/reference_engine.hpp"
#include "tests/property/random_policy.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

namespace {

using namespace sluice;
using engine::Change;
using engine::CompiledEngine;
using engine::ReferenceEngine;
using model::Verdict;
using testing::RandomPolicy;

bool is_so(const engine::CallChange& one) {
  const auto a = one.before.verdict, b = one.after.verdict;
  switch (one.change) {
  case Change::newly_allowed: return a != Verdict::allow && b == Verdict::allow;
  case Change::newly_blocked: return a != Verdict::block && b == Verdict::block;
  case Change::newly_needs_approval: return a == Verdict::allow && b == Verdict::require_approval;
  case Change::loosened:
  case Change::tightened:
    return a == b ? !one.what.empty() && one.before.obligations != one.after.obligations
                  : a == Verdict::block && b == Verdict::require_approval;
  case Change::changed: break;
  }
  return false;
}

model::Decision judged(const engine::Engine& engine, const model::EgressCall& call) {
  const auto by_name = engine.decide(call);
  return call.original ? engine.decide_address(call, by_name, *call.original) : by_name;
}

BOOST_AUTO_TEST_SUITE(diff_property)

BOOST_AUTO_TEST_CASE(every_report_is_true) {
  int reports = 0, differing = 0, seen = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    RandomPolicy random(90'000 + seed);
    const auto text_a = random.document(1 + static_cast<int>(seed % 6));
    const auto text_b = random.document(1 + static_cast<int>(seed % 5));
    const auto a = engine::load_policy_text(text_a, "a").snapshot;
    const auto b = engine::load_policy_text(text_b, "b").snapshot;
    const auto said = text_a + "and\n" + text_b;
    const auto diff = engine::diff_policies(a, b);
    const ReferenceEngine slow_a(a), slow_b(b);
    const CompiledEngine fast_a(a), fast_b(b);
    std::set<std::string> pairs;
    for (const auto& one : diff.calls) {
      BOOST_TEST_REQUIRE(is_so(one), engine::url_of(one.call) << " in\n" << said);
      BOOST_TEST_REQUIRE((judged(slow_a, one.call) == one.before), said);
      BOOST_TEST_REQUIRE((judged(fast_a, one.call) == one.before), said);
      BOOST_TEST_REQUIRE((judged(slow_b, one.call) == one.after), said);
      BOOST_TEST_REQUIRE((judged(fast_b, one.call) == one.after), said);
      pairs.insert(one.before.rule_id + ' ' + one.after.rule_id);
      ++reports;
    }
    for (int i = 0; i < 250; ++i) {
      const auto call = random.call();
      const auto before = fast_a.decide(call), after = fast_b.decide(call);
      if (before.verdict == after.verdict) continue;
      ++differing;
      seen += pairs.contains(before.rule_id + ' ' + after.rule_id) ? 1 : 0;
    }
  }
  BOOST_TEST(reports > 300);
  BOOST_TEST(differing > 1'000);
  BOOST_TEST(seen * 100 > differing * 90, seen << " of " << differing); // it promises none
  BOOST_TEST_MESSAGE(seen << " of " << differing);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
