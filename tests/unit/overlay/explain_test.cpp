#include "overlay/rewrite/explain.hpp"

#include "tests/support/graph.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::applied;
using sluice::test::Graph;

struct Example {
  Example() {
    for (const char* name : {"/caller", "/responder"}) graph.component(name);
    for (auto& one : graph.scenario.components) {
      if (one.moniker != "/") one.program.emplace();
    }
    graph.edge("/responder.a2a", "/caller.agent").edge("slots.ext", "/caller.more", true);
    graph.exported("status", "/caller.status");
    std::vector<Application> by{applied(graph, "/", 0, {{0}}), applied(graph, "/", 1, {{0}})};
    by[1].use = "audit";
    for (auto& one : by) one.plan.interpositions[0].interposer.program.emplace();
    after = rewrite(graph.scenario, by).rewritten;
  }
  Graph graph;
  Rewritten after;
};

BOOST_AUTO_TEST_SUITE(explain_overlays)

// What is declared last is met first.
BOOST_AUTO_TEST_CASE(tells_each_edge_in_the_order_of_a_request) {
  const Example example;
  BOOST_TEST(explanation_text(example.graph.scenario, example.after) ==
             "/responder.a2a -> /caller.agent  [http]\n"
             "  a request goes:  /caller.agent\n"
             "    -> /__overlay_1_0 (#audit.plan)\n"
             "    -> /__overlay_0_0 (#guard.plan)\n"
             "    -> /responder.a2a\n"
             "slots.ext -> /caller.more  [http]\n"
             "  no interposer\n"
             "/caller.status -> export status  [http]\n"
             "  no interposer\n");
}

BOOST_AUTO_TEST_CASE(the_same_as_json) {
  const Example example;
  const Json all = explanation_json(example.graph.scenario, example.after);
  BOOST_TEST_REQUIRE(all["edges"].size() == 3U);
  const Json& edge = all["edges"][0];
  BOOST_TEST(edge["request"][0]["overlay"] == "#audit.plan");
  BOOST_TEST(edge["request"][1]["moniker"] == "/__overlay_0_0");
  BOOST_TEST(all["edges"][1]["weak"] == true);
  BOOST_TEST(all["edges"][2]["to"] == "export status");
}

BOOST_AUTO_TEST_CASE(drawings_follow_the_request) {
  Example example;
  example.after.scenario.components[1].moniker = "/cal\"ler\n";
  const auto dot = explanation_dot(example.after);
  BOOST_TEST(dot == "digraph scenario {\n  rankdir=LR;\n  node [shape=box];\n"
                    "  c1 [label=\"/cal'ler'\"];\n"
                    "  c2 [label=\"/responder\"];\n"
                    "  c3 [label=\"/__overlay_0_0 (#guard.plan)\", style=rounded];\n"
                    "  c4 [label=\"/__overlay_1_0 (#audit.plan)\", style=rounded];\n"
                    "  o0 [label=\"slots.ext\", shape=plaintext];\n"
                    "  e0 [label=\"export status\", shape=plaintext];\n"
                    "  c3 -> c2 [label=\"http\"];\n"
                    "  c4 -> c3 [label=\"http\"];\n"
                    "  c1 -> c4 [label=\"http\"];\n"
                    "  c1 -> o0 [label=\"http\", style=dashed];\n"
                    "  e0 -> c1 [label=\"http\"];\n"
                    "}\n");
  const auto mermaid = explanation_mermaid(example.after);
  BOOST_TEST(mermaid.starts_with("flowchart LR\n  c1[\"/cal'ler'\"]\n"));
  BOOST_TEST(mermaid.find("  c3([\"/__overlay_0_0 (#guard.plan)\"])\n") != std::string::npos);
  BOOST_TEST(mermaid.find("  c1 -. \"http\" .-> o0\n") != std::string::npos);
  BOOST_TEST(mermaid.find("  c4 -- \"http\" --> c3\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_scenario_is_printed_with_who_put_what_there) {
  const Example example;
  const Json all = scenario_json(example.after.scenario);
  BOOST_TEST_REQUIRE(all["components"].size() == 5U);
  BOOST_TEST(all["components"][3]["provenance"]["overlay"] == "#guard.plan");
  BOOST_TEST(!all["components"][1].contains("provenance"));
  BOOST_TEST(all["bindings"][3]["from"] == Json({{"External", {{"slot", "ext"}}}}));
  BOOST_TEST(all["bindings"][3]["weak"] == true);
  BOOST_TEST(all["exports"][0]["name"] == "status");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
