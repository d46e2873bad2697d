#include "overlay/deploy/sidecar_files.hpp"

#include "overlay/deploy/url_maps.hpp"
#include "policy/engine/engine.hpp"
#include "policy/engine/snapshot.hpp"
#include "tests/support/graph.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::Graph;
namespace engine = sluice::engine;
namespace model = sluice::model;

Layout layout() {
  Layout out;
  out.host = [](UnitId id) { return "u" + std::to_string(id) + ".mesh"; };
  out.mesh_port = [](InletRef at) { return static_cast<std::uint16_t>(23000 + at.inlet); };
  out.export_port = [](const Export&) { return std::uint16_t{18080}; };
  out.export_url = [](const Export&) { return std::string("http://127.0.0.1:18080"); };
  out.external_url = [](const std::string& slot) {
    return slot == "set" ? std::string("https://api.example") : std::string();
  };
  out.mesh_address = out.export_address = "0.0.0.0";
  out.program_host = "program.box";
  out.evidence_dir = "evidence";
  out.roots = "/keys/roots.pem";
  out.identity = [](UnitId id) { return "/keys/u" + std::to_string(id); };
  out.ca_dir = [](UnitId id) { return "/keys/ca" + std::to_string(id); };
  return out;
}

// /a.api -> [interposers] -> /b.in, all of kind a2a; /b.web is exported.
struct Pair {
  explicit Pair(Capability capability = {Kind::a2a, {}}) {
    Graph graph;
    graph.component("/a").component("/b").edge("/a.api", "/b.in").exported("web", "/b.web");
    scenario = std::move(graph.scenario);
    scenario.edges[0].capability = capability;
    for (const ComponentId id : {1U, 2U}) {
      Program& program = scenario.components[id].program.emplace();
      program.form = Program::Form::path;
    }
  }
  ComponentId interpose(std::optional<Builtin> builtin) {
    Component one;
    one.id = scenario.components.size();
    one.moniker = "/__overlay_0_0";
    one.provenance.emplace();
    Program& program = one.program.emplace();
    program.form = builtin ? Program::Form::builtin : Program::Form::path;
    program.builtin = builtin;
    one.provides["down"].endpoint = "e";
    Edge& edge = scenario.edges[0];
    const Edge first{edge.from, {one.id, "up"}, edge.capability, false};
    edge.from = {Source::Kind::component, one.id, "down"};
    scenario.edges.insert(scenario.edges.begin(), first);
    scenario.components.push_back(std::move(one));
    return scenario.components.back().id;
  }
  void deploy() {
    Endpoints endpoints;
    for (const Component& one : scenario.components) {
      endpoints.emplace_back();
      const bool runs = one.program && one.program->form == Program::Form::path;
      if (runs)
        endpoints.back() = {{"e", static_cast<std::uint16_t>(8000 + one.id), Protocol::http}};
    }
    std::vector<DeployFault> faults;
    auto made = sluice::overlay::deploy(scenario, endpoints, faults);
    BOOST_TEST_REQUIRE(made.has_value());
    deployment = std::move(*made);
  }
  SidecarFiles files(UnitId unit, std::map<ComponentId, std::vector<BuiltinTask>> tasks = {}) {
    std::vector<DeployFault> faults;
    const Sidecars sidecars(scenario, deployment, std::move(tasks), layout());
    auto out = sidecars.files_of(unit, faults);
    for (const DeployFault& one : faults) BOOST_ERROR(one.where + ": " + one.message);
    return out;
  }

  Scenario scenario;
  Deployment deployment;
};

const Json& listener(const SidecarFiles& files, const std::string& name) {
  for (const Json& one : files.config["listeners"]) {
    if (one["name"] == name) return one;
  }
  throw std::invalid_argument(name);
}

std::shared_ptr<const engine::Engine> engine_of(const Json& policy) {
  const auto load = engine::load_policy_text(policy.dump(), "policy.yaml");
  BOOST_TEST_REQUIRE(!sluice::has_errors(load.diagnostics), sluice::format(load.diagnostics));
  return engine::make_engine(engine::EngineKind::reference, load.snapshot);
}

bool allows(const Json& policy, const std::string& host, std::uint16_t port,
            model::Scheme scheme = model::Scheme::https, const std::string& method = "POST") {
  model::EgressCall call;
  call.to = {scheme, model::Host::parse(host).value(), port};
  call.method = method;
  call.path = "/";
  return engine_of(policy)->decide(call).allowed();
}

BOOST_AUTO_TEST_SUITE(sidecar_files)

BOOST_AUTO_TEST_CASE(an_edge_is_a_listener_on_both_sides_and_each_knows_the_other) {
  Pair pair;
  pair.deploy();
  const auto domain = trust_domain_of(pair.scenario);
  const auto a = pair.files(0), b = pair.files(1);
  const Json& in = listener(a, "in-api");
  BOOST_TEST(in["bind"] == "0.0.0.0:23000");
  BOOST_TEST(in["upstream"] == "http://program.box:8001");
  BOOST_TEST(in["peers"] == Json({"spiffe://" + domain + "/component/b"}));
  const Json& slot = listener(b, "slot-in");
  BOOST_TEST(slot["bind"] == "127.0.0.1:20000");
  BOOST_TEST(slot["upstream"] == "https://u0.mesh:23000");
  BOOST_TEST(slot["upstream_peer"] == "spiffe://" + domain + "/component/a");
  BOOST_TEST(b.config["identity"]["key"] == "/keys/u1.key");
  BOOST_TEST(listener(b, "export-web")["bind"] == "0.0.0.0:18080");
  BOOST_TEST(b.config["agent"]["id"] == "/b");
}

BOOST_AUTO_TEST_CASE(a_sidecar_lets_through_what_its_edges_are_and_nothing_else) {
  Pair pair;
  pair.deploy();
  const auto policy = pair.files(1).policy;
  BOOST_TEST(allows(policy, "u0.mesh", 23000));
  BOOST_TEST(allows(policy, "program.box", 8002, model::Scheme::http));
  BOOST_TEST(!allows(policy, "u0.mesh", 23001));
  BOOST_TEST(!allows(policy, "program.box", 8001, model::Scheme::http));
  BOOST_TEST(!allows(policy, "example.com", 443));
}

BOOST_AUTO_TEST_CASE(a_slot_that_nobody_filled_leads_nowhere) {
  Pair pair;
  for (const char* name : {"set", "unset"}) {
    pair.scenario.edges.push_back(
        {{Source::Kind::external, 0, name}, {2, name}, {Kind::http, {}}, true});
  }
  pair.deploy();
  const auto b = pair.files(1);
  BOOST_TEST(listener(b, "slot-set")["upstream"] == "https://api.example:443");
  BOOST_TEST(allows(b.policy, "api.example", 443));
  BOOST_TEST(!allows(b.policy, "unset.invalid", 443));
}

// ---- overlays ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(built_in_interposers_do_what_their_configs_say_to_the_one_edge) {
  Pair pair;
  const auto id = pair.interpose(Builtin::policy);
  pair.deploy();
  const Json policy = {{"egress", {{{"name", "post"}, {"allow", {{"methods", {"POST"}}}}}}},
                       {"agents", {{{"allow", {{"methods", {"message/send"}}}}}}}};
  const auto files = pair.files(2, {{id,
                                     {{Builtin::policy, policy, {}},
                                      {Builtin::limit, {{"requests_per_minute", 5}}, {}},
                                      {Builtin::redact, {{"pii", true}}, {"/keys/term-1"}}}}});
  BOOST_TEST(listener(files, "in-down")["upstream"] == "https://u0.mesh:23000");
  BOOST_TEST(files.config["listeners"].size() == 1U);
  BOOST_TEST(files.config["secrets"][0]["value"]["file"] == "/keys/term-1");
  const Json& rule = files.policy["egress"][0];
  BOOST_TEST(rule["allow"]["hosts"] == Json({"u0.mesh"}));
  BOOST_TEST(rule["redact"] == Json({"secrets", "pii"}));
  BOOST_TEST(rule["private"] == true);
  BOOST_TEST(rule["limits"]["requests_per_minute"] == 5);
  BOOST_TEST(files.policy["agents"][0]["allow"]["peers"] == Json({"u0.mesh"}));
  Json without = files.policy; // agents are judged by what they say
  without.erase("agents");
  BOOST_TEST(allows(without, "u0.mesh", 23000));
  BOOST_TEST(!allows(without, "u0.mesh", 23000, model::Scheme::https, "GET"));
}

BOOST_AUTO_TEST_CASE(what_overlays_ask_for_is_added_to_what_the_rules_have) {
  Pair pair;
  const auto id = pair.interpose(Builtin::policy);
  pair.deploy();
  const Json policy = {{"egress",
                        {{{"allow", {{"paths", {"/a"}}}},
                          {"redact", {"secrets"}},
                          {"limits", {{"requests_per_minute", 100}, {"request_body", "1MiB"}}}},
                         {{"block", {{"paths", {"/b"}}}}}}}};
  const auto files =
      pair.files(2, {{id,
                      {{Builtin::policy, policy, {}},
                       {Builtin::redact, {{"pii", true}}, {}},
                       {Builtin::limit, {{"requests_per_minute", 5}, {"request_body", "1GiB"}}, {}},
                       {Builtin::limit, {{"request_body", 2048}}, {}}}}});
  const Json& rule = files.policy["egress"][0];
  BOOST_TEST(rule["redact"] == Json({"secrets", "pii"}));
  BOOST_TEST(rule["limits"] == Json({{"requests_per_minute", 5}, {"request_body", 2048}}));
  BOOST_TEST(!files.policy["egress"][1].contains("private")); // only an allow has duties
  (void)engine_of(files.policy);
}

BOOST_AUTO_TEST_CASE(an_export_is_for_the_outside) {
  Pair pair;
  pair.deploy();
  BOOST_TEST(listener(pair.files(1), "export-web")["outside"] == true);
}

// Two provides at one address: to who called one of them, it is that one.
BOOST_AUTO_TEST_CASE(an_address_of_two_provides_is_the_one_that_was_called) {
  Pair pair;
  pair.scenario.components[1].provides["other"].endpoint = "e";
  pair.scenario.edges.push_back(
      {{Source::Kind::component, 1, "other"}, {2, "second"}, {Kind::a2a, {}}, false});
  pair.deploy();
  BOOST_TEST(
      (inlet_urls(pair.scenario, pair.deployment, 0, 1).response ==
       std::vector<UrlMap>{{"http://127.0.0.1:8001", route_url("component:/a:other:http")}}));
}

BOOST_AUTO_TEST_CASE(without_a_policy_an_interposer_lets_its_edge_through) {
  Pair pair;
  const auto id = pair.interpose(Builtin::redact);
  pair.deploy();
  const auto files = pair.files(2, {{id, {{Builtin::redact, Json::object(), {}}}}});
  BOOST_TEST(allows(files.policy, "u0.mesh", 23000, model::Scheme::https, "GET"));
  BOOST_TEST(!allows(files.policy, "example.com", 443));
  BOOST_TEST(files.policy["egress"][0]["redact"] == Json({"secrets"}));
}

BOOST_AUTO_TEST_CASE(the_egress_of_a_program_is_what_its_one_policy_says) {
  Pair pair;
  pair.deploy();
  const Json policy = {{"egress", {{{"allow", {{"hosts", {"api.example"}}}}}}}};
  const std::map<ComponentId, std::vector<BuiltinTask>> tasks = {
      {2, {{Builtin::policy, policy, {}}, {Builtin::redact, Json::object(), {}}}}};
  const auto files = pair.files(1, tasks);
  BOOST_TEST(allows(files.policy, "api.example", 443));
  BOOST_TEST(!allows(files.policy, "other.example", 443));
  BOOST_TEST(allows(files.policy, "u0.mesh", 23000));
  BOOST_TEST(files.policy["egress"].back()["redact"] == Json({"secrets"}));
  BOOST_TEST(files.policy["egress"][0]["redact"] == Json::array()); // an edge passes as it is
  const Sidecars twice(pair.scenario, pair.deployment,
                       {{2, {{Builtin::policy, policy, {}}, {Builtin::policy, policy, {}}}}},
                       layout());
  std::vector<DeployFault> faults;
  (void)twice.files_of(1, faults);
  BOOST_TEST_REQUIRE(faults.size() == 1U);
  BOOST_TEST(faults[0].where == "/b");
}

BOOST_AUTO_TEST_CASE(configs_of_built_in_interposers_are_checked_before_anything_runs) {
  const auto wrong = [](Builtin what, const char* config) {
    std::string out;
    for (const auto& one : check_builtin_config(what, Json::parse(config)))
      out += one.pointer + ' ';
    return out;
  };
  BOOST_TEST(wrong(Builtin::redact, R"({"terms": ["a"], "pii": true, "rules": []})").empty());
  BOOST_TEST(wrong(Builtin::redact, R"({"terms": ["a", ""], "words": []})") == "/words /terms ");
  BOOST_TEST(wrong(Builtin::policy, R"({"egress": [], "credentials": []})") == "/credentials ");
  BOOST_TEST(wrong(Builtin::policy, R"({"defaults": {"decision": "allow"},
      "egress": [{"allow": {}}, {"require_approval": {}}]})") == "/defaults/decision /egress/1 ");
  BOOST_TEST(wrong(Builtin::limit, R"({"requests_per_minute": 1, "rps": 1})") == "/rps ");
  BOOST_TEST(wrong(Builtin::record, R"({"all": true})") == "/all ");
  BOOST_TEST(check_builtin_config(Builtin::record, Json::array()).size() == 1U);
}

// ---- addresses by which agents speak of each other ---------------------------------------------

using Maps = std::vector<UrlMap>;

BOOST_AUTO_TEST_CASE(
    a_program_s_own_address_is_a_name_between_sidecars_and_the_slot_s_at_the_other) {
  Pair pair;
  pair.deploy();
  const std::string route = route_url("component:/a:api:http");
  BOOST_TEST(route == "amber://route/Y29tcG9uZW50Oi9hOmFwaTpodHRw");
  const auto in = inlet_urls(pair.scenario, pair.deployment, 0, 0);
  BOOST_TEST((in.response == Maps{{"http://127.0.0.1:8001", route}}));
  BOOST_TEST((in.request == Maps{{route, "http://127.0.0.1:8001"}}));
  const auto out = outlet_urls(pair.scenario, pair.deployment, 1, 0);
  BOOST_TEST((out.request == Maps{{"http://127.0.0.1:20000", route}}));
  BOOST_TEST((out.response == Maps{{route, "http://127.0.0.1:20000"}}));
}

BOOST_AUTO_TEST_CASE(an_interposer_puts_itself_in_the_place_of_what_it_stands_before) {
  Pair pair;
  const auto id = pair.interpose(std::nullopt);
  pair.deploy();
  BOOST_TEST(id == 3U);
  const std::string mine = route_url("component:/__overlay_0_0:down:http");
  const std::string theirs = route_url("component:/a:api:http");
  const auto in = inlet_urls(pair.scenario, pair.deployment, 2, 0);
  BOOST_TEST(
      (in.response == Maps{{"http://127.0.0.1:20000", mine}, {"http://127.0.0.1:8003", mine}}));
  const auto out = outlet_urls(pair.scenario, pair.deployment, 2, 0);
  BOOST_TEST(
      (out.request == Maps{{"http://127.0.0.1:20000", theirs}, {"http://127.0.0.1:8003", theirs}}));
  BOOST_TEST(
      (out.response == Maps{{mine, "http://127.0.0.1:8003"}, {theirs, "http://127.0.0.1:20000"}}));
}

BOOST_AUTO_TEST_CASE(through_a_built_in_interposer_the_agent_has_the_name_it_gives_itself) {
  Pair pair;
  pair.interpose(Builtin::redact);
  pair.deploy();
  const std::string route = route_url("component:/a:api:http");
  const auto out = outlet_urls(pair.scenario, pair.deployment, 1, 0);
  BOOST_TEST((out.request == Maps{{"http://127.0.0.1:20000", route}}));
  BOOST_TEST((out.response == Maps{{route, "http://127.0.0.1:20000"}}));
  BOOST_TEST((inlet_urls(pair.scenario, pair.deployment, 2, 0).response == Maps{}));
  const Export shown{"web", "down", {Kind::a2a, {}}, true, 0};
  const auto outside =
      export_urls(pair.scenario, pair.deployment, 2, shown, "http://127.0.0.1:18080");
  BOOST_TEST((outside.request == Maps{{"http://127.0.0.1:18080", route}}));
  BOOST_TEST((outside.response == Maps{{route, "http://127.0.0.1:18080"}}));
}

// The other way may be one without a guard.
BOOST_AUTO_TEST_CASE(what_came_over_one_of_two_slots_leads_back_over_that_one) {
  Pair pair;
  pair.deploy();
  auto& outlets = pair.deployment.units[1].outlets;
  outlets.push_back(outlets[0]);
  outlets[1].port = 20'001;
  const std::string route = route_url("component:/a:api:http");
  for (const auto& [slot, url] :
       {std::pair{0U, "http://127.0.0.1:20000"}, {1U, "http://127.0.0.1:20001"}})
    BOOST_TEST(
        (outlet_urls(pair.scenario, pair.deployment, 1, slot).response == Maps{{route, url}}));
}

BOOST_AUTO_TEST_CASE(only_agents_get_addresses_rewritten) {
  Pair pair({Kind::mcp, {}});
  pair.deploy();
  BOOST_TEST(!listener(pair.files(0), "in-api").contains("urls"));
  BOOST_TEST(!listener(pair.files(1), "slot-in").contains("urls"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
