#include "overlay/plan/interposer_config.hpp"

#include "tests/support/plans.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;
using sluice::test::schema_of;

const ConfigSchema& scope_schema() {
  static const ConfigSchema kSchema = schema_of(
      R"({"type": "object", "properties": {"secret": {"type": "string", "secret": true},
          "limits": {"type": "object", "properties": {"most": {"type": "integer"}}}}})");
  return kSchema;
}

const ConfigSchema& own_schema() {
  static const ConfigSchema kSchema = schema_of(
      R"({"type": "object", "additionalProperties": false, "required": ["hide", "level"],
          "properties": {"hide": {"type": "array", "items": {"type": "string", "minLength": 3}},
                         "level": {"type": "integer", "maximum": 9, "default": 1},
                         "deep": {"type": "object", "required": ["must"],
                                  "properties": {"must": {"type": "string"}}}}})");
  return kSchema;
}

// "<pointer>: <message>" of each.
std::string faults(const std::string& config, const ConfigSchema* parent = &scope_schema(),
                   const ConfigChecks& checks = {}) {
  std::string out;
  for (const auto& one :
       check_interposer_config(Json::parse(config), own_schema(), parent, checks)) {
    out += one.pointer + ": " + one.message + '\n';
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(interposer_config)

BOOST_AUTO_TEST_CASE(references_to_the_scope_are_taken) {
  BOOST_TEST(faults(R"({"hide": ["${config.secret}", "abc"]})") == "");
  BOOST_TEST(faults(R"({"hide": ["$${config.secret}"]})") == "");
  BOOST_TEST(faults(R"({"hide": "${config}", "level": "${config.limits.most}"})") == "");
  BOOST_TEST(faults(R"({"hide": ["a-${config.secret}-${config.limits.most}"]})") == "");
  BOOST_TEST(faults(R"("${config}")") == "");
  BOOST_TEST(faults(R"({"hide": ["$100 and {braces}"]})") == "");
}

BOOST_AUTO_TEST_CASE(what_it_cannot_name_is_refused) {
  const auto place = std::string("/hide/0: ");
  const auto of = [](const std::string& text) { return faults(Json{{"hide", {text}}}.dump()); };
  BOOST_TEST(of("${slots.in.url}") == place + "${slots.…} has no meaning in a config\n");
  BOOST_TEST(of("${item.x}") == place + "${item.…} has no meaning in a config\n");
  BOOST_TEST(of("$${slots.in.url}") == place + "a $${…} names something else than config\n");
  BOOST_TEST(of("x $${config.secret}") == place + "a $${…} must be the whole string\n");
  BOOST_TEST(of("${config.nope}") ==
             place + "in the scope's component the config has no property \"nope\"\n");
  BOOST_TEST(of("$${config.nope}") ==
             place + "in the scope's component the config has no property \"nope\"\n");
  BOOST_TEST(of("${config.limits.nope}").find("nope") != std::string::npos);
  BOOST_TEST(of("${hunter2}") == place + "a ${…} is no interpolation\n");
  BOOST_TEST(of("hunter2 ${") == place + "a ${ is not closed\n");
  BOOST_TEST(faults(R"({"hide": ["${config.secret}"]})", nullptr) ==
             place + "the scope's component has no config_schema, and so no config to read\n");
  BOOST_TEST(faults(R"({"hide": ["literal"]})", nullptr) == "");
}

BOOST_AUTO_TEST_CASE(what_is_written_out_is_judged) {
  BOOST_TEST(faults(R"({"hide": ["hunter2", "x", "${config.secret}"]})") ==
             "/hide/1: must have at least 3 characters\n");
  BOOST_TEST(faults(R"({"hide": [], "level": "hunter2"})") ==
             "/level: expected integer, found string\n");
  BOOST_TEST(faults(R"({"hide": [], "other": "${config.secret}"})") ==
             "/other: the schema has no such property\n");
  BOOST_TEST(faults(R"({"level": "${config.limits.most}"})") ==
             ": the property \"hide\" is missing\n");
  BOOST_TEST(faults(R"({"hide": [], "deep": {}})") == "/deep: the property \"must\" is missing\n");
  BOOST_TEST(faults(R"({"hide": [], "deep": {"must": "${config.secret}"}})") == "");
  BOOST_TEST(faults(R"(["hunter2"])") == ": expected object, found array\n");
}

BOOST_AUTO_TEST_CASE(without_a_config_the_defaults_are_judged) {
  const auto wrong = check_interposer_config(std::nullopt, own_schema(), nullptr);
  BOOST_TEST_REQUIRE(wrong.size() == 1U);
  BOOST_TEST(wrong[0].message == "the property \"hide\" is missing");
  const auto whole =
      schema_of(R"({"type": "object", "required": ["a"], "properties": {"a": {"default": 1}}})");
  BOOST_TEST(check_interposer_config(std::nullopt, whole, nullptr).empty());
}

BOOST_AUTO_TEST_CASE(composition_is_asked_last) {
  int asked = 0;
  ConfigChecks checks;
  checks.compose = [&](const Json& config, const ConfigSchema&) {
    ++asked;
    BOOST_TEST(!config.contains("level")); // as it was written
    return std::vector<ConfigFault>{{"/hide", "no", ""}};
  };
  BOOST_TEST(faults(R"({"hide": 1})", nullptr, checks) != "/hide: no\n");
  BOOST_TEST(asked == 0);
  BOOST_TEST(faults(R"({"hide": []})", nullptr, checks) == "/hide: no\n");
  BOOST_TEST(asked == 1);
}

BOOST_AUTO_TEST_CASE(paths_of_the_root_are_taken_when_the_overlay_was_told_of_them) {
  ConfigChecks checks;
  checks.root_paths = {"root_secret"};
  BOOST_TEST(faults(R"({"hide": ["${config.root_secret}"]})", nullptr, checks) == "");
  BOOST_TEST(faults(R"({"hide": ["${config.root_other}"]})", nullptr, checks) != "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
