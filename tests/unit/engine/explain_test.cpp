#include "policy/engine/explain.hpp"

#include "tests/unit/engine/fixture.hpp"

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;
using sluice::model::Decision;
using sluice::model::Reason;

BOOST_AUTO_TEST_SUITE(explain_both)

BOOST_AUTO_TEST_CASE(what_both_say_is_what_is_decided) {
  const auto loaded = policy("version: 1\negress: [{allow: {hosts: [a.test]}}]\n");
  const Decision decision = CompiledEngine(loaded).decide(call("GET http://a.test/"));
  BOOST_TEST((agreed(decision, decision) == decision));
  BOOST_TEST((explain(loaded, call("GET http://a.test/")).decision == decision));
}

BOOST_AUTO_TEST_CASE(engines_that_differ_in_anything_refuse) {
  const auto loaded = policy("version: 1\negress: [{allow: {hosts: [a.test]}}]\n");
  const Decision allowed = CompiledEngine(loaded).decide(call("GET http://a.test/"));
  Decision other = allowed;
  other.obligations.redact.clear();
  for (const Decision& one : {other, Decision()}) {
    const Decision out = agreed(allowed, one);
    BOOST_TEST(!out.allowed());
    BOOST_TEST((out.reason == Reason::internal_error));
    BOOST_TEST(out.explanation ==
               "the engines disagree: reference says egress[0], compiled says " + one.rule_id);
  }
}

// What `policy explain CONNECT https://x/` asks: a tunnel has no path, though the URL has one.
BOOST_AUTO_TEST_CASE(a_tunnel_has_no_path_to_be_covered) {
  const auto loaded = policy("version: 1\negress: [{allow: {hosts: [a.test]}}, "
                             "{block: {hosts: [a.test], paths: [\"/**\"]}}]\n");
  auto tunnel = call("GET https://a.test/");
  tunnel.protocol = sluice::model::Protocol::connect;
  tunnel.method = "CONNECT";
  const auto explained = explain(loaded, tunnel);
  BOOST_TEST(explained.decision.allowed());
  BOOST_TEST(explained.rules.at(1).why_not == "the call has no path");
}

BOOST_AUTO_TEST_CASE(each_kind_is_made) {
  const auto loaded = policy("version: 1\negress: [{allow: {hosts: [a.test]}}]\n");
  for (const EngineKind kind : {EngineKind::reference, EngineKind::compiled}) {
    const auto made = make_engine(kind, loaded);
    BOOST_TEST(made->decide(call("GET http://a.test/")).allowed());
    const bool compiled = dynamic_cast<const CompiledEngine*>(made.get()) != nullptr;
    BOOST_TEST(compiled == (kind == EngineKind::compiled));
    BOOST_TEST(!make_engine(kind, nullptr)->decide(call("GET http://a.test/")).allowed());
  }
}

// No loader makes it, so it is not to be guessed at.
BOOST_AUTO_TEST_CASE(a_policy_with_more_rules_than_a_policy_has_blocks) {
  auto large =
      std::make_shared<Snapshot>(*policy("version: 1\negress: [{allow: {hosts: [\"**\"]}}]\n"));
  BOOST_TEST(CompiledEngine(large).decide(call("GET http://a.test/")).allowed());
  large->egress.resize(kMaxRules + 1, large->egress.front());
  const CompiledEngine engine(large);
  BOOST_TEST(!engine.decide(call("GET http://a.test/")).allowed());
  BOOST_TEST(!engine.could_allow(call("GET http://a.test/").to.host));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
