#include "overlay/scenario/scope.hpp"

#include "tests/support/graph.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::case_21;
using sluice::test::Graph;

// "0 import, 1 binding": as the scope numbers them.
std::string numbered(const Graph& graph, std::string_view scope) {
  std::string out;
  for (const ScopeEdge& edge : scope_of(graph.scenario, graph.id(scope)).edges) {
    out += std::to_string(edge.id) + ' ' +
           std::string(kEdgeSides.at(static_cast<std::size_t>(edge.side)).text) + ' ' +
           to_string(graph.scenario, edge.key) + '\n';
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(scope)

BOOST_AUTO_TEST_CASE(numbers_edges_as_amber_does) {
  const Graph graph = case_21();
  BOOST_TEST(numbered(graph, "/left") == "0 import /src.api -> /left.in\n"
                                         "1 binding /left.out -> /left/worker.needs\n"
                                         "2 export /left.out -> /sink.in\n"
                                         "3 export /left.out -> export api\n");
  BOOST_TEST(scope_of(graph.scenario, graph.id("/left")).components.size() == 2U);
  BOOST_TEST(numbered(graph, "/sink") == "0 import /left.out -> /sink.in\n");
  BOOST_TEST(numbered(graph, "/") == "0 binding /src.api -> /left.in\n"
                                     "1 binding /left.out -> /left/worker.needs\n"
                                     "2 binding /left.out -> /sink.in\n"
                                     "3 export /left.out -> export api\n");
}

// Reference §4.3: the nested example.
BOOST_AUTO_TEST_CASE(says_which_ends_of_an_edge_are_inside) {
  Graph graph;
  graph.component("/a").component("/a/b").component("/a/b/p").component("/a/c");
  graph.edge("/a/b/p.api", "/a/c.up").exported("api", "/a/c.api");
  const std::string both = "0 binding /a/b/p.api -> /a/c.up\n1 export /a/c.api -> export api\n";
  BOOST_TEST(numbered(graph, "/") == both);
  BOOST_TEST(numbered(graph, "/a") == both);
  BOOST_TEST(numbered(graph, "/a/b") == "0 export /a/b/p.api -> /a/c.up\n");
  BOOST_TEST(numbered(graph, "/a/c") == "0 import /a/b/p.api -> /a/c.up\n"
                                        "1 export /a/c.api -> export api\n");
}

BOOST_AUTO_TEST_CASE(what_comes_from_outside_is_an_import_for_the_root_too) {
  Graph graph;
  graph.component("/a").edge("slots.ext", "/a.in", true);
  BOOST_TEST(numbered(graph, "/") == "0 import slots.ext -> /a.in\n");
  BOOST_TEST(numbered(graph, "/a") == "0 import slots.ext -> /a.in\n");
}

BOOST_AUTO_TEST_CASE(a_name_that_begins_like_the_scope_is_not_in_it) {
  Graph graph;
  graph.component("/a").component("/ab").edge("/ab.x", "/a.y");
  BOOST_TEST(scope_of(graph.scenario, graph.id("/a")).components.size() == 1U);
  BOOST_TEST(!is_within("/ab", "/a"));
  BOOST_TEST(is_within("/a/b", "/a"));
  BOOST_TEST(is_within("/a", "/"));
  BOOST_TEST(!is_within("/", "/a"));
  const Scope scope = scope_of(graph.scenario, graph.id("/a"));
  BOOST_TEST((scope.find(0) != nullptr));
  BOOST_TEST((scope.find(1) == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
