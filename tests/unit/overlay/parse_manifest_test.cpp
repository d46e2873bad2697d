#include "overlay/manifest/parse_manifest.hpp"

#include "overlay/manifest/manifest_json.hpp"
#include "tests/unit/overlay/manifest_support.hpp"

#include <fstream>
#include <iterator>

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

// Reference §10, cases 1 to 7.
BOOST_AUTO_TEST_SUITE(amber_cases)

BOOST_AUTO_TEST_CASE(case_1_an_overlay_names_a_use_and_an_export) {
  const Manifest one = valid(with("use: {w: './w.json5'}, overlays: ['#w.rewrite']"));
  BOOST_TEST_REQUIRE(one.overlays.size() == 1U);
  BOOST_TEST(one.overlays[0].use == "w");
  BOOST_TEST(one.overlays[0].export_name == "rewrite");
  BOOST_TEST(std::get<ComponentDecl>(one.uses.at("w")).manifest.url == "./w.json5");
  const Manifest two = valid(with("use: {a: './a', b: './b'}, overlays: ['#b.y', '#a.x', '#b.y']"));
  BOOST_TEST_REQUIRE(two.overlays.size() == 3U);
  BOOST_TEST(two.overlays[0].use == "b");
  BOOST_TEST(two.overlays[1].use == "a");
  BOOST_TEST((two.overlays[2] == two.overlays[0]));
}

BOOST_AUTO_TEST_CASE(case_2_other_forms_are_refused) {
  for (const char* ref : {"w.rewrite", "#w", "#.x", "#w.", "#w.a.b", "", "#", "#.", "w", " #w.x"}) {
    BOOST_TEST(codes(with("use: {w: './w'}, overlays: ['" + std::string(ref) + "']")) ==
                   "invalid_overlay_ref /overlays/0\n",
               ref);
  }
}

BOOST_AUTO_TEST_CASE(case_3_the_use_must_be_this_manifests_own) {
  BOOST_TEST(codes(with("use: {w: './w'}, overlays: ['#w.x', '#nope.x']")) ==
             "unknown_overlay_use /overlays/1\n");
  BOOST_TEST(codes(with("overlays: ['#nope.x']")) == "unknown_overlay_use /overlays/0\n");
  BOOST_TEST(codes(with("components: {nope: './w'}, overlays: ['#nope.x']")) ==
             "unknown_overlay_use /overlays/0\n");
  BOOST_TEST(codes(with("use: {w: './w'}, overlays: ['bad', '#nope.x']")) ==
             "invalid_overlay_ref /overlays/0\nunknown_overlay_use /overlays/1\n");
}

BOOST_AUTO_TEST_CASE(case_4_both_sections_need_version_0_4_0) {
  BOOST_TEST(codes("{manifest_version: '0.3.0', use: {w: './w'}, overlays: ['#w.x']}") ==
             "feature_requires_manifest_version /use\n"
             "feature_requires_manifest_version /overlays/0\n");
  BOOST_TEST(codes("{manifest_version: '0.3.9', use: {}}") ==
             "feature_requires_manifest_version /use\n");
  BOOST_TEST(codes("{manifest_version: '0.3.0', overlays: ['#w.x']}") ==
             "feature_requires_manifest_version /overlays/0\nunknown_overlay_use /overlays/0\n");
  BOOST_TEST(codes("{manifest_version: '0.3.0', overlays: []}") == "");
  BOOST_TEST(parse("{\n manifest_version: '0.3.0',\n use: {}}").text ==
             "m.json5:3:2: /use: the `use` section needs manifest_version 0.4.0, and this is 0.3.0 "
             "(write manifest_version: \"0.4.0\") [manifest::feature_requires_manifest_version]\n");
}

BOOST_AUTO_TEST_CASE(case_5_names_hold_no_dot_and_environments_exist) {
  BOOST_TEST(codes(with("use: {'a.b': './w'}")) == "invalid_name /use/a.b\n");
  BOOST_TEST(parse(with("use: {'a.b': './w'}")).text.find("name of a use") != std::string::npos);
  BOOST_TEST(
      codes(with("use: {w: {manifest: './w', environment: 'missing'}}, overlays: ['#w.x']")) ==
      "unknown_use_environment /use/w/environment\n");
  valid(with("use: {w: {manifest: './w', environment: 'e'}}, overlays: ['#w.x'],"
             "environments: {e: {resolvers: ['r']}}"));
}

BOOST_AUTO_TEST_CASE(case_6_a_use_nobody_refers_to_is_a_warning) {
  const Parsed out = parse(with("use: {\nw: './w', v: './v'}, overlays: ['#v.x']"));
  BOOST_TEST(out.manifest.has_value());
  BOOST_TEST(out.text == "m.json5:2:1: warning: /use/w: the use \"w\" is never referred to (add "
                         "\"#w.<export>\" to overlays, or remove it) [manifest::unused_use]\n");
}

BOOST_AUTO_TEST_CASE(case_7_features_are_docker_and_kvm) {
  const Parsed out = parse(with("experimental_features: ['governance']"));
  BOOST_TEST(!out.manifest.has_value());
  BOOST_TEST(out.text.find("\"governance\" is not one of docker or kvm") != std::string::npos);
  BOOST_TEST(out.text.find("renamed") != std::string::npos);
  BOOST_TEST(out.text.find("[manifest::validation_error]") != std::string::npos);
  BOOST_TEST(codes(with("experimental_features: ['x']")) ==
             "validation_error /experimental_features/0\n");
  const Manifest both = valid(with("experimental_features: ['kvm', 'docker', 'kvm']"));
  BOOST_TEST(both.features.size() == 2U);
  BOOST_TEST(both.unsupported.size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(parse_manifest_tests)

BOOST_AUTO_TEST_CASE(the_reference_example_is_read) {
  const Manifest out = valid(R"(// mine: an audited chat scenario
{
  manifest_version: "0.4.0",
  config_schema: { type: "object", properties: { token: { type: "string", secret: true } }, required: ["token"] },
  use: {
    guard: { manifest: "./guard.json5", config: { hide: ["$${config.token}"] } },
  },
  overlays: ["#guard.plan"],
  components: { agent: { manifest: "./agent.json5", config: { token: "${config.token}" } }, tools: "./tools.json5" },
  bindings: [ { to: "#agent.tools", from: "#tools.mcp" } ],
  exports: { chat: "#agent.chat" },
})");
  BOOST_TEST((out.version == Version{0, 4, 0}));
  BOOST_TEST(out.config_schema->is_secret("token"));
  BOOST_TEST(out.components.at("agent").config->dump() == R"({"token":"${config.token}"})");
  BOOST_TEST(!out.components.at("tools").config.has_value());
  BOOST_TEST((out.bindings.at(0) ==
              Binding{"agent", "tools", {SourceRef::Kind::child_export, "tools", "mcp"}, false}));
  BOOST_TEST((out.exports.at("chat") == SourceRef{SourceRef::Kind::child_export, "agent", "chat"}));
  BOOST_TEST(out.unsupported.empty());
  BOOST_TEST(!out.program.has_value());
}

BOOST_AUTO_TEST_CASE(the_readmes_example_is_read) {
  std::ifstream in(SLUICE_SOURCE_DIR "/overlay/README.md");
  const std::string readme((std::istreambuf_iterator<char>(in)), {});
  const std::string open = "```json5\n";
  const auto begin = readme.find(open) + open.size();
  const Parsed out = parse(readme.substr(begin, readme.find("```", begin) - begin));
  BOOST_TEST(out.manifest.has_value());
  BOOST_TEST(out.text == "");
}

BOOST_AUTO_TEST_CASE(versions_are_from_0_1_0_to_below_1_0_0) {
  for (const char* text : {"0.1.0", "0.4.0", "0.99.3", "0.4.0+build.1"}) {
    BOOST_TEST(codes("{manifest_version: '" + std::string(text) + "'}") == "", text);
  }
  for (const char* text : {"0.0.9", "1.0.0", "0.4.0-rc.1", "2.0.0"}) {
    BOOST_TEST(codes("{manifest_version: '" + std::string(text) + "'}") ==
                   "unsupported_version /manifest_version\n",
               text);
  }
  for (const char* text : {"", "1", "0.4", "0.4.0.0", "v0.4.0", "00.4.0", "0.04.0", "0.4.x",
                           "0.4.0-", "0.4.0 ", "-0.4.0", "0.99999999999.0"}) {
    BOOST_TEST(codes("{manifest_version: '" + std::string(text) + "'}") ==
                   "validation_error /manifest_version\n",
               text);
  }
  BOOST_TEST(codes("{}") == "validation_error \n");
  BOOST_TEST(codes("{manifest_version: 0.4}") == "validation_error /manifest_version\n");
  BOOST_TEST(codes("[]") == "validation_error \n");
  BOOST_TEST(codes("{manifest_version: '0.4.0'") == "json5_error \n");
}

BOOST_AUTO_TEST_CASE(unknown_and_old_keys_are_refused_with_what_to_write) {
  const Parsed out = parse(with("overlay: [], policies: []"));
  BOOST_TEST(out.text.find("unknown key \"overlay\" (did you mean \"overlays\"?)") !=
             std::string::npos);
  BOOST_TEST(out.text.find("\"policies\" was renamed (write \"overlays\")") != std::string::npos);
  const Parsed profile = parse(
      with("slots: {s: {kind: 'http', profile: 'policy'}, t: {kind: 'mcp', profile: 'policy'}}"));
  BOOST_TEST(profile.manifest.has_value());
  BOOST_TEST(profile.problems.size() == 1U);
  BOOST_TEST(profile.text.find("/slots/s/profile: the profile \"policy\" was renamed") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(problems_come_in_the_order_of_ambers_checks) {
  BOOST_TEST(codes(R"({
    exports: {e: '#gone.x'},
    overlays: ['nope', '#gone.x'],
    environments: {'e.f': {}},
    use: {'u.v': './u', w: ''},
    components: {c: {url: './c', digest: 'md5:x'}},
    config_schema: {type: 'string'},
    program: {path: './p', args: [{when: 'config.a', argv: []}, {file: '../x'}]},
    manifest_version: '0.0.1',
    wrong: 1,
  })") == "validation_error /wrong\n"
          "unsupported_version /manifest_version\n"
          "program_file_reference /program/args/1/file\n"
          "program_syntax_requires_manifest_version /program/args/0\n"
          "feature_requires_manifest_version /use\n"
          "feature_requires_manifest_version /overlays/0\n"
          "invalid_config_schema /config_schema/type\n"
          "invalid_digest /components/c/digest\n"
          "invalid_reference /use/w\n"
          "invalid_name /use/u.v\n"
          "invalid_name /environments/e.f\n"
          "invalid_overlay_ref /overlays/0\n"
          "unknown_overlay_use /overlays/1\n"
          "unknown_export_child /exports/e\n");
}

BOOST_AUTO_TEST_CASE(components_have_three_forms) {
  const std::string digest = "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  const Manifest out = valid(
      with("components: {a: 'https://example.com/a', b: {url: './b', digest: '" + digest +
           "'}, c: {manifest: {url: 'c'}, config: null}," + "d: {manifest: 'd', config: [1]}}"));
  BOOST_TEST(!out.components.at("a").manifest.is_relative());
  BOOST_TEST(out.components.at("b").manifest.is_relative());
  BOOST_TEST(*out.components.at("b").manifest.digest == digest);
  BOOST_TEST(!out.components.at("c").config.has_value());
  BOOST_TEST(out.components.at("d").config->dump() == "[1]");
  BOOST_TEST(
      codes(with("components: {a: 1, b: {urk: 'x'}, c: {manifest: 'c', url: 'd'}, d: null}")) ==
      "validation_error /components/a\nvalidation_error /components/b\n"
      "validation_error /components/b/urk\nvalidation_error /components/c/url\n"
      "validation_error /components/d\n");
  BOOST_TEST(
      codes(with("components: {'a.b': 'x', 'a/b': 'x', '': 'x'}")) ==
      "invalid_name /components/a.b\ninvalid_name /components/a~1b\ninvalid_name /components/\n");
  for (const char* url : {"", "https://", "file:", "a\\nb"}) {
    BOOST_TEST(codes(with("components: {a: '" + std::string(url) + "'}")) ==
                   "invalid_reference /components/a\n",
               url);
  }
  for (const char* bad : {"sha256:", "sha512:", "sha256:AAAA", "sha256:!"}) {
    BOOST_TEST(codes(with("components: {a: {url: 'x', digest: '" + std::string(bad) + "'}}")) ==
                   "invalid_digest /components/a/digest\n",
               bad);
  }
}

BOOST_AUTO_TEST_CASE(capabilities_are_declared) {
  const Manifest out = valid(with(R"(
    slots: {s: {kind: 'mcp', profile: 'x', optional: true, multiple: true}, t: {kind: 'storage', profile: null}},
    provides: {p: {kind: 'a2a', endpoint: 'e'}},
    resources: {r: {kind: 'storage', params: {size: '${config.size}', sharing: null}}},
    config_schema: {type: 'object', properties: {size: {type: 'string'}}},
    program: {image: 'i', entrypoint: 'x', network: {endpoints: [{name: 'e', port: 1}]}})"));
  BOOST_TEST((out.slots.at("s") == Slot{{Kind::mcp, "x"}, true, true}));
  BOOST_TEST((out.slots.at("t") == Slot{{Kind::storage, std::nullopt}, false, false}));
  BOOST_TEST((out.provides.at("p") == Provide{{Kind::a2a, std::nullopt}, "e"}));
  BOOST_TEST(to_string(*out.resources.at("r").size) == "${config.size}");
  BOOST_TEST(!out.resources.at("r").sharing.has_value());
  BOOST_TEST(
      codes(with(
          "slots: {a: {}, b: {kind: 'grpc'}, 'c.d': {kind: 'mcp'}, e: {kind: 'mcp', x: 1}}")) ==
      "validation_error /slots/a\nvalidation_error /slots/b/kind\n"
      "validation_error /slots/e/x\ninvalid_name /slots/c.d\n");
  BOOST_TEST(codes(with("provides: {a: {kind: 'http'}, b: {kind: 'http', endpoint: 'e'},"
                        "c: {kind: 'storage', endpoint: 'e'}}")) ==
             "missing_provide_endpoint /provides/a\nunknown_endpoint /provides/b/endpoint\n"
             "unsupported_provide_kind /provides/c/kind\nunknown_endpoint /provides/c/endpoint\n");
  BOOST_TEST(
      codes(with("resources: {a: {kind: 'http'}, 'b.c': {kind: 'storage', params: {speed: 1}}}")) ==
      "validation_error /resources/b.c/params/speed\nunsupported_resource_kind "
      "/resources/a/kind\ninvalid_name /resources/b.c\n");
  BOOST_TEST(codes(with("slots: {x: {kind: 'http'}}, provides: {x: {kind: 'http', endpoint: 'e'}},"
                        "program: {path: './p', network: {endpoints: [{name: 'e', port: 1}]}}")) ==
             "ambiguous_capability_name /provides/x\n");
}

BOOST_AUTO_TEST_CASE(what_no_stage_carries_out_is_noted_with_its_place) {
  const Manifest out = valid(with(R"(
    experimental_features: ['docker'],
    slots: {d: {kind: 'docker'}, c: {kind: 'component'}},
    child_templates: {t: {manifest: 'x'}},
    components: {k: 'k'},
    bindings: [{to: '#k.s', from: 'framework.docker'}],
    program: {vm: {image: 'i', cpus: 2, memory_mib: '${config.m}', network: {endpoints: [], egress: 'optional'},
      cloud_init: {user_data: 'x'}, mounts: [{path: '/d', from: 'framework.docker'}]}},
    config_schema: {type: 'object', properties: {m: {}}})"));
  std::string found;
  for (const Unsupported& one : out.unsupported) found += one.pointer + ": " + one.what + '\n';
  BOOST_TEST(found == "/experimental_features/0: the experimental feature docker\n"
                      "/program/vm: a program in a virtual machine\n"
                      "/slots/d/kind: the capability docker\n"
                      "/child_templates/t: a child that is created at run time\n"
                      "/bindings/0/from: the capability framework.docker\n"
                      "/program/vm/mounts/0: the capability framework.docker\n");
  BOOST_TEST(out.program->vm->egress);
  BOOST_TEST(codes(with("child_templates: {t: {}}")) ==
             "child_templates_require_component_slot /child_templates\n");
}

BOOST_AUTO_TEST_CASE(environments_extend_one_another_without_circles) {
  valid(with("environments: {a: {extends: 'b'}, b: {resolvers: ['x']}}"));
  BOOST_TEST(
      codes(with("environments: {a: {extends: 'b'}, b: {extends: 'a'}, c: {extends: 'c'},"
                 "d: {extends: 'x'}, e: {extends: 'a'}}")) ==
      "environment_cycle /environments/a/extends\nenvironment_cycle /environments/b/extends\n"
      "environment_cycle /environments/c/extends\n"
      "unknown_environment_extends /environments/d/extends\n");
  BOOST_TEST(codes(with("components: {c: {manifest: 'm', environment: 'x'}}")) ==
             "unknown_component_environment /components/c/environment\n");
}

BOOST_AUTO_TEST_CASE(declarative_overlays_are_a_third_form_of_use) {
  const Manifest out = valid(with(R"(
    use: {guard: {builtin: 'redact', config: {terms: ['x']},
                  select: {kind: ['a2a', 'mcp'], profile: null, component: 'tools/**', edge: 'import'}},
          log: {builtin: 'record'}},
    overlays: ['#guard.apply', '#log.apply'])"));
  const auto& guard = std::get<DeclarativeOverlay>(out.uses.at("guard"));
  BOOST_TEST((guard.builtin == Builtin::redact));
  BOOST_TEST((guard.select ==
              Selector{{Kind::a2a, Kind::mcp}, {std::nullopt}, {"tools/**"}, {EdgeSide::import}}));
  BOOST_TEST(guard.config->dump() == R"({"terms":["x"]})");
  BOOST_TEST((std::get<DeclarativeOverlay>(out.uses.at("log")).select == Selector{}));
  BOOST_TEST(codes(with("use: {g: {builtin: 'redact'}}, overlays: ['#g.plan']")) ==
             "unknown_overlay_use /overlays/0\n");
  BOOST_TEST(
      codes(with(R"(use: {a: {builtin: 'mask'}, b: {builtin: 'redact', manifest: 'x'},
      c: {builtin: 'limit', select: {kinds: 'a2a', kind: [], edge: 'all', component: ['/a', 'a//b', 'a/']},
          config: 1}}, overlays: ['#a.apply', '#b.apply', '#c.apply'])")) ==
      "validation_error /use/a/builtin\nvalidation_error /use/b/manifest\n"
      "validation_error /use/c/config\nvalidation_error /use/c/select/kind\n"
      "validation_error /use/c/select/component/0\nvalidation_error /use/c/select/component/1\n"
      "validation_error /use/c/select/component/2\nvalidation_error /use/c/select/edge\n"
      "validation_error /use/c/select/kinds\n");
}

BOOST_AUTO_TEST_CASE(a_secret_given_to_an_overlay_program_itself_is_a_warning) {
  const std::string schema =
      "config_schema: {type: 'object', properties: {k: {type: 'string', "
      "secret: true}, p: {}}}, overlays: ['#g.x'], use: {g: {manifest: 'm', ";
  BOOST_TEST(codes(with(schema + "config: {a: ['$${config.k}', '${config.p}', '${slots.x}']}}}")) ==
             "");
  BOOST_TEST(codes(with(schema + "config: {a: ['-${config.k}'], b: '${config}'}}}")) ==
             "secret_in_use_config /use/g/config/a/0\nsecret_in_use_config /use/g/config/b\n");
}

BOOST_AUTO_TEST_CASE(problem_at_finds_the_nearest_place) {
  const Manifest out = valid("{manifest_version: '0.4.0',\n  components: {\n    c: './x'}}");
  BOOST_TEST(format(problem_at(out, "/components/c", "is wrong", "fix it", "x::y")) ==
             "m.json5:3:8: /components/c: is wrong (fix it) [x::y]");
  BOOST_TEST(format(problem_at(out, "/components/gone/deeper", "is wrong")) ==
             "m.json5:2:15: /components/gone/deeper: is wrong");
  BOOST_TEST(place_of_key(*out.document, "/components/c").column == 5);
  BOOST_TEST(format(problem_at(Manifest(), "/a", "is wrong")) == "/a: is wrong");
}

BOOST_AUTO_TEST_CASE(metadata_passes_through) {
  BOOST_TEST(valid(with("metadata: {a: [1]}")).metadata->dump() == R"({"a":[1]})");
  BOOST_TEST(!valid(with("metadata: null")).metadata.has_value());
}

BOOST_AUTO_TEST_CASE(hostile_manifests_cost_little) {
  std::string many = "use: {";
  for (int i = 0; i < 20'000; ++i) many += "'a." + std::to_string(i) + "': './x', ";
  BOOST_TEST(parse(with(many + "}")).problems.size() <= 100U);
  std::string chain = "environments: {";
  for (int i = 0; i < 20'000; ++i)
    chain += "e" + std::to_string(i) + ": {extends: 'e" + std::to_string(i + 1) + "'},";
  BOOST_TEST(!parse(with(chain + "}")).manifest.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
