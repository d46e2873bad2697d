#include "overlay/scenario/scenario.hpp"

#include "tests/support/graph.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::Graph;

BOOST_AUTO_TEST_SUITE(scenario)

BOOST_AUTO_TEST_CASE(monikers) {
  BOOST_TEST(child_moniker("/", "a") == "/a");
  BOOST_TEST(child_moniker("/a", "b") == "/a/b");
  BOOST_TEST(moniker_depth("/") == 0U);
  BOOST_TEST(moniker_depth("/a") == 1U);
  BOOST_TEST(moniker_depth("/a/b") == 2U);
  BOOST_TEST(local_name("/a/b") == "b");
  BOOST_TEST(local_name("/") == "");
  BOOST_TEST(name_within("/a/b/c", "/a") == "b/c");
  BOOST_TEST(name_within("/a/b", "/") == "a/b");
  BOOST_TEST(name_within("/a", "/a") == ".");
}

BOOST_AUTO_TEST_CASE(a_strong_cycle_is_found_wherever_it_begins) {
  Graph graph;
  for (const char* name : {"/a", "/b", "/c", "/d"}) graph.component(name);
  graph.edge("/a.x", "/b.in").edge("/b.x", "/c.in").edge("/c.x", "/d.in");
  BOOST_TEST(strong_cycle(graph.scenario).empty());
  graph.edge("/d.x", "/b.back", true);
  BOOST_TEST(strong_cycle(graph.scenario).empty()); // weak: nobody waits for it
  graph.edge("/d.y", "/b.back2");
  const std::vector<std::size_t> cycle{1, 2, 4};
  BOOST_TEST(strong_cycle(graph.scenario) == cycle, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_component_may_wait_for_itself) {
  Graph graph;
  graph.component("/a").edge("/a.x", "/a.in");
  BOOST_TEST(strong_cycle(graph.scenario).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_long_chain_takes_no_stack) {
  Graph graph;
  constexpr int kMany = 20'000;
  auto& all = graph.scenario;
  for (int i = 0; i < kMany; ++i) {
    Component one;
    one.id = all.components.size();
    one.parent = 0;
    one.moniker = "/c" + std::to_string(i);
    all.components.push_back(std::move(one));
  }
  for (ComponentId i = 1; i < kMany; ++i) {
    all.edges.push_back({{Source::Kind::component, i, "x"}, {i + 1, "in"}, {}, false});
  }
  BOOST_TEST(strong_cycle(all).empty());
  all.edges.push_back({{Source::Kind::component, kMany, "x"}, {1, "in"}, {}, false});
  BOOST_TEST(strong_cycle(all).size() == kMany);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
