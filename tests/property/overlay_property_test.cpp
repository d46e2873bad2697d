// Random trees, edges and attachments: every edge still leads from its provider to its consumer
// with its capability and weakness, its interposers stand in the order of Amber's sort key, and the
// numbers of edges in a scope follow the numbering rule. The oracles here are written from the
// rules, not from the code.
#include "overlay/plan/request.hpp"
#include "overlay/rewrite/rewrite.hpp"
#include "tests/support/graph.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>
#include <tuple>

namespace {

using namespace sluice::overlay;
using sluice::test::applied;
using sluice::test::Graph;

class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : random_(seed) {
    const int components = below(12) + 2;
    for (int i = 1; i < components; ++i) {
      const auto& parent = graph.scenario.components[static_cast<std::size_t>(below(i))].moniker;
      graph.component(child_moniker(parent, std::string(1, static_cast<char>('a' + i))));
    }
    const int edges = below(12) + 1;
    for (int i = 0; i < edges; ++i) {
      // from an earlier to a later component, so that there is no circle
      const int to = below(components - 1) + 1, from = below(to);
      const std::string source = below(8) == 0 ? "slots.x" + std::to_string(i)
                                               : moniker(from) + ".p" + std::to_string(below(3));
      graph.edge(source, moniker(to) + ".s" + std::to_string(i), below(3) == 0);
      graph.scenario.edges.back().capability.kind = below(2) == 0 ? Kind::http : Kind::a2a;
    }
    for (int i = below(3); i > 0; --i) {
      graph.exported("e" + std::to_string(below(1000)), moniker(below(components)) + ".out");
    }
  }

  // In the order of scopes by moniker segments, which is the pre-order by name.
  std::vector<Application> applications() {
    std::set<std::string> scopes;
    for (int i = below(5) + 1; i > 0; --i) scopes.insert(moniker(below(size())));
    std::vector<Application> out;
    for (const std::string& scope : scopes) {
      for (std::size_t overlay = 0; overlay < static_cast<std::size_t>(below(3) + 1); ++overlay) {
        out.push_back(one(scope, overlay));
      }
    }
    return out;
  }

  Graph graph;

 private:
  Application one(const std::string& scope, std::size_t overlay) {
    const auto edges = scope_of(graph.scenario, graph.id(scope)).edges.size();
    std::vector<std::vector<std::uint64_t>> targets;
    for (std::uint64_t id = 0; id < edges; ++id) {
      for (int times = below(3); times > 0; --times) targets.push_back({id});
    }
    return applied(graph, scope, overlay, targets);
  }

  int size() const { return static_cast<int>(graph.scenario.components.size()); }
  std::string moniker(int id) const {
    return graph.scenario.components[static_cast<std::size_t>(id)].moniker;
  }
  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

  std::mt19937 random_;
};

bool inside(const Graph& graph, std::string_view scope, const Source& source) {
  return source.kind != Source::Kind::external &&
         is_within(graph.scenario.at(source.component).moniker, scope);
}

// "provides", "0 …": the scope's list, from the words of reference §2.1.
std::vector<std::string> numbers(const Graph& graph, const std::string& scope) {
  std::vector<std::string> out;
  const auto& all = graph.scenario;
  for (std::size_t i = 0; i < all.edges.size(); ++i) {
    const bool from = inside(graph, scope, all.edges[i].from);
    const bool to = is_within(all.at(all.edges[i].to.component).moniker, scope);
    if (from || to) out.push_back(from && to ? "binding" : to ? "import" : "export");
  }
  for (const auto& one : all.exports) {
    if (inside(graph, scope, one.from)) out.emplace_back("export");
  }
  return out;
}

// Interposers of each edge from the provider on, by the sort key of reference §4.2.
std::map<EdgeKey, std::vector<std::string>> chains(const Graph& graph,
                                                   const std::vector<Application>& by) {
  using Sort = std::tuple<int, int, std::size_t, std::string, std::size_t, std::size_t>;
  std::map<EdgeKey, std::map<Sort, std::string>> sorted;
  for (std::size_t a = 0; a < by.size(); ++a) {
    const std::string scope = graph.scenario.at(by[a].scope).moniker;
    const int depth = scope == "/" ? 0 : static_cast<int>(moniker_depth(scope));
    const Scope view = scope_of(graph.scenario, by[a].scope);
    const auto kinds = numbers(graph, scope);
    for (std::size_t i = 0; i < by[a].plan.interpositions.size(); ++i) {
      const auto target = by[a].plan.interpositions[i].attachments[0].target;
      const std::string& kind = kinds[target];
      const int side = kind == "export" ? 0 : kind == "binding" ? 1 : 2;
      const Sort key{side, side == 2 ? depth : -depth, by[a].overlay, scope, a, i};
      sorted[view.edges[target].key][key] =
          child_moniker(scope, "__overlay_" + std::to_string(a) + '_' + std::to_string(i));
    }
  }
  std::map<EdgeKey, std::vector<std::string>> out;
  for (const auto& [edge, links] : sorted) {
    for (const auto& [key, moniker] : links) out[edge].push_back(moniker);
  }
  return out;
}

// From the consumer back through interposers to who provides; what was met, nearest provider first.
struct Walk {
  Source provider;
  std::vector<std::string> met;
};

Walk walk(const Scenario& after, Source from, const Capability& capability, bool weak) {
  Walk out;
  while (from.kind == Source::Kind::component && after.at(from.component).provenance) {
    out.met.insert(out.met.begin(), after.at(from.component).moniker);
    const Edge* hop = nullptr;
    for (const Edge& edge : after.edges) {
      if (edge.to.component == from.component) hop = &edge;
    }
    BOOST_TEST_REQUIRE(hop != nullptr);
    BOOST_TEST((hop->capability == capability && hop->weak == weak));
    from = hop->from;
  }
  out.provider = from;
  return out;
}

BOOST_AUTO_TEST_SUITE(overlay_property)

BOOST_AUTO_TEST_CASE(rewrites_keep_edges_and_order_chains) {
  std::size_t longest = 0, interposed = 0;
  for (unsigned seed = 1; seed <= 400; ++seed) {
    RandomGraph random(seed);
    const auto by = random.applications();
    const auto& before = random.graph.scenario;
    const auto result = rewrite(before, by);
    BOOST_TEST_REQUIRE(result.faults.empty());
    const Scenario& after = result.rewritten.scenario;
    const auto expected = chains(random.graph, by);
    std::size_t at = 0; // the last hops stand where the edges stood, in order
    for (std::size_t i = 0; i < before.edges.size(); ++i) {
      const Edge& edge = before.edges[i];
      while (at < after.edges.size() && after.at(after.edges[at].to.component).provenance) ++at;
      BOOST_TEST_REQUIRE(at < after.edges.size());
      const Edge& last = after.edges[at++];
      BOOST_TEST(
          (last.to == edge.to && last.capability == edge.capability && last.weak == edge.weak),
          seed);
      const Walk walked = walk(after, last.from, edge.capability, edge.weak);
      BOOST_TEST((walked.provider == edge.from), seed);
      const auto chain = expected.find({EdgeKey::Of::edges, i});
      const auto want = chain == expected.end() ? std::vector<std::string>() : chain->second;
      BOOST_TEST(walked.met == want, boost::test_tools::per_element());
      longest = std::max(longest, want.size());
      interposed += want.empty() ? 0 : 1;
    }
    for (std::size_t i = 0; i < before.exports.size(); ++i) {
      const auto& one = after.exports[i];
      BOOST_TEST((one.name == before.exports[i].name));
      const Walk walked = walk(after, one.from, one.capability, false);
      BOOST_TEST((walked.provider == before.exports[i].from), seed);
      const auto chain = expected.find({EdgeKey::Of::exports, i});
      const auto want = chain == expected.end() ? std::vector<std::string>() : chain->second;
      BOOST_TEST(walked.met == want, boost::test_tools::per_element());
    }
  }
  BOOST_TEST(longest >= 6U);
  BOOST_TEST(interposed >= 500U);
}

BOOST_AUTO_TEST_CASE(edges_are_numbered_by_the_rule) {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    RandomGraph random(seed + 10'000);
    for (const auto& component : random.graph.scenario.components) {
      const Scope scope = scope_of(random.graph.scenario, component.id);
      const auto request = request_of(random.graph.scenario, scope)["scope"];
      const auto want = numbers(random.graph, component.moniker);
      std::map<std::uint64_t, std::string> told;
      for (const char* list : {"binding", "import", "export"}) {
        for (const auto& edge : request[std::string(list) + 's']) told[edge["id"]] = list;
      }
      BOOST_TEST_REQUIRE(told.size() == want.size());
      std::uint64_t id = 0;
      for (const auto& [got, list] : told) {
        BOOST_TEST(got == id);
        BOOST_TEST(list == want[id++]);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
