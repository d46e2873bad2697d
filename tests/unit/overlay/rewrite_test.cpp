#include "overlay/rewrite/rewrite.hpp"

#include "overlay/rewrite/identity.hpp"
#include "tests/support/graph.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::applied;
using sluice::test::case_21;
using sluice::test::Graph;

using Lines = std::vector<std::string>;

Lines rewritten(const Graph& graph, const std::vector<Application>& by) {
  const auto result = rewrite(graph.scenario, by);
  BOOST_TEST(result.faults.empty());
  return Graph::lines(result.rewritten.scenario);
}

void check(const Lines& got, const Lines& expected) {
  BOOST_TEST(got == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE(rewrite_scenario)

// Reference §10, case 28.
BOOST_AUTO_TEST_CASE(an_import_gets_its_interposer) {
  const Graph graph = case_21();
  const std::vector<Application> by{applied(graph, "/left", 0, {{0}})};
  check(rewritten(graph, by),
        {"/src.api -> /left/__overlay_0_0.in", "/left/__overlay_0_0.out -> /left.in",
         "/left.out -> /left/worker.needs", "/left.out -> /sink.in", "/left.out -> export api"});
  const auto result = rewrite(graph.scenario, by).rewritten.scenario;
  BOOST_TEST_REQUIRE(result.components.size() == 6U);
  const Component& added = result.components[5];
  BOOST_TEST(added.id == 5U);
  BOOST_TEST(*added.parent == graph.id("/left"));
  BOOST_TEST(added.moniker == "/left/__overlay_0_0");
  BOOST_TEST_REQUIRE(added.provenance.has_value());
  BOOST_TEST(added.provenance->use == "guard");
  BOOST_TEST((result.at(graph.id("/left")).children == std::vector<ComponentId>{5, 2}));
}

// Case 29.
BOOST_AUTO_TEST_CASE(an_export_points_at_the_last_interposer) {
  const Graph graph = case_21();
  check(rewritten(graph, {applied(graph, "/left", 0, {{3}})}),
        {"/src.api -> /left.in", "/left.out -> /left/worker.needs", "/left.out -> /sink.in",
         "/left.out -> /left/__overlay_0_0.in", "/left/__overlay_0_0.out -> export api"});
}

// Case 30, with the scopes in the order of the reference's §4.3.
BOOST_AUTO_TEST_CASE(three_scopes_make_a_chain) {
  Graph graph;
  graph.component("/left").component("/right").edge("/left.out", "/right.in");
  const std::vector<Application> by{applied(graph, "/", 0, {{0}}),
                                    applied(graph, "/left", 0, {{0}}),
                                    applied(graph, "/right", 0, {{0}})};
  check(rewritten(graph, by),
        {"/left.out -> /left/__overlay_1_0.in", "/left/__overlay_1_0.out -> /__overlay_0_0.in",
         "/__overlay_0_0.out -> /right/__overlay_2_0.in", "/right/__overlay_2_0.out -> /right.in"});
  const auto chains = rewrite(graph.scenario, by).rewritten.chains;
  BOOST_TEST_REQUIRE(chains.size() == 1U);
  BOOST_TEST((chains[0].interposers == std::vector<ComponentId>{4, 3, 5}));
}

// The nested example of §4.3.
BOOST_AUTO_TEST_CASE(inner_scopes_of_the_provider_come_first_and_of_the_consumer_last) {
  Graph graph;
  graph.component("/a").component("/a/b").component("/a/b/p").component("/a/c");
  graph.edge("/a/b/p.api", "/a/c.up");
  check(rewritten(graph, {applied(graph, "/", 0, {{0}}), applied(graph, "/a", 0, {{0}}),
                          applied(graph, "/a", 1, {{0}}), applied(graph, "/a/b", 0, {{0}}),
                          applied(graph, "/a/c", 0, {{0}})}),
        {"/a/b/p.api -> /a/b/__overlay_3_0.in", "/a/b/__overlay_3_0.out -> /a/__overlay_1_0.in",
         "/a/__overlay_1_0.out -> /a/__overlay_2_0.in", "/a/__overlay_2_0.out -> /__overlay_0_0.in",
         "/__overlay_0_0.out -> /a/c/__overlay_4_0.in", "/a/c/__overlay_4_0.out -> /a/c.up"});
}

BOOST_AUTO_TEST_CASE(all_scopes_are_on_the_side_of_the_provider_of_an_export) {
  Graph graph;
  graph.component("/a").component("/a/c").exported("api", "/a/c.api");
  check(rewritten(graph, {applied(graph, "/", 0, {{0}}), applied(graph, "/a", 0, {{0}}),
                          applied(graph, "/a/c", 0, {{0}})}),
        {"/a/c.api -> /a/c/__overlay_2_0.in", "/a/c/__overlay_2_0.out -> /a/__overlay_1_0.in",
         "/a/__overlay_1_0.out -> /__overlay_0_0.in", "/__overlay_0_0.out -> export api"});
}

// Case 31.
BOOST_AUTO_TEST_CASE(hops_are_as_weak_as_the_edge_was) {
  Graph graph;
  graph.component("/a").edge("slots.ext", "/a.in", true).edge("/.x", "/a.y");
  const auto result =
      rewrite(graph.scenario, std::vector<Application>{applied(graph, "/", 0, {{0}, {1}})});
  const auto& edges = result.rewritten.scenario.edges;
  check(Graph::lines(result.rewritten.scenario),
        {"slots.ext -> /__overlay_0_0.in", "/__overlay_0_0.out -> /a.in",
         "/.x -> /__overlay_0_1.in", "/__overlay_0_1.out -> /a.y"});
  BOOST_TEST((edges[0].weak && edges[1].weak && !edges[2].weak && !edges[3].weak));
}

BOOST_AUTO_TEST_CASE(a_moniker_that_is_taken_gets_a_number) {
  Graph graph;
  graph.component("/__overlay_0_0").component("/a").component("/b").edge("/a.x", "/b.in");
  check(rewritten(graph, {applied(graph, "/", 0, {{0}})}),
        {"/a.x -> /__overlay_0_0_1.in", "/__overlay_0_0_1.out -> /b.in"});
}

BOOST_AUTO_TEST_CASE(no_interposition_is_no_change) {
  const Graph graph = case_21();
  const auto result = rewrite(graph.scenario, std::vector<Application>{applied(graph, "/", 0, {})});
  check(Graph::lines(result.rewritten.scenario), Graph::lines(graph.scenario));
  BOOST_TEST(result.rewritten.scenario.components.size() == graph.scenario.components.size());
  BOOST_TEST(result.rewritten.chains.empty());
}

// Two overlays of one scope: the request meets the one that is declared last first.
BOOST_AUTO_TEST_CASE(overlays_of_a_scope_stand_as_declared_from_the_provider) {
  Graph graph;
  graph.component("/a").component("/b").edge("/a.x", "/b.in");
  check(rewritten(graph, {applied(graph, "/", 0, {{0}, {0}}), applied(graph, "/", 1, {{0}})}),
        {"/a.x -> /__overlay_0_0.in", "/__overlay_0_0.out -> /__overlay_0_1.in",
         "/__overlay_0_1.out -> /__overlay_1_0.in", "/__overlay_1_0.out -> /b.in"});
}

// Case 32: ours.
BOOST_AUTO_TEST_CASE(one_interposer_on_edges_in_series_is_an_error_that_names_them) {
  Graph graph;
  graph.component("/x").component("/y").component("/z");
  graph.edge("/x.out", "/y.in").edge("/y.out", "/z.in");
  const auto result =
      rewrite(graph.scenario, std::vector<Application>{applied(graph, "/", 0, {{0, 1}})});
  BOOST_TEST_REQUIRE(result.faults.size() == 1U);
  BOOST_TEST(result.faults[0].message ==
             "/__overlay_0_0 (of /'s overlay #guard.plan) is attached to edges in series, so that "
             "it would wait for itself: /x.out -> /y.in, /y.out -> /z.in");
  // side by side it may stand
  Graph apart;
  apart.component("/x").component("/y").component("/z");
  apart.edge("/x.out", "/y.in").edge("/x.out2", "/z.in");
  check(rewritten(apart, {applied(apart, "/", 0, {{0, 1}})}),
        {"/x.out -> /__overlay_0_0.in", "/__overlay_0_0.out -> /y.in",
         "/x.out2 -> /__overlay_0_0.in1", "/__overlay_0_0.out -> /z.in"});
}

BOOST_AUTO_TEST_CASE(who_an_interposer_is_does_not_depend_on_places_in_lists) {
  Graph graph;
  graph.component("/a").component("/b").edge("/a.x", "/b.in").edge("/a.y", "/b.in2");
  const auto of = [&graph](std::vector<Application> by) {
    const auto all = rewrite(graph.scenario, by).rewritten.scenario.components;
    return all.back();
  };
  const Component first = of({applied(graph, "/", 0, {{0}})});
  const Component later = of({applied(graph, "/", 0, {{1}}), applied(graph, "/", 1, {{0}})});
  BOOST_TEST(first.moniker != later.moniker);
  BOOST_TEST(first.digest == later.digest);
  BOOST_TEST(first.provenance->alias == later.provenance->alias);
  auto asked_else = applied(graph, "/", 0, {{0}});
  asked_else.request_digest = "sha256:else";
  BOOST_TEST(of({asked_else}).digest != first.digest);
  BOOST_TEST(of({asked_else}).provenance->alias == first.provenance->alias);
  // two that are the same in all but their place have names of their own
  const auto twice =
      rewrite(graph.scenario, std::vector<Application>{applied(graph, "/", 0, {{0}, {0}})});
  const auto& all = twice.rewritten.scenario.components;
  BOOST_TEST(all[3].provenance->alias + "_1" == all[4].provenance->alias);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
