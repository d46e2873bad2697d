#include "overlay/deploy/prepare.hpp"

#include "tests/unit/overlay/scenario_support.hpp"

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

// A component whose port and key are config, with a slot.
const std::string kAgent = R"({
  manifest_version: '0.4.0',
  config_schema: {type: 'object', required: ['port', 'key'], properties: {
    port: {type: 'integer'}, key: {type: 'string', secret: true}}},
  slots: {peer: {kind: 'http', optional: true}},
  program: {path: '/bin/agent', args: ['--peer', '${slots.peer.url}'], env: {KEY: '${config.key}'},
            network: {endpoints: [{name: 'e', port: '${config.port}'}]}},
  provides: {api: {kind: 'http', endpoint: 'e'}}, exports: {api: 'provides.api'}})";

std::string root(const std::string& more) {
  return R"({manifest_version: '0.4.0',
    config_schema: {type: 'object', required: ['a', 'b'], properties: {
      a: {type: 'string', secret: true}, b: {type: 'string', secret: true}}},
    components: {one: {manifest: 'agent', config: {port: 8000, key: '${config.a}'}},
                 two: {manifest: 'agent', config: {port: 8000, key: '${config.b}'}}},
    bindings: [{to: '#two.peer', from: '#one.api'}, {to: '#one.peer', from: '#two.api', weak: true}],
    exports: {two: '#two.api'}, )" +
         more + "}";
}

Linked linked(const std::string& more = "") {
  auto out = try_link({{"root", root(more)}, {"agent", kAgent}});
  BOOST_TEST_REQUIRE(out.linked.has_value());
  return std::move(*out.linked);
}

const Json kValues = {{"a", "first-secret"}, {"b", "second-secret"}};

BOOST_AUTO_TEST_SUITE(prepare_scenario)

BOOST_AUTO_TEST_CASE(programs_get_their_values_and_the_addresses_of_their_slots) {
  const Linked of = linked();
  Diagnostics problems;
  const auto made = prepare(of, of.scenario, &kValues, problems);
  BOOST_TEST_REQUIRE(made.has_value(), format(problems));
  BOOST_TEST_REQUIRE(made->deployment.units.size() == 2U);
  const auto program =
      expand_unit(of.scenario, *made, made->deployment.units[1], kValues, problems);
  BOOST_TEST_REQUIRE(program.has_value());
  BOOST_TEST(program->env.at("KEY") == "second-secret");
  BOOST_TEST(program->command.back() == "http://127.0.0.1:20000");
  BOOST_TEST(program->endpoints.at(0).port == 8000);
}

BOOST_AUTO_TEST_CASE(all_inputs_that_are_missing_are_told_at_once) {
  const Linked of = linked();
  Diagnostics problems;
  const Json none = Json::object();
  BOOST_TEST(!prepare(of, of.scenario, &none, problems).has_value());
  BOOST_TEST_REQUIRE(problems.size() == 1U);
  BOOST_TEST(problems[0].message ==
             "these inputs have no value: config.a (AMBER_CONFIG_A), config.b "
             "(AMBER_CONFIG_B)");
}

// For a compose file nothing is known but what the manifests say.
BOOST_AUTO_TEST_CASE(without_values_ports_that_are_written_down_are_known) {
  const Linked of = linked();
  Diagnostics problems;
  const auto made = prepare(of, of.scenario, nullptr, problems);
  BOOST_TEST_REQUIRE(made.has_value(), format(problems));
  BOOST_TEST(made->deployment.units[0].inlets.at(0).program_port == 8000);
}

BOOST_AUTO_TEST_CASE(an_overlay_of_egress_is_a_task_of_each_component_it_selects) {
  const Linked of = linked(R"(use: {
      mask: {builtin: 'redact', select: {kind: 'egress', component: 'one'},
             config: {terms: ['${config.a}']}},
      out: {builtin: 'policy', select: {kind: 'egress'}, config: {egress: []}}},
    overlays: ['#mask.apply', '#out.apply'])");
  Diagnostics problems;
  const auto made = prepare(of, of.scenario, &kValues, problems);
  BOOST_TEST_REQUIRE(made.has_value(), format(problems));
  BOOST_TEST(made->tasks.size() == 2U);
  const auto& one = made->tasks.at(1);
  BOOST_TEST_REQUIRE(one.size() == 2U); // a request meets the last one first
  BOOST_TEST((one[0].builtin == Builtin::policy));
  BOOST_TEST((one[1].builtin == Builtin::redact));
  BOOST_TEST(shown_config(one[1].config).dump() == R"({"terms":["${config.a}"]})");
}

BOOST_AUTO_TEST_CASE(a_config_that_no_interposer_knows_is_told_with_its_place) {
  const Linked of =
      linked(R"(use: {mask: {builtin: 'redact', select: {kind: 'egress', component: 'one'},
      config: {words: ['x'], terms: [3, '${config.gone}']}}}, overlays: ['#mask.apply'])");
  Diagnostics problems;
  BOOST_TEST(!prepare(of, of.scenario, &kValues, problems).has_value());
  std::string all;
  for (const Diagnostic& one : problems) all += one.file + ' ' + one.message + '\n';
  BOOST_TEST(all.find("/one /words: nothing is known by this key") != std::string::npos, all);
  BOOST_TEST(all.find("/one /terms: expected a list of texts") != std::string::npos, all);
  BOOST_TEST(all.find("/one /terms/1: ") != std::string::npos, all);
}

// It would stay in a file.
BOOST_AUTO_TEST_CASE(a_secret_is_in_no_config_but_terms) {
  const Linked of =
      linked(R"(use: {out: {builtin: 'policy', select: {kind: 'egress', component: 'one'},
      config: {egress: [{allow: {hosts: ['x.example'], paths: ['/${config.a}']}}]}}},
    overlays: ['#out.apply'])");
  Diagnostics problems;
  BOOST_TEST(!prepare(of, of.scenario, &kValues, problems).has_value());
  BOOST_TEST_REQUIRE(problems.size() == 1U);
  BOOST_TEST(problems[0].message ==
             "the config of a built-in interposer holds the secret config.a");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
