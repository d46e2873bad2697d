#include "tests/unit/overlay/compose_support.hpp"

#include "policy/base/document.hpp"

#include <fstream>
#include <sstream>

namespace {

using namespace sluice;
using namespace sluice::overlay;
using sluice::overlay::test::ComposeInput;
using sluice::overlay::test::Texts;
using sluice::overlay::test::with;

// Two components, one edge, one export, a secret that is given and one that is typed.
Texts small() {
  return {
      {"root", with(R"(config_schema: {type: 'object', required: ['token'], properties: {
            token: {type: 'string', secret: true}, level: {type: 'integer', default: 1}}},
          components: {agent: {manifest: './agent', config: {token: '${config.token}', level: '${config.level}'}},
                       tools: {manifest: './tools', config: {pin: 'typed-0815'}}},
          bindings: [{to: '#agent.tools', from: '#tools.mcp'}],
          exports: {chat: '#agent.chat'})")},
      {"agent",
       with(
           R"(config_schema: {type: 'object', properties: {token: {type: 'string', secret: true}, level: {}}},
          slots: {tools: {kind: 'mcp'}}, provides: {chat: {kind: 'http', endpoint: 'e'}}, exports: {chat: 'provides.chat'},
          program: {image: 'agent:1', entrypoint: ['agent'], env: {TOKEN: '${config.token}', LEVEL: '${config.level}',
            TOOLS: '${slots.tools.url}'}, network: {endpoints: [{name: 'e', port: 8000}]}})")},
      {"tools",
       with(R"(config_schema: {type: 'object', properties: {pin: {type: 'string', secret: true}}},
          provides: {mcp: {kind: 'mcp', endpoint: 'e'}}, exports: {mcp: 'provides.mcp'},
          program: {image: 'tools:1', entrypoint: ['tools', '--price', '5$'], env: {}, network: {endpoints: [{name: 'e', port: 8001}]}})")},
  };
}

Json yaml(const std::string& text) {
  Diagnostics problems;
  const auto document = parse_document(text, "compose.yaml", problems);
  BOOST_TEST_REQUIRE(document.has_value(), format(problems) << text);
  return to_json(document->root);
}

std::string everything(const ComposeProject& of) {
  std::string out;
  for (const auto& [name, text] : of.files) out += "==== " + name + '\n' + text;
  return out;
}

BOOST_AUTO_TEST_SUITE(compose_project_suite)

// What docker-compose reads, whole: a change of it is to be seen in review. To take it over, put
// what the failed test shows into the file.
BOOST_AUTO_TEST_CASE(is_what_it_was) {
  std::ifstream file(SLUICE_SOURCE_DIR "/tests/vectors/compose/compose.yaml");
  std::ostringstream wanted;
  wanted << file.rdbuf();
  const auto made = ComposeInput(small()).project();
  BOOST_TEST(made.files.at("compose.yaml") == wanted.str());
}

BOOST_AUTO_TEST_CASE(the_same_scenario_is_the_same_bytes) {
  const auto one = ComposeInput(small()).project(), two = ComposeInput(small()).project();
  BOOST_TEST((one.files == two.files && one.secrets == two.secrets));
  BOOST_TEST((one.first_secrets == two.first_secrets));
  auto other = small();
  other["tools"].replace(other["tools"].find("5$"), 2, "6$");
  const auto changed = ComposeInput(other).project();
  const auto label = [](const ComposeProject& of) {
    return yaml(of.files.at("compose.yaml"))["services"]["c1-agent"]["labels"]["sluice.files"];
  };
  BOOST_TEST(label(one) != label(changed)); // containers are made anew
}

BOOST_AUTO_TEST_CASE(secrets_are_where_secrets_are) {
  const auto made = ComposeInput(small()).project();
  BOOST_TEST(everything(made).find("typed-0815") == std::string::npos);
  const auto document = yaml(made.files.at("compose.yaml"));
  BOOST_TEST(document["secrets"]["token"]["file"] == "./secrets/token");
  BOOST_TEST(document["services"]["c1-agent"]["secrets"].dump() == R"(["token"])");
  BOOST_TEST(!document["services"]["c1-agent"]["environment"].contains("TOKEN"));
  BOOST_TEST(!made.first_secrets.contains("token")); // is required: whoever runs it gives it
}

BOOST_AUTO_TEST_CASE(who_is_where) {
  const auto made = ComposeInput(small()).project();
  const auto all = yaml(made.files.at("compose.yaml"));
  const auto& services = all["services"];
  for (const auto& [name, service] : services.items()) {
    BOOST_TEST(service["cap_drop"].dump() == R"(["ALL"])", name);
    BOOST_TEST(service["read_only"] == true, name);
    BOOST_TEST(service["security_opt"].dump() == R"(["no-new-privileges:true"])", name);
    const bool ports = service.contains("ports");
    BOOST_TEST(ports == (name == "c1-agent-net"), name);
    const bool rights = service.contains("cap_add");
    BOOST_TEST(rights == (name == "provisioner" || name.ends_with("-init")), name);
  }
  BOOST_TEST(services["c1-agent-net"]["ports"].dump() ==
             R"(["127.0.0.1:${SLUICE_PORT_CHAT:-18080}:24000"])");
  BOOST_TEST(services["c1-agent"]["network_mode"] == "service:c1-agent-net");
  BOOST_TEST(services["c1-agent-init"]["network_mode"] == "service:c1-agent-net");
  BOOST_TEST(services["c1-agent"]["depends_on"].dump() ==
             R"({"c1-agent-init":{"condition":"service_completed_successfully"},)"
             R"("c1-agent-net":{"condition":"service_healthy"},)"
             R"("c2-tools":{"condition":"service_started"}})");
  BOOST_TEST(services["c2-tools"]["entrypoint"].dump() == R"(["tools","--price","5$$"])");
  BOOST_TEST(all["networks"]["mesh"]["internal"] == true);
  // Each sidecar has its own keys.
  const auto keys = [&](const char* name) {
    return services[name]["volumes"][2].get<std::string>();
  };
  BOOST_TEST(keys("c1-agent-net") != keys("c2-tools-net"));
  BOOST_TEST(keys("c1-agent-net").ends_with(":/var/lib/sluice/keys:ro"));
}

BOOST_AUTO_TEST_CASE(hostile_names) {
  Texts texts = {
      {"root",
       "{manifest_version: '0.4.0', components: {\"it's \\\"$HOME\\\" ${X}\\n: {# 猫\": './a'}, "
       "exports: {\"e $Y ü\": \"#it's \\\"$HOME\\\" ${X}\\n: {# 猫.s\", 'e-$y-_': \"#it's "
       "\\\"$HOME\\\" ${X}\\n: {# 猫.s\"}}"},
      {"a", with(R"(provides: {s: {kind: 'http', endpoint: 'e'}}, exports: {s: 'provides.s'},
          program: {image: 'i', entrypoint: ['a "b"', '$HOME $$ $x', '\n- x: y\n', '#c', 'é 猫'],
            env: {'A B"$': '$HOME "q" \'s\' \n: {', N: ''}, network: {endpoints: [{name: 'e', port: 24000}]}})")},
  };
  const auto made = ComposeInput(texts).project();
  const auto all = yaml(made.files.at("compose.yaml"));
  const auto& program = all["services"]["c1-it-s-home-x"];
  BOOST_TEST(program["entrypoint"].dump() ==
             Json({"a \"b\"", "$$HOME $$$$ $$x", "\n- x: y\n", "#c", "é 猫"}).dump());
  BOOST_TEST(program["environment"]["A B\"$"] == "$$HOME \"q\" 's' \n: {");
  BOOST_TEST(program["environment"]["N"] == "");
  BOOST_TEST(program["environment"]["AMBER_COMPONENT_MONIKER"] ==
             "/it's \"$$HOME\" $${X}\n: {# 猫");
  // Two names that are one variable otherwise, and a port that the program has itself.
  BOOST_TEST(
      all["services"]["c1-it-s-home-x-net"]["ports"].dump() ==
      R"(["127.0.0.1:${SLUICE_PORT_E__Y___:-18080}:24001","127.0.0.1:${SLUICE_PORT_E__Y__:-18081}:24002"])");
  for (const char* name : {"README.md", "env.example"}) {
    for (const char* forged : {"\n: {#", "\n- x"})
      BOOST_TEST(made.files.at(name).find(forged) == std::string::npos, name);
  }
}

// What an overlay says about the egress of the agent, as it came out of its config.
struct Told {
  explicit Told(const Json& config, Builtin builtin = Builtin::redact) : input(small()) {
    const auto& root = input.linked.scenario.at(0).config_schema;
    const ConfigTree tree = root_config(&*root);
    ConfigBudget budget;
    std::vector<ConfigFault> faults;
    auto made = compose_config(&config, {&tree, &*root}, nullptr, budget, faults);
    BOOST_TEST_REQUIRE(made.has_value());
    input.prepared.tasks[1].push_back({builtin, std::move(*made)});
  }
  std::string refusal() {
    Diagnostics problems;
    BOOST_TEST(!compose_project(input.linked.scenario, input.prepared, input.wish, problems));
    return format(problems);
  }
  ComposeInput input;
};

BOOST_AUTO_TEST_CASE(terms_are_in_files) {
  const auto made =
      Told({{"terms", {"${config.token}", "never-say-this"}}, {"pii", true}}).input.project();
  BOOST_TEST(everything(made).find("never-say-this") == std::string::npos);
  BOOST_TEST(made.secrets.at("c1-agent-term-1") == "never-say-this");
  const auto all = yaml(made.files.at("compose.yaml"));
  BOOST_TEST(all["services"]["c1-agent-net"]["secrets"].dump() == R"(["c1-agent-term-1","token"])");
  BOOST_TEST(!all["services"]["c2-tools-net"].contains("secrets"));
  const auto sidecar = Json::parse(made.files.at("c1-agent/sluice.yaml"));
  BOOST_TEST(sidecar["secrets"][0]["value"]["file"] == "/run/secrets/token");
  BOOST_TEST(sidecar["secrets"][1]["value"]["file"] == "/run/secrets/c1-agent-term-1");
  BOOST_TEST(Told(Json{{"terms", {"typed"}}}).input.project().secrets.at("c1-agent-term-1") ==
             "typed");
}

BOOST_AUTO_TEST_CASE(what_a_sidecar_cannot_be_told) {
  const std::pair<Json, std::string> rows[] = {
      {{{"terms", {"${config.level}"}}}, "neither a text nor a secret text"},
      {{{"terms", {"x${config.token}"}}}, "neither a text nor a secret text"},
      {{{"terms", "${config.token}"}}, "the list of terms is known only when"},
      {{{"placeholder", "${config.token}"}}, "/placeholder of what overlays put there"},
      {"${config}", "known only when the scenario starts"},
      {{{"placeholder", "x typed-0815 x"}}, "holds what a config calls a secret"},
  };
  for (const auto& [config, wanted] : rows) {
    const auto told = Told(config).refusal();
    BOOST_TEST(told.find(wanted) != std::string::npos, told);
    BOOST_TEST(told.find("typed-0815") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(ports_that_are_wished) {
  ComposeInput input(small());
  input.wish.ports = {{"chat", 9000}};
  BOOST_TEST(input.project().files.at("compose.yaml").find("SLUICE_PORT_CHAT:-9000") !=
             std::string::npos);
  input.wish.ports = {{"nobody", 9000}};
  Diagnostics problems;
  BOOST_TEST(!compose_project(input.linked.scenario, input.prepared, input.wish, problems));
  BOOST_TEST(format(problems).find("no export of this name") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
