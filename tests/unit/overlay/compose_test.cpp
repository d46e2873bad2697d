#include "overlay/config/compose.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

ConfigSchema schema(std::string_view properties, std::string_view more = "{}") {
  Json text = {{"type", "object"}, {"properties", Json::parse(properties)}};
  text.update(Json::parse(more));
  std::vector<SchemaFault> faults;
  auto out = ConfigSchema::parse(std::move(text), faults);
  BOOST_TEST_REQUIRE(out.has_value(), faults.size());
  return *std::move(out);
}

std::string first(const std::vector<ConfigFault>& faults) {
  return faults.empty() ? "" : faults[0].pointer + ": " + faults[0].message;
}

// A component between the root and the one that is composed: `r`, `s` and `o.k` are the root's.
struct Around {
  ConfigSchema root = schema(R"({"r":{"type":"string"},"s":{"type":"string","secret":true},
    "o":{"type":"object","properties":{"k":{"type":"string"}}}})");
  ConfigTree root_tree = root_config(&root);
  ConfigSchema own = schema(R"({"x":{},"secret":{"type":"string","secret":true},"v":{},"t":{},
    "o":{"type":"object","properties":{"k":{},"l":{}}},"n":{"type":"integer","default":7},
    "whole":{"type":"object","properties":{"k":{}}},"none":{"type":"string"}})");
  ConfigTree tree;

  Around() {
    const Json written = {{"x", "${config.r}"},
                          {"secret", "typed"},
                          {"v", {1, 2}},
                          {"t", "p-${config.r}"},
                          {"whole", "${config.o}"},
                          {"o", {{"k", "${config.s}"}, {"l", true}}}};
    std::vector<ConfigFault> faults;
    ConfigBudget budget;
    auto made = compose_config(&written, {&root_tree, &root}, &own, budget, faults);
    BOOST_TEST_REQUIRE(made.has_value(), first(faults));
    tree = *std::move(made);
  }

  std::optional<ConfigTree> below(const Json& written, std::vector<ConfigFault>& faults,
                                  const ConfigSchema* of = nullptr,
                                  const ComposeOptions& how = {}) const {
    ConfigBudget budget;
    return compose_config(&written, {&tree, &own}, of, budget, faults, how);
  }

  Json value(const Json& written) const { // as it is shown
    std::vector<ConfigFault> faults;
    const auto out = below({{"a", written}}, faults);
    BOOST_TEST_REQUIRE(out.has_value(), written.dump() << first(faults));
    return shown_config(*out).at("a");
  }

  std::string fault(const Json& written) const {
    std::vector<ConfigFault> faults;
    BOOST_TEST(!below({{"a", written}}, faults).has_value(), written.dump());
    BOOST_TEST_REQUIRE(!faults.empty());
    return first(faults);
  }
};

BOOST_AUTO_TEST_SUITE(compose)

BOOST_AUTO_TEST_CASE(values_become_what_the_table_says) {
  const Around around;
  const std::pair<Json, Json> rows[] = {
      {"plain", "plain"},
      {3, 3},
      {"${config.x}", "${config.r}"},
      {"${config.v}", {1, 2}},
      {"${config.n}", 7},
      {"${config.o.l}", true},
      {"${config.o}", {{"k", "${config.s}"}, {"l", true}}},
      {"a-${config.x}", "a-${config.r}"},
      {"a-${config.t}-${config.n}", "a-p-${config.r}-7"},
      {"a-${config.v}", "a-[1,2]"},
      {"$${config.x}", {{"$symbolic_config", "x"}}},
      {{{"$symbolic_config", "x"}}, {{"$symbolic_config", "x"}}},
      {"$${config.t}", {{"$symbolic_config", "t"}}},
      {"$${config.v}", "[1,2]"},
      {"$${config.n}", "7"},
      {"$${config.secret}", {{"$symbolic_config", "secret"}}}, // a literal, and not disclosed
      {{"$${config.x}", 1}, {{{"$symbolic_config", "x"}}, 1}},
  };
  for (const auto& [written, wanted] : rows) {
    BOOST_TEST(around.value(written) == wanted, written.dump() << " -> " << around.value(written));
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_told_at_the_value) {
  const Around around;
  const std::pair<Json, std::string> rows[] = {
      {"${config.missing}", "/a: config.missing: the config has no property"},
      {"${config.none}", "/a: config.none has no value"},
      {"${config.whole.k}", "/a: config.whole.k lies in something that is known at run time"},
      {"${slots.s.url}", "/a: a config names nothing but config"},
      {"${item.x}", "/a: a config names nothing but config"},
      {"$${slots.a.url}", "/a: a $${…} names something else"},
      {"x $${config.x}", "/a: a $${…} must be the whole string"},
      {"$${config.o}", "/a: config.o is known in part only"},
      {"x-${config.o}", "/a: config.o cannot be a part of a longer string"},
      {{1, {{"b/c", "${config.missing}"}}}, "/a/1/b~1c: config.missing"},
      {{{"$symbolic_string", "x"}}, "/a: $symbolic_string is not read"},
      {"${config.x", "/a: a ${ is not closed"},
  };
  for (const auto& [written, wanted] : rows) {
    BOOST_TEST(around.fault(written).find(wanted) == 0U, around.fault(written));
  }
}

BOOST_AUTO_TEST_CASE(symbolic_text_is_what_the_component_around_calls_it) {
  const Around around;
  std::vector<ConfigFault> faults;
  const auto tree = around.below({{"a", "$${config.x}"}, {"b", "$${config.secret}"}}, faults);
  BOOST_TEST_REQUIRE(tree.has_value());
  BOOST_TEST(symbolic_text(tree->members.at("a")) == "${config.x}");
  std::set<std::string> needed, behind;
  collect_runtime_paths(*tree, needed);
  collect_symbolic_paths(*tree, behind);
  BOOST_TEST(needed.empty());
  BOOST_TEST((behind == std::set<std::string>{"r"}));
  // Amber's way of writing all of it.
  ConfigBudget budget;
  const Json whole = {{"a", "$${config}"}};
  const auto of_root =
      compose_config(&whole, {&around.root_tree, &around.root}, nullptr, budget, faults);
  BOOST_TEST(symbolic_text(of_root->members.at("a")) == "${config.}");
}

BOOST_AUTO_TEST_CASE(without_a_schema_around_nothing_can_be_named) {
  const ConfigTree nothing = root_config(nullptr);
  ConfigBudget budget;
  std::vector<ConfigFault> faults;
  const Json written = {{"a", "${config.x}"}, {"b", 1}};
  BOOST_TEST(!compose_config(&written, {&nothing, nullptr}, nullptr, budget, faults));
  BOOST_TEST(faults.at(0).message.find("no config_schema") != std::string::npos);
  const Json plain = {{"b", 1}};
  BOOST_TEST(compose_config(&plain, {&nothing, nullptr}, nullptr, budget, faults).has_value());
}

BOOST_AUTO_TEST_CASE(the_schema_fills_in_and_judges_what_is_known) {
  const Around around;
  const ConfigSchema child =
      schema(R"({"a":{"type":"string"},"b":{"type":"integer"},"d":{"default":{"deep":1}},
        "o":{"type":"object","properties":{"e":{"default":5}}},
        "l":{"type":"array","uniqueItems":true,"items":{"enum":["p","q"]}}})",
             R"({"required":["a"]})");
  std::vector<ConfigFault> faults;
  const auto out = around.below(
      {{"a", "${config.x}"}, {"o", {{"f", "${config.x}"}}}, {"l", {"${config.x}", "p"}}}, faults,
      &child);
  BOOST_TEST_REQUIRE(out.has_value(), first(faults));
  BOOST_TEST(shown_config(*out) == Json::parse(R"({"a":"${config.r}","d":{"deep":1},
    "l":["${config.r}","p"],"o":{"e":5,"f":"${config.r}"}})"));
  const std::pair<Json, std::string> rows[] = {
      {{{"a", "${config.x}"}, {"b", "no"}}, "/b"},
      {{{"b", 1}}, ""},                                   // a is missing
      {{{"a", "${config.v}"}}, "/a"},                     // a list
      {{{"a", "x"}, {"l", {"${config.x}", "z"}}}, "/l/1"} // the other one is not known
  };
  for (const auto& [written, at] : rows) {
    faults.clear();
    BOOST_TEST(!around.below(written, faults, &child).has_value(), written.dump());
    BOOST_TEST(faults.at(0).pointer == at, faults.at(0).message);
  }
}

BOOST_AUTO_TEST_CASE(a_use_config_is_an_object) {
  const Around around;
  ComposeOptions how;
  how.object_only = true;
  std::vector<ConfigFault> faults;
  for (const Json& written : {Json("${config}"), Json(1), Json::array()}) {
    BOOST_TEST(!around.below(written, faults, nullptr, how).has_value());
  }
}

BOOST_AUTO_TEST_CASE(disclosed_paths_of_the_root_are_taken_too) {
  const Around around;
  const std::set<std::string> disclosed{"r"};
  ComposeOptions how;
  how.root_paths = &disclosed;
  std::vector<ConfigFault> faults;
  const auto out = around.below({{"a", "${config.r}"}, {"b", "${config.x}"}}, faults, nullptr, how);
  BOOST_TEST_REQUIRE(out.has_value());
  BOOST_TEST(shown_config(*out) == Json({{"a", "${config.r}"}, {"b", "${config.r}"}}));
  BOOST_TEST(!around.below({{"a", "${config.s}"}}, faults, nullptr, how).has_value());
}

BOOST_AUTO_TEST_CASE(configs_that_copy_each_other_end) {
  const ConfigSchema any = schema(R"({"a":{},"b":{}})");
  ConfigTree tree = literal_config({{"a", std::string(1000, 'x')}, {"b", 1}});
  const Json twice = {{"a", "${config}"}, {"b", "${config}"}};
  const Json longer = {{"a", "${config.a}${config.a}"}, {"b", 1}};
  Json deeper = "${config}";
  for (int i = 0; i < 60; ++i) deeper = {{"a", std::move(deeper)}};
  for (const Json& written : {twice, longer, deeper}) {
    ConfigBudget budget;
    std::vector<ConfigFault> faults;
    ConfigTree here = tree;
    int depth = 0;
    for (; faults.empty() && depth < 100; ++depth) {
      auto next = compose_config(&written, {&here, &any}, &any, budget, faults);
      if (next) here = *std::move(next);
    }
    BOOST_TEST(depth < 60);
    BOOST_TEST(faults.size() == 1U);
    BOOST_TEST(faults.at(0).message.find("too large") != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
