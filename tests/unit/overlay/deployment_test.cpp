#include "overlay/deploy/deployment.hpp"

#include "tests/support/graph.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

namespace {

using namespace sluice::overlay;
using sluice::test::Graph;

// A graph in which every component but the root has a program with the endpoint "e".
struct Running {
  explicit Running(Graph graph) : scenario(std::move(graph.scenario)) {
    for (Component& one : scenario.components) {
      endpoints.emplace_back();
      if (one.id != 0) run(one.id, 8000 + static_cast<std::uint16_t>(one.id));
    }
  }
  void run(ComponentId id, std::uint16_t port, Protocol protocol = Protocol::http) {
    scenario.components[id].program.emplace();
    scenario.components[id].program->form = Program::Form::path;
    endpoints[id] = {{"e", port, protocol}};
  }
  void builtin(ComponentId id, Builtin what) {
    Program& program = scenario.components[id].program.emplace();
    program.form = Program::Form::builtin;
    program.builtin = what;
    endpoints[id].clear();
  }
  Deployment deployed() {
    std::vector<DeployFault> faults;
    auto made = deploy(scenario, endpoints, faults);
    for (const DeployFault& one : faults) BOOST_ERROR(one.where + ": " + one.message);
    BOOST_TEST_REQUIRE(made.has_value());
    return std::move(*made);
  }
  std::vector<DeployFault> faults() {
    std::vector<DeployFault> out;
    BOOST_TEST(!deploy(scenario, endpoints, out).has_value());
    return out;
  }

  Scenario scenario;
  Endpoints endpoints;
};

const Unit& unit(const Deployment& of, const std::string& name) {
  const auto at = std::find_if(of.units.begin(), of.units.end(),
                               [&](const Unit& one) { return one.name == name; });
  BOOST_TEST_REQUIRE((at != of.units.end()));
  return *at;
}

// consumer -> [b…] -> provider, as a request goes.
Running chain(const std::vector<Builtin>& met) {
  Graph graph;
  graph.component("/provider");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < met.size(); ++i) {
    names.push_back("/b" + std::to_string(i));
    graph.component(names.back());
  }
  graph.component("/consumer");
  std::string from = "/provider.api";
  for (auto at = names.rbegin(); at != names.rend(); ++at) {
    graph.edge(from, *at + ".upstream");
    from = *at + ".downstream";
  }
  graph.edge(from, "/consumer.in");
  Running out(std::move(graph));
  for (std::size_t i = 0; i < met.size(); ++i) out.builtin(2 + i, met[i]);
  return out;
}

std::vector<std::string> names_of(const Deployment& of) {
  std::vector<std::string> out;
  for (const Unit& one : of.units) out.push_back(one.name);
  return out;
}

BOOST_AUTO_TEST_SUITE(deployment)

BOOST_AUTO_TEST_CASE(each_program_has_a_sidecar_that_takes_calls_of_its_consumers_alone) {
  Graph graph;
  graph.component("/a").component("/b").component("/c");
  graph.edge("/a.api", "/b.in").edge("/a.api", "/c.in").exported("out", "/b.web");
  const auto made = Running(std::move(graph)).deployed();
  BOOST_TEST((names_of(made) == std::vector<std::string>{"c1-a", "c2-b", "c3-c"}));
  const Unit& a = unit(made, "c1-a");
  BOOST_TEST_REQUIRE(a.inlets.size() == 1U); // one for both
  BOOST_TEST(a.inlets[0].name == "in-api");
  BOOST_TEST(a.inlets[0].program_port == 8001);
  BOOST_TEST(a.inlets[0].mesh_port == kFirstMeshPort);
  BOOST_TEST((a.inlets[0].callers == std::vector<UnitId>{1, 2}));
  const Unit& b = unit(made, "c2-b");
  BOOST_TEST((slot_urls(b, "in") == std::vector<std::string>{"http://127.0.0.1:20000"}));
  BOOST_TEST((b.needs == std::vector<UnitId>{0}));
  BOOST_TEST_REQUIRE(b.exports.size() == 1U);
  BOOST_TEST(b.exports[0].program_port == 8002);
  BOOST_TEST(b.inlets.empty()); // nobody inside calls it
}

BOOST_AUTO_TEST_CASE(a_slot_of_several_has_an_address_of_each_in_the_order_of_edges) {
  Graph graph;
  graph.component("/a").component("/b").component("/c");
  graph.edge("/b.x", "/c.in").edge("/a.x", "/c.in");
  const auto made = Running(std::move(graph)).deployed();
  const Unit& c = unit(made, "c3-c");
  BOOST_TEST((slot_urls(c, "in") ==
              std::vector<std::string>{"http://127.0.0.1:20000", "http://127.0.0.1:20001"}));
  BOOST_TEST(c.outlets[0].name == "slot-in");
  BOOST_TEST(c.outlets[1].name == "slot-in#1");
  BOOST_TEST((c.outlets[0].to == InletRef{1, 0}));
}

BOOST_AUTO_TEST_CASE(ports_of_the_program_are_not_taken_from_it) {
  Graph graph;
  graph.component("/a").component("/b");
  graph.edge("/a.x", "/b.in").edge("/b.y", "/a.in", true);
  Running running(std::move(graph));
  running.run(1, kFirstMeshPort);
  running.run(2, kFirstSlotPort);
  const auto made = running.deployed();
  BOOST_TEST(unit(made, "c1-a").inlets[0].mesh_port == kFirstMeshPort + 1);
  BOOST_TEST(unit(made, "c2-b").outlets[0].port == kFirstSlotPort + 1);
  BOOST_TEST(unit(made, "c1-a").needs.empty()); // a weak edge
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_http_are_carried_as_they_are) {
  Graph graph;
  graph.component("/db").component("/b").edge("/db.sql", "/b.in");
  Running running(std::move(graph));
  running.run(1, 5432, Protocol::tcp);
  const auto made = running.deployed();
  BOOST_TEST(!unit(made, "c1-db").inlets[0].http);
  BOOST_TEST(
      (slot_urls(unit(made, "c2-b"), "in") == std::vector<std::string>{"tcp://127.0.0.1:20000"}));
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_nothing_carries_is_a_fault) {
  Graph graph;
  graph.component("/a").component("/b").edge("/a.x", "/b.in");
  Running secure(graph);
  secure.run(1, 443, Protocol::https);
  BOOST_TEST_REQUIRE(secure.faults().size() == 1U);
  BOOST_TEST(secure.faults()[0].where == "/a");
  Running gone(graph);
  gone.endpoints[1].clear(); // left out by `when`
  BOOST_TEST(gone.faults().size() == 1U);
}

// ---- built-in interposers ----------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(built_in_interposers_in_a_row_are_one_unit) {
  auto running = chain({Builtin::limit, Builtin::redact, Builtin::limit, Builtin::record});
  const auto made = running.deployed();
  BOOST_TEST((names_of(made) == std::vector<std::string>{"c1-provider", "c2-b0", "c6-consumer"}));
  const Unit& between = unit(made, "c2-b0");
  BOOST_TEST(between.builtin);
  BOOST_TEST((between.stands == std::vector<ComponentId>{2, 3, 4, 5}));
  BOOST_TEST_REQUIRE(between.outlets.size() == 1U);
  BOOST_TEST((between.outlets[0].to == InletRef{0, 0}));
  BOOST_TEST((between.inlets[0].callers == std::vector<UnitId>{2}));
  BOOST_TEST((unit(made, "c1-provider").inlets[0].callers == std::vector<UnitId>{1}));
  BOOST_TEST((starting_order(made) == std::vector<UnitId>{0, 1, 2}));
}

// A limit is of the edge: a policy's rules would each have one.
BOOST_AUTO_TEST_CASE(a_limit_is_not_of_a_policy_s_rules) {
  auto running = chain({Builtin::policy, Builtin::limit, Builtin::policy});
  BOOST_TEST((names_of(running.deployed()) ==
              std::vector<std::string>{"c1-provider", "c2-b0", "c3-b1", "c4-b2", "c5-consumer"}));
}

BOOST_AUTO_TEST_CASE(a_built_in_interposer_is_on_no_edge_to_a_tcp_endpoint) {
  auto running = chain({Builtin::record});
  running.run(1, 5432, Protocol::tcp);
  const auto faults = running.faults();
  BOOST_TEST_REQUIRE(faults.size() == 1U);
  BOOST_TEST(faults[0].where == "/b0");
}

// A sidecar decides on what the caller sent: what is to be decided on after redaction is another.
BOOST_AUTO_TEST_CASE(a_policy_behind_a_redaction_is_a_unit_of_its_own) {
  auto running = chain({Builtin::redact, Builtin::policy, Builtin::policy});
  const auto made = running.deployed();
  BOOST_TEST((names_of(made) ==
              std::vector<std::string>{"c1-provider", "c2-b0", "c3-b1", "c4-b2", "c5-consumer"}));
}

BOOST_AUTO_TEST_CASE(an_interposer_that_two_call_stands_alone) {
  auto running = chain({Builtin::record, Builtin::record});
  running.scenario.exports.push_back({"out", {Source::Kind::component, 3, "downstream"}, {}});
  const auto made = running.deployed();
  BOOST_TEST(
      (names_of(made) == std::vector<std::string>{"c1-provider", "c2-b0", "c3-b1", "c4-consumer"}));
  BOOST_TEST(unit(made, "c3-b1").exports.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_built_in_interposer_on_two_edges_is_a_fault) {
  auto running = chain({Builtin::record});
  running.scenario.edges.push_back({{Source::Kind::component, 1, "api"}, {2, "other"}, {}, false});
  const auto faults = running.faults();
  BOOST_TEST_REQUIRE(faults.size() == 1U);
  BOOST_TEST(faults[0].where == "/b0");
}

// ---- names -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(identities_are_paths_of_monikers_in_the_scenario_s_own_domain) {
  Graph graph;
  graph.component("/team").component("/team/My_Agent").component("/a b");
  Running running(std::move(graph));
  running.run(0, 80);
  const auto made = running.deployed();
  const auto domain = trust_domain_of(running.scenario);
  const auto id = [&](std::size_t at) {
    return identity_of(running.scenario, made.units[at], domain).substr(9 + domain.size());
  };
  BOOST_TEST(id(0) == "/component");
  BOOST_TEST(id(2) == "/component/team/My_Agent");
  BOOST_TEST(id(3) == "/unit/c3-a-b");
  BOOST_TEST(made.units[2].name == "c2-my-agent");
  auto other = running.scenario;
  other.components[1].digest = "sha256:other";
  BOOST_TEST(trust_domain_of(other) != domain);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
