#include "overlay/manifest/config_schema.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

// `property` is the schema of "v", `value` its value.
std::string judged(std::string_view property, std::string_view value) {
  std::vector<SchemaFault> faults;
  Json text;
  text["type"] = "object";
  text["properties"]["v"] = Json::parse(property);
  const auto schema = ConfigSchema::parse(std::move(text), faults);
  BOOST_TEST_REQUIRE(schema.has_value(), property);
  std::string out;
  Json whole;
  whole["v"] = Json::parse(value);
  for (const SchemaFault& one : schema->validate(whole))
    out += one.pointer + ": " + one.message + '\n';
  return out;
}

struct Row {
  std::string_view schema, good, bad;
};

BOOST_AUTO_TEST_SUITE(config_value)

BOOST_AUTO_TEST_CASE(every_keyword_judges) {
  const Row rows[] = {
      {R"({"type":"string"})", R"("x")", "1"},
      {R"({"type":"integer"})", "1.0", "1.5"},
      {R"({"type":"number"})", "1.5", R"("1")"},
      {R"({"type":"boolean"})", "true", "0"},
      {R"({"type":"null"})", "null", "false"},
      {R"({"type":"array"})", "[]", "{}"},
      {R"({"type":["object","null"]})", "null", "[]"},
      {R"({"enum":[1,"a"]})", "1.0", "2"},
      {R"({"const":{"a":1}})", R"({"a":1})", R"({"a":2})"},
      {R"({"const":-1})", "-1", "18446744073709551615"},
      {R"({"type":"object","properties":{"a":{"type":"string"}}})", R"({"a":"x","b":1})",
       R"({"a":1})"},
      {R"({"type":"object","required":["a"]})", R"({"a":null})", "{}"},
      {R"({"type":"object","properties":{"a":{}},"additionalProperties":false})", R"({"a":1})",
       R"({"b":1})"},
      {R"({"minProperties":1,"maxProperties":2})", R"({"a":1})", "{}"},
      {R"({"minProperties":1,"maxProperties":1})", "[]", R"({"a":1,"b":2})"},
      {R"({"items":{"type":"string"}})", R"(["a"])", R"(["a",1])"},
      {R"({"prefixItems":[{"type":"string"}],"items":{"type":"integer"}})", R"(["a",1])",
       R"(["a","b"])"},
      {R"({"prefixItems":[{"type":"string"}],"items":false})", R"(["a"])", R"(["a",1])"},
      {R"({"contains":{"const":1}})", "[0,1]", "[0]"},
      {R"({"contains":{"const":1},"minContains":2})", "[1,1]", "[1]"},
      {R"({"contains":{"const":1},"minContains":0,"maxContains":1})", "[]", "[1,1]"},
      {R"({"minItems":1})", "[1]", "[]"},
      {R"({"maxItems":1})", "[1]", "[1,2]"},
      {R"({"uniqueItems":true})", R"([1,"1"])", "[1,1.0]"},
      {R"({"minLength":2})", "\"\xc3\xa9\xc3\xa9\"", "\"\xc3\xa9\""},
      {R"({"maxLength":1})", "\"\xf0\x9f\x98\x80\"", R"("ab")"},
      {R"({"pattern":"^a+$"})", R"("aaa")", R"("aab")"},
      {R"({"pattern":"b"})", R"("abc")", R"("ac")"},
      {R"({"minimum":1})", "1", "0.9"},
      {R"({"maximum":100})", "100", "18446744073709551615"},
      {R"({"exclusiveMinimum":0})", "18446744073709551615", "0"},
      {R"({"exclusiveMaximum":10})", "9.99", "10"},
      {R"({"maximum":9007199254740992})", "9007199254740992", "9007199254740993"},
      {R"({"multipleOf":3})", "9", "10"},
      {R"({"multipleOf":0.1})", "0.3", "0.35"},
      {R"({"multipleOf":2})", "-4", "-5"},
      {R"({"allOf":[{"type":"integer"},{"minimum":5}]})", "5", "4"},
      {R"({"$ref":"#/properties/v/$defs/n","maximum":9,"$defs":{"n":{"minimum":1}}})", "5", "10"},
      {R"({"$ref":"#/properties/v/$defs/n","maximum":9,"$defs":{"n":{"minimum":1}}})", "5", "0"},
      {"true", "1", ""},
      {"false", "", "1"},
      {R"({"format":"uri"})", R"("not a uri")", ""},
  };
  for (const Row& row : rows) {
    if (!row.good.empty()) BOOST_TEST(judged(row.schema, row.good) == "", row.schema);
    if (!row.bad.empty()) BOOST_TEST(judged(row.schema, row.bad) != "", row.schema);
  }
}

BOOST_AUTO_TEST_CASE(faults_name_the_place_and_never_the_value) {
  const std::string found =
      judged(R"({"type":"array","items":{"type":"object","properties":{"a":{"enum":["x"]}}}})",
             R"([{"a":"x"},{"a":"hunter2"},3])");
  BOOST_TEST(found == "/v/1/a: the value is not one of those in enum\n"
                      "/v/2: expected object, found number\n");
}

BOOST_AUTO_TEST_CASE(what_is_not_known_yet_is_not_judged) {
  std::vector<SchemaFault> faults;
  const auto schema =
      ConfigSchema::parse(Json::parse(R"({"type":"object","properties":{"a":{"type":"integer"},
        "l":{"contains":{"const":1}}},"required":["a","b"]})"),
                          faults);
  const Json value = Json::parse(R"({"a":"${config.x}","l":["${config.y}"]})");
  BOOST_TEST(schema->validate(value).size() == 3U);
  const std::set<std::string> unknown = {"/a", "/l/0"};
  BOOST_TEST(schema->validate(value, {false, &unknown}).size() == 1U);
  BOOST_TEST(schema->validate(value, {true, &unknown}).empty());
  BOOST_TEST(schema->validate(value, {true, nullptr}).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_value_that_would_take_for_ever_is_refused) {
  const std::string recursive =
      R"({"$ref":"#/properties/v/$defs/l","$defs":{"l":{"contains":{"$ref":"#/properties/v/$defs/l"},
        "items":{"$ref":"#/properties/v/$defs/l"}}}})";
  std::string value(40, '[');
  value += "0" + std::string(40, ']');
  BOOST_TEST(judged(recursive, value).find("takes too long") != std::string::npos);
  std::string deep(200, '[');
  deep += std::string(200, ']');
  BOOST_TEST(
      judged(
          R"({"$ref":"#/properties/v/$defs/l","$defs":{"l":{"items":{"$ref":"#/properties/v/$defs/l"}}}})",
          deep)
          .find("nested too deeply") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
