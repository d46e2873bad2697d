#include "overlay/plan/request.hpp"

#include "tests/support/plans.hpp"
#include "tests/unit/overlay/manifest_support.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::Graph;
using sluice::test::plan_graph;

void fill(Component& out, const std::string& sections) {
  const Manifest manifest = test::valid(test::with(sections));
  out.program = manifest.program;
  out.slots = manifest.slots;
  out.provides = manifest.provides;
  out.resources = manifest.resources;
  out.config_schema = manifest.config_schema;
  out.metadata = manifest.metadata;
}

// Reference §2.1, the worked request.
Graph worked() {
  Graph out;
  out.component("/asker").component("/teller");
  out.edge("/teller.talk", "/asker.peer").exported("site", "/asker.web");
  out.scenario.edges[0].capability.kind = Kind::a2a;
  auto& all = out.scenario.components;
  fill(all[0], "config_schema: {type: 'object', properties: {pin: {type: 'string', "
               "default: '0000'}}, required: ['pin']}");
  fill(all[1], "config_schema: {type: 'object', properties: {pin: {type: 'string'}}, "
               "required: ['pin']}, slots: {peer: {kind: 'a2a'}}, "
               "provides: {web: {kind: 'http', endpoint: 'web'}}, "
               "program: {path: '/usr/bin/env', args: ['python3', '-c', 'source'], "
               "env: {PEER: '${slots.peer.url}', PIN: '${config.pin}'}, "
               "network: {endpoints: [{name: 'web', port: 9001}]}}");
  fill(all[2], "provides: {talk: {kind: 'a2a', endpoint: 'e'}}, program: {image: 'teller:1', "
               "entrypoint: 'teller', network: {endpoints: [{name: 'e', port: 9002}]}}");
  all[1].config = Json{{"pin", "${config.pin}"}};
  return out;
}

constexpr std::string_view kWorked = R"({"scope":{
  "components":[
    {"id":0,"parent":null,"moniker":"/","digest":"sha256:/","config":null,
     "config_schema":{"type":"object","properties":{"pin":{"type":"string","default":"0000"}},"required":["pin"]},
     "program":null,"slots":{},"provides":{},"resources":{},"metadata":null,"child_templates":{},"children":[1,2]},
    {"id":1,"parent":0,"moniker":"/asker","digest":"sha256:/asker","config":{"pin":"${config.pin}"},
     "config_schema":{"type":"object","properties":{"pin":{"type":"string"}},"required":["pin"]},
     "program":{"path":"/usr/bin/env","args":["python3","-c","source"],
                "env":{"PEER":"${slots.peer.url}","PIN":"${config.pin}"},
                "network":{"endpoints":[{"name":"web","port":9001,"protocol":"http"}]}},
     "slots":{"peer":{"kind":"a2a","profile":null,"optional":false,"multiple":false}},
     "provides":{"web":{"kind":"http","profile":null,"endpoint":"web"}},
     "resources":{},"metadata":null,"child_templates":{},"children":[]},
    {"id":2,"parent":0,"moniker":"/teller","digest":"sha256:/teller","config":null,"config_schema":null,
     "program":{"image":"teller:1","entrypoint":["teller"],"network":{"endpoints":[{"name":"e","port":9002,"protocol":"http"}]}},
     "slots":{},"provides":{"talk":{"kind":"a2a","profile":null,"endpoint":"e"}},
     "resources":{},"metadata":null,"child_templates":{},"children":[]}],
  "bindings":[{"id":0,"from":{"Component":{"component":2,"name":"talk"}},"to":{"component":1,"name":"peer"},"capability":{"kind":"a2a","profile":null}}],
  "imports":[],
  "exports":[{"id":1,"from":{"Component":{"component":1,"name":"web"}},"capability":{"kind":"http","profile":null}}]}})";

Json asked(const Graph& graph, const std::string& scope) {
  return request_of(graph.scenario, scope_of(graph.scenario, graph.id(scope))).at("scope");
}

Json lowered(const std::string& program) {
  return lowered_json(test::valid(test::with(program)).program.value(), 7);
}

BOOST_AUTO_TEST_SUITE(request)

BOOST_AUTO_TEST_CASE(says_what_amber_says) {
  const Graph graph = worked();
  const Json request = request_of(graph.scenario, scope_of(graph.scenario, 0));
  BOOST_TEST(request == Json::parse(kWorked), request.dump(1));
}

// Reference §10, case 21.
BOOST_AUTO_TEST_CASE(edges_are_numbered_and_told_by_side) {
  Graph graph;
  graph.component("/left").component("/left/worker").component("/src").component("/sink");
  graph.edge("/src.api", "/left.in").edge("/left.out", "/left/worker.needs");
  graph.edge("/left.out", "/sink.in").exported("api", "/left.out");
  const Json scope = asked(graph, "/left");
  BOOST_TEST(scope.at("components").size() == 2U);
  BOOST_TEST(scope.at("imports") == Json::parse(R"([{"id": 0, "to": {"component": 1, "name": "in"},
      "capability": {"kind": "http", "profile": null}}])"));
  BOOST_TEST(scope.at("bindings").at(0).at("id") == 1);
  BOOST_TEST(scope.at("exports") == Json::parse(R"([
      {"id": 2, "from": {"Component": {"component": 1, "name": "out"}},
       "capability": {"kind": "http", "profile": null}},
      {"id": 3, "from": {"Component": {"component": 1, "name": "out"}},
       "capability": {"kind": "http", "profile": null}}])"));
  const std::string text = scope.dump();
  for (const char* beyond : {"/src", "/sink", "\"api\""}) {
    BOOST_TEST(text.find(beyond) == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(sources_are_tagged) {
  Graph graph;
  graph.component("/a").component("/b");
  graph.edge("/a.disk", "/b.disk").edge("/a.run", "/b.run").edge("slots.ext", "/b.ext", true);
  graph.scenario.edges[0].from.kind = Source::Kind::resource;
  graph.scenario.edges[0].capability.kind = Kind::storage;
  graph.scenario.edges[1].from = {Source::Kind::framework, 1, "docker"};
  const Json scope = asked(graph, "/");
  BOOST_TEST(scope.at("bindings").at(0).at("from") ==
             Json::parse(R"({"Resource": {"component": 1, "name": "disk"}})"));
  BOOST_TEST(scope.at("bindings").at(1).at("from") ==
             Json::parse(R"({"Framework": {"authority": 1, "capability": "docker"}})"));
  BOOST_TEST(scope.at("imports").size() == 1U);
  BOOST_TEST(!scope.at("imports").at(0).contains("from"));
  BOOST_TEST(!scope.at("imports").at(0).contains("weak"));
}

BOOST_AUTO_TEST_CASE(what_a_component_owns_is_told) {
  Graph graph;
  graph.component("/a");
  fill(graph.scenario.components[1],
       "slots: {kids: {kind: 'component', optional: true, multiple: true}}, "
       "resources: {disk: {kind: 'storage', params: {size: '1Gi'}}}, metadata: {by: 'us'}");
  graph.scenario.components[1].child_templates["one"] = Json{{"limits", {{"live", 3}}}};
  const Json told = asked(graph, "/").at("components").at(1);
  BOOST_TEST(told.at("resources") == Json::parse(R"({"disk": {"kind": "storage",
      "params": {"size": "1Gi", "retention": null, "sharing": null}}})"));
  BOOST_TEST(told.at("metadata") == (Json{{"by", "us"}}));
  BOOST_TEST(told.at("child_templates") == Json::parse(R"({"one": {"limits": {"live": 3}}})"));
  BOOST_TEST(told.at("slots").at("kids").at("multiple") == true);
}

// Reference §2.3.
BOOST_AUTO_TEST_CASE(programs_are_lowered) {
  const Json got = lowered(
      "config_schema: {type: 'object', properties: {n: {type: 'string'}, on: {type: 'boolean'}, "
      "l: {type: 'array'}}}, slots: {disk: {kind: 'storage'}}, resources: {own: {kind: "
      "'storage'}}, "
      "program: {path: '/m', mounts: [{path: '/run/${config.n}', from: 'config.n', "
      "when: 'config.on'}, {path: '/all', from: 'config'}, {path: '/i', each: 'config.l', "
      "from: 'config.l.${item.a}'}, {path: '/s', from: 'slots.disk'}, "
      "{path: '/r', from: 'resources.own'}], "
      "network: {endpoints: [{name: 'e', port: 1, when: 'config.on'}]}}");
  BOOST_TEST(got == Json::parse(R"({"path": "/m", "mounts": [
      {"kind": "file", "path": [{"lit": "/run/"}, {"config": "n"}], "when": "config.on",
       "source": {"kind": "config", "path": [{"lit": "n"}]}},
      {"kind": "file", "path": [{"lit": "/all"}], "source": {"kind": "config", "path": []}},
      {"kind": "file", "path": [{"lit": "/i"}], "each": "config.l",
       "source": {"kind": "config", "path": [{"lit": "l."}, {"item": "a"}]}},
      {"kind": "slot", "path": "/s", "slot": "disk"},
      {"kind": "resource", "path": "/r", "resource": "own"}],
      "network": {"endpoints": [{"name": "e", "port": 1, "protocol": "http"}]}})"),
             got.dump(1));
  BOOST_TEST(!lowered("program: {path: '/m'}").contains("args"));
  BOOST_TEST(lowered("program: {path: '/m'}") == (Json{{"path", "/m"}}));
  BOOST_TEST(lowered("program: {vm: {image: '/i', cpus: 1, memory_mib: 64, "
                     "network: {endpoints: [], egress: 'optional'}}}") ==
             Json::parse(R"({"vm": {"image": "/i", "cpus": 1, "memory_mib": 64,
                 "network": {"endpoints": []}, "egress": "optional"}})"));
}

// What goes out in a request may come back in a plan.
BOOST_AUTO_TEST_CASE(a_lowered_program_is_read_as_itself) {
  const Manifest manifest = test::valid(test::with(
      "config_schema: {type: 'object', properties: {n: {type: 'string'}, on: {type: 'boolean'}, "
      "l: {type: 'array'}}}, resources: {own: {kind: 'storage'}}, "
      "program: {image: 'm:1', entrypoint: ['m', {when: 'config.on', arg: '-v'}, "
      "{each: 'config.l', argv: ['-x', '${item.a}']}], "
      "env: {A: {each: 'config.l', value: '${item}', join: ','}}, "
      "mounts: [{path: '/all', from: 'config'}, {path: '/r', from: 'resources.own'}, "
      "{path: '/run/${config.n}', from: 'config.n', when: 'config.on'}, "
      "{path: '/i', each: 'config.l', from: 'config.l.${item.a}'}], "
      "network: {endpoints: [{name: 'e', port: 1, protocol: 'tcp'}]}}"));
  Json one = sluice::test::base_interposition();
  one["interposer"]["program"] = lowered_json(*manifest.program, 3);
  sluice::Diagnostics problems;
  const auto plan = decode_plan(sluice::test::plan_of(one).dump(), "/guard", problems);
  BOOST_TEST_REQUIRE(plan.has_value(), format(problems));
  const Interposer& read = plan->interpositions[0].interposer;
  BOOST_TEST(read.template_fault == "");
  BOOST_TEST((read.program == manifest.program));
}

BOOST_AUTO_TEST_CASE(the_digest_is_of_what_is_asked) {
  const Graph graph = worked();
  const Json request = request_of(graph.scenario, scope_of(graph.scenario, 0));
  Json other = request;
  BOOST_TEST(request_digest(request) == request_digest(other));
  BOOST_TEST(request_digest(request).starts_with("sha256:"));
  other["scope"]["components"][1]["config"]["pin"] = "1";
  BOOST_TEST(request_digest(request) != request_digest(other));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
