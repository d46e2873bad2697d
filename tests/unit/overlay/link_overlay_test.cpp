#include "tests/unit/overlay/scenario_support.hpp"

#include "overlay/config/evaluate.hpp"
#include "overlay/rewrite/rewrite.hpp"

#include <chrono>

namespace {

using namespace sluice;
using namespace sluice::overlay;
using namespace sluice::overlay::test;

std::string helper(const std::string& more = "",
                   const std::string& provide = "profile: 'overlay', ",
                   const std::string& protocol = "http") {
  return with("program: {path: './p', network: {endpoints: [{name: 'e', port: 80, protocol: '" +
              protocol + "'}]}}, provides: {apply: {kind: 'http', " + provide +
              "endpoint: 'e'}}, exports: {apply: 'apply'}, " + more);
}

// Any config.
const std::string kOpen = "config_schema: {type: 'object', properties: {t: {}}}";

std::string wrong(const Texts& texts) {
  return told(try_link(texts).problems);
}

BOOST_AUTO_TEST_SUITE(linking_overlays)

BOOST_AUTO_TEST_CASE(overlays_are_in_the_order_of_scopes) {
  const std::string two =
      "use: {g: 'h', m: {builtin: 'record'}}, overlays: ['#m.apply', '#g.apply']";
  const Linked out = must_link({{"root", with(two + ", components: {b: 'b', a: 'a'}")},
                                {"a", with("components: {c: 'b'}")},
                                {"b", with(two)},
                                {"h", helper()}});
  std::string order;
  for (const LinkedOverlay& one : out.overlays) {
    order += one.display_name + (one.declarative ? " declared " : " asked ") +
             std::to_string(one.position) + '\n';
  }
  BOOST_TEST(order == "/m declared 0\n/g asked 1\n/a/c/m declared 0\n/a/c/g asked 1\n"
                      "/b/m declared 0\n/b/g asked 1\n");
  BOOST_TEST(out.uses.size() == 3U);
  BOOST_TEST(out.overlays[1].provide == "apply");
  BOOST_TEST(out.overlays[1].digest == out.uses[0].tree->components[0].manifest->digest);
  BOOST_TEST(out.overlays[0].digest.starts_with("sha256:"));
  // The trees of `use` are no part of the scenario.
  BOOST_TEST(out.scenario.components.size() == 4U);
}

// Reference §10, cases 11 and 12.
BOOST_AUTO_TEST_CASE(an_overlay_leads_to_an_http_provide_of_its_profile) {
  const auto root = [](const std::string& ref) {
    return with("use: {u: 'h'}, overlays: ['#u." + ref + "']");
  };
  BOOST_TEST(wrong({{"root", root("gone")}, {"h", helper()}}) ==
             "compiler::overlay_export_unresolved root:/overlays/0\n");
  const std::string invalid = "compiler::invalid_overlay_export root:/overlays/0\n";
  BOOST_TEST(
      wrong({{"root", root("s")},
             {"h", with("slots: {s: {kind: 'http', optional: true}}, exports: {s: 's'}")}}) ==
      invalid);
  BOOST_TEST(wrong({{"root", root("apply")}, {"h", helper("", "")}}) == invalid);
  BOOST_TEST(wrong({{"root", root("apply")}, {"h", helper("", "profile: 'overlay', ", "tcp")}}) ==
             invalid);
  BOOST_TEST(wrong({{"root", root("apply")}, {"h", helper("", "profile: 'overlay', ", "https")}}) ==
             "");
  const Linked deep = must_link({{"root", root("x")},
                                 {"h", with("components: {a: 'm'}, exports: {x: '#a.y'}")},
                                 {"m", with("components: {b: 'l'}, exports: {y: '#b.apply'}")},
                                 {"l", helper()}});
  BOOST_TEST(deep.overlays[0].component == 2U);
  BOOST_TEST_REQUIRE(deep.helper.has_value());
  BOOST_TEST(deep.helper->scenario.at(deep.helper->exports[0].component).moniker == "/use_0_0/a/b");
}

BOOST_AUTO_TEST_CASE(all_problems_are_told_at_once) {
  BOOST_TEST(wrong({{"root", with(R"(use: {u: {manifest: 'h', config: {t: '${config.x}'}}, v: 'g'},
                       overlays: ['#u.no', '#v.apply'], components: {a: 'a'})")},
                    {"a", with("slots: {s: {kind: 'http'}}")},
                    {"h", helper(kOpen)},
                    {"g", helper("", "")}}) ==
             "linker::unbound_slot root:/components/a\n"
             "compiler::invalid_use_config root:/use/u/config/t\n"
             "compiler::overlay_export_unresolved root:/overlays/0\n"
             "compiler::invalid_overlay_export root:/overlays/1\n");
  // Within a helper, too.
  BOOST_TEST(wrong({{"root", with("use: {u: 'h'}, overlays: ['#u.apply']")},
                    {"h", helper("components: {a: 'a'}")},
                    {"a", with("slots: {s: {kind: 'http'}}")}}) ==
             "linker::unbound_slot h:/components/a\n");
}

// Case 13.
BOOST_AUTO_TEST_CASE(the_helper_scenario_has_what_is_referred_to) {
  const Texts texts{
      {"root", with(R"(use: {w: 'h', broken: {manifest: 'h', config: {t: '${config.no}'}}},
                       overlays: ['#w.apply'])")},
      {"h", helper(kOpen)}};
  const Linked out = must_link(texts);
  BOOST_TEST_REQUIRE(out.helper.has_value());
  const Scenario& scenario = out.helper->scenario;
  BOOST_TEST(scenario.components.size() == 2U);
  BOOST_TEST(scenario.at(1).moniker == "/use_0_0");
  BOOST_TEST(shown(scenario) == "overlay_0_0 <- /use_0_0.apply\n");
  BOOST_TEST(out.helper->exports[0].name == "overlay_0_0");
  BOOST_TEST(out.helper->exports[0].endpoint == "e");
  BOOST_TEST(out.overlays[0].display_name == "/w");
}

BOOST_AUTO_TEST_CASE(uses_and_exports_are_numbered_by_scope) {
  const std::string scope = "use: {b: 'h', a: 'h', c: {builtin: 'redact'}}, overlays: ['#b.apply', "
                            "'#c.apply', '#a.apply', "
                            "'#a.apply']";
  const Linked out = must_link(
      {{"root", with("components: {x: 'x', y: 'x'}")}, {"x", with(scope)}, {"h", helper()}});
  BOOST_TEST(shown(out.helper->scenario) ==
             "overlay_0_0 <- /use_0_1.apply\noverlay_0_2 <- /use_0_0.apply\n"
             "overlay_0_3 <- /use_0_0.apply\noverlay_1_0 <- /use_1_1.apply\n"
             "overlay_1_2 <- /use_1_0.apply\noverlay_1_3 <- /use_1_0.apply\n");
  BOOST_TEST(out.helper->configs.size() == out.helper->scenario.components.size());
}

// A scope /s with one overlay, whose use config is `config`; `h` and `api_key` are bound to the
// root's root_secret and root_api_key.
Texts scoped(const std::string& config) {
  return {{"root", with(R"(config_schema: {type: 'object', properties: {
             root_secret: {type: 'string', secret: true}, root_api_key: {type: 'string'},
             creds: {type: 'object', required: ['key'], properties: {key: {type: 'string'}}}},
             required: ['root_secret', 'creds']},
             components: {s: {manifest: 's', config: {h: '${config.root_secret}',
             api_key: '${config.root_api_key}', key: '${config.creds.key}',
             creds: '${config.creds}'}}})")},
          {"s", with(R"(config_schema: {type: 'object', properties: {h: {type: 'string'},
             api_key: {type: 'string'}, key: {}, creds: {}, v: {default: 3}}},
             use: {u: {manifest: 'h', config: )" +
                     config + "}}, overlays: ['#u.apply']")},
          {"h", helper(kOpen)}};
}

// Cases 15, 16, 17 and 18.
BOOST_AUTO_TEST_CASE(helpers_see_the_root_by_its_own_names) {
  const auto properties = [](const std::string& config) {
    const Linked out = must_link(scoped(config));
    return out.helper->scenario.at(0).config_schema->json().at("properties");
  };
  BOOST_TEST(
      (properties("{t: '${config.api_key}'}") == Json({{"root_api_key", {{"type", "string"}}}})));
  BOOST_TEST((properties("{t: ['$${config.h}']}") ==
              Json({{"root_secret", {{"type", "string"}, {"secret", true}}}})));
  BOOST_TEST(properties("{t: ['${config.key}', '${config.creds}']}") ==
             Json::parse(R"({"creds":{"type":"object","required":["key"],
               "properties":{"key":{"type":"string"}}}})"));
  BOOST_TEST(properties("{t: '${config.v}'}").empty());
  const Linked whole = must_link(
      {{"root",
        with("config_schema: {type: 'object', properties: {a: {}}}, use: {u: {manifest: 'h', "
             "config: {t: '${config}'}}}, overlays: ['#u.apply']")},
       {"h", helper(kOpen)}});
  BOOST_TEST(whole.helper->scenario.at(0).config_schema->json() ==
             whole.scenario.at(0).config_schema->json());
}

BOOST_AUTO_TEST_CASE(a_use_config_that_does_not_compose_is_told_at_the_value) {
  const std::pair<std::string, std::string> rows[] = {
      {"{t: '${config.missing}'}", "/t"},
      {"{t: [0, 'x $${config.h}']}", "/t/1"},
      {"{t: '$${slots.a.url}'}", "/t"},
      {"{t: '${slots.a.url}'}", "/t"},
      {"'x'", ""},
      {"{t: '${config.creds.key}'}", "/t"},
  };
  for (const auto& [config, at] : rows) {
    BOOST_TEST(wrong(scoped(config)) == "compiler::invalid_use_config s:/use/u/config" + at + '\n',
               config);
  }
  // A scope without a schema.
  BOOST_TEST(wrong({{"root", with("use: {u: {manifest: 'h', config: {t: '${config.missing}'}}}, "
                                  "overlays: ['#u.apply']")},
                    {"h", helper(kOpen)}}) ==
             "compiler::invalid_use_config root:/use/u/config/t\n");
}

BOOST_AUTO_TEST_CASE(a_secret_in_a_use_config_is_a_warning) {
  BOOST_TEST(wrong(scoped("{t: '${config.h}'}")) ==
             "manifest::secret_in_use_config s:/use/u/config\n");
  BOOST_TEST(wrong(scoped("{t: '$${config.h}'}")) == "");
  BOOST_TEST(wrong(scoped("{t: '${config.api_key}'}")) == "");
}

// Case 19.
BOOST_AUTO_TEST_CASE(a_helper_needs_only_the_values_it_gets) {
  const Json nothing = Json::object();
  BOOST_TEST(missing_helper_inputs(must_link(scoped("{t: '$${config.h}'}")), nothing).empty());
  const Linked out = must_link(scoped("{t: ['<${config.h}>', '${config.api_key}']}"));
  BOOST_TEST(shown_inputs(missing_helper_inputs(out, nothing)) ==
             "config.root_secret (AMBER_CONFIG_ROOT_SECRET)");
  BOOST_TEST((out.helper->inputs == std::set<std::string>{"root_api_key", "root_secret"}));
  const Json given = {{"root_secret", "x"}};
  BOOST_TEST(missing_helper_inputs(out, given).empty());
  std::vector<ConfigFault> faults;
  const auto config = evaluate_config(out.helper->configs[1],
                                      {{"root_secret", "x"}, {"root_api_key", "k"}}, faults);
  BOOST_TEST((config && *config == Json({{"t", {"<x>", "k"}}})));
}

// Case 20: what the program was told comes back, and is read in the scope.
BOOST_AUTO_TEST_CASE(symbolic_references_come_back) {
  const Linked out = must_link(scoped("{t: '$${config.h}'}"));
  std::vector<ConfigFault> faults;
  const auto told_config = evaluate_config(out.helper->configs[1], Json::object(), faults);
  BOOST_TEST_REQUIRE((told_config && *told_config == Json({{"t", "${config.h}"}})));
  const auto composed = [&](const Json& config) {
    const auto made = interposer_config(out, 1, "u", &config, nullptr, faults);
    return made ? shown_config(*made) : Json(nullptr);
  };
  const Json wanted = {{"hide", "${config.root_secret}"}};
  BOOST_TEST(composed({{"hide", told_config->at("t")}}) == wanted);
  BOOST_TEST(composed({{"hide", "${config.root_secret}"}}) == wanted);  // as Amber writes it
  BOOST_TEST(composed({{"hide", "${config.root_api_key}"}}).is_null()); // was not disclosed
  const Json other = {{"hide", "${config.root_secret}"}};
  BOOST_TEST(!interposer_config(out, 1, "v", &other, nullptr, faults).has_value());
}

BOOST_AUTO_TEST_CASE(interposers_of_a_rewritten_scenario_have_configs) {
  const Linked out = must_link(scoped("{t: '$${config.h}'}"));
  Application by;
  by.scope = 1;
  by.use = "u";
  by.export_name = "apply";
  by.plan.interpositions.emplace_back();
  by.plan.interpositions[0].interposer.config = Json({{"hide", "${config.h}"}});
  const Scenario after = rewrite(out.scenario, {&by, 1}).rewritten.scenario;
  std::vector<ConfigFault> faults;
  const auto configs = rewritten_configs(out, after, faults);
  BOOST_TEST_REQUIRE(configs.has_value());
  BOOST_TEST_REQUIRE(configs->size() == 3U);
  BOOST_TEST((shown_config(configs->at(2)) == Json({{"hide", "${config.root_secret}"}})));
}

BOOST_AUTO_TEST_CASE(every_component_may_have_many_overlays) {
  std::string components, overlays;
  for (int i = 0; i < 500; ++i) components += "c" + std::to_string(i) + ": 's', ";
  for (int i = 0; i < 50; ++i) overlays += "'#u.apply', ";
  const Linked out =
      must_link({{"root", with("components: {" + components + "}")},
                 {"s", with("use: {u: 'h', m: {builtin: 'limit'}}, overlays: ['#m.apply', " +
                            overlays + "]")},
                 {"h", helper()}});
  BOOST_TEST(out.overlays.size() == 500U * 51);
  BOOST_TEST(out.uses.size() == 500U);
  BOOST_TEST(out.helper->exports.size() == 500U * 50);
}

BOOST_AUTO_TEST_CASE(many_components_and_overlays_link_quickly) {
  std::string components, uses, overlays;
  for (int i = 0; i < 500; ++i) {
    components += "c" + std::to_string(i) + ": {manifest: 's', config: {k: '${config.k}'}}, ";
  }
  for (int i = 0; i < 50; ++i) {
    const std::string name = "u" + std::to_string(i);
    uses += name + ": {manifest: 'h', config: {t: '$${config.k}'}}, ";
    overlays += "'#" + name + ".apply', ";
  }
  const std::string schema = "config_schema: {type: 'object', properties: {k: {type: 'string'}}}, ";
  const std::string sections = schema + "use: {" + uses + "}, overlays: [" + overlays + "]";
  const auto begin = std::chrono::steady_clock::now();
  const Linked one = must_link({{"root", with(sections + ", components: {" + components + "}")},
                                {"s", with(schema)},
                                {"h", helper(kOpen)}});
  const auto took = std::chrono::steady_clock::now() - begin;
  BOOST_TEST(one.overlays.size() == 50U);
  BOOST_TEST(std::chrono::duration<double>(took).count() < 5.0); // much less; machines differ
  BOOST_TEST_MESSAGE("500 components, 50 overlays: " << std::chrono::duration<double>(took).count()
                                                     << " s");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
