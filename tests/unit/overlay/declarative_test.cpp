#include "overlay/plan/declarative.hpp"

#include "overlay/plan/decode.hpp"
#include "overlay/plan/validate.hpp"
#include "overlay/rewrite/identity.hpp"
#include "tests/support/plans.hpp"
#include "tests/unit/overlay/manifest_support.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::Graph;
using sluice::test::plan_graph;

DeclarativeOverlay overlay_of(const std::string& sections) {
  const Manifest manifest =
      test::valid(test::with("use: {mask: {" + sections + "}}, overlays: ['#mask.apply']"));
  return std::get<DeclarativeOverlay>(manifest.uses.at("mask"));
}

// The edges' ids.
std::string targets(const Graph& graph, const std::string& scope, const std::string& select) {
  const Scope seen = scope_of(graph.scenario, graph.id(scope));
  const auto plan =
      declared_plan(overlay_of("builtin: 'redact', select: " + select), graph.scenario, seen);
  const auto wrong = validate_plan(plan, graph.scenario, seen);
  BOOST_TEST(!wrong.has_value(), (wrong ? wrong->message : ""));
  std::string out;
  for (const Interposition& one : plan.interpositions) {
    BOOST_TEST(one.attachments.size() == 1U);
    out += std::to_string(one.attachments[0].target) + ' ';
  }
  return out;
}

Graph nested() {
  Graph out;
  out.component("/team").component("/team/agent").component("/team/tools").component("/other");
  out.edge("/team/tools.api", "/team/agent.tools"); // 0
  out.edge("/other.api", "/team/agent.ext");        // 1
  out.edge("/team/agent.chat", "/other.in");        // 2
  out.edge("/other.more", "/team.in");              // 3
  return out.edge("slots.world", "/team/tools.world", true).exported("chat", "/team/agent.chat");
}

BOOST_AUTO_TEST_SUITE(declarative)

BOOST_AUTO_TEST_CASE(selects_what_goes_over_http) {
  const Graph graph = plan_graph();
  BOOST_TEST(targets(graph, "/", "{}") == "0 1 3 4 ");
  BOOST_TEST(targets(graph, "/", "{kind: 'storage'}") == "");
  BOOST_TEST(targets(graph, "/", "{kind: 'mcp'}") == "3 ");
  BOOST_TEST(targets(graph, "/", "{profile: null}") == "0 1 4 ");
  BOOST_TEST(targets(graph, "/", "{profile: ['p']}") == "3 ");
  Graph others = plan_graph();
  others.scenario.edges[0].capability.kind = Kind::docker;
  others.scenario.edges[1].capability.kind = Kind::kvm;
  BOOST_TEST(targets(others, "/", "{}") == "3 4 ");
}

BOOST_AUTO_TEST_CASE(selects_by_ends_and_sides_as_the_scope_sees_them) {
  const Graph graph = nested();
  BOOST_TEST(targets(graph, "/team", "{}") == "0 1 2 3 4 5 ");
  BOOST_TEST(targets(graph, "/team", "{edge: 'binding'}") == "0 ");
  BOOST_TEST(targets(graph, "/team", "{edge: 'import'}") == "1 3 4 ");
  BOOST_TEST(targets(graph, "/team", "{edge: 'export'}") == "2 5 ");
  BOOST_TEST(targets(graph, "/team", "{component: 'tools'}") == "0 4 ");
  BOOST_TEST(targets(graph, "/team", "{component: '.'}") == "3 ");
  BOOST_TEST(targets(graph, "/team", "{component: 'other'}") == ""); // beyond the scope
  BOOST_TEST(targets(graph, "/", "{component: 'team/*'}") == "0 1 2 4 5 ");
  BOOST_TEST(targets(graph, "/", "{component: 'other'}") == "1 2 3 ");
  BOOST_TEST(targets(graph, "/other", "{}") == "0 1 2 ");
}

BOOST_AUTO_TEST_CASE(an_interposer_is_sluice_itself) {
  const Graph graph = plan_graph();
  const Scope scope = scope_of(graph.scenario, 0);
  const auto overlay =
      overlay_of("builtin: 'redact', select: {kind: 'mcp'}, config: {rules: ['email']}");
  const auto plan = declared_plan(overlay, graph.scenario, scope);
  BOOST_TEST_REQUIRE(plan.interpositions.size() == 1U);
  const Interposition& one = plan.interpositions[0];
  BOOST_TEST(one.written == Json::parse(R"({
      "interposer": {
        "program": {"builtin": "redact", "config": {"rules": ["email"]}},
        "slots": {"upstream": {"kind": "mcp", "profile": "p", "optional": false, "multiple": false}},
        "provides": {"downstream": {"kind": "mcp", "profile": "p", "endpoint": "builtin"}}},
      "attachments": [{"target": 3, "interposer_slot": "upstream",
                       "interposer_provide": "downstream"}]})"));
  BOOST_TEST((one.interposer.program->builtin == Builtin::redact));
  BOOST_TEST(*one.interposer.program->builtin_config == Json::parse(R"({"rules": ["email"]})"));
}

BOOST_AUTO_TEST_CASE(is_what_an_overlay_that_runs_could_have_answered) {
  const Graph graph = plan_graph();
  const Scope scope = scope_of(graph.scenario, 0);
  const auto overlay = overlay_of("builtin: 'limit', config: {per_minute: 5}");
  const auto plan = declared_plan(overlay, graph.scenario, scope);
  Json body = {{"interpositions", Json::array()}};
  for (const Interposition& one : plan.interpositions) {
    body["interpositions"].push_back(one.written);
  }
  sluice::Diagnostics problems;
  const auto read = decode_plan(body.dump(), "/mask", problems);
  BOOST_TEST_REQUIRE(read.has_value(), format(problems));
  BOOST_TEST(plan_digest(*read) == plan_digest(plan));
  for (std::size_t i = 0; i < plan.interpositions.size(); ++i) {
    const Interposition &made = plan.interpositions[i], &got = read->interpositions[i];
    BOOST_TEST((made.interposer.program == got.interposer.program));
    BOOST_TEST((made.interposer.slots == got.interposer.slots));
    BOOST_TEST((made.interposer.provides == got.interposer.provides));
    BOOST_TEST((made.attachments == got.attachments));
  }
}

// A plan lock and every digest stand on it.
BOOST_AUTO_TEST_CASE(the_digest_does_not_change_with_the_spelling) {
  const Graph graph = plan_graph();
  const Scope scope = scope_of(graph.scenario, 0);
  const auto digest = [&](const std::string& sections) {
    return plan_digest(declared_plan(overlay_of(sections), graph.scenario, scope));
  };
  const std::string one = digest("builtin: 'policy', select: {kind: 'http'}, config: {a: 1, b: 2}");
  BOOST_TEST(digest("config: {b: 2, 'a': 1}, select: {kind: ['http'], edge: ['binding', 'export']},"
                    " builtin: 'policy'") == one);
  BOOST_TEST(digest("builtin: 'policy', select: {kind: 'http'}, config: {a: 1, b: 3}") != one);
  BOOST_TEST(digest("builtin: 'record', select: {kind: 'http'}, config: {a: 1, b: 2}") != one);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
