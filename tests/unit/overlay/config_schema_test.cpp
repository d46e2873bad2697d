#include "overlay/manifest/config_schema.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

std::string faults_of(std::string_view text) {
  std::vector<SchemaFault> faults;
  const auto schema = ConfigSchema::parse(Json::parse(text), faults);
  BOOST_TEST(schema.has_value() == faults.empty(), text);
  std::string out;
  for (const SchemaFault& one : faults) out += one.pointer + ": " + one.message + '\n';
  return out;
}

ConfigSchema schema_of(std::string_view text) {
  std::vector<SchemaFault> faults;
  auto schema = ConfigSchema::parse(Json::parse(text), faults);
  BOOST_TEST_REQUIRE(schema.has_value(), text << ": " << (faults.empty() ? "" : faults[0].message));
  return *std::move(schema);
}

constexpr const char* kNested = R"({
  "type": "object",
  "$defs": {
    "login": {"type": "object", "secret": true,
              "properties": {"user": {"type": "string"}, "key": {"type": "string"}},
              "required": ["key"]},
    "tree": {"type": "object", "properties": {"name": {"type": "string"},
             "key": {"type": "string", "secret": true}, "next": {"$ref": "#/$defs/tree"}}}
  },
  "properties": {
    "db": {"$ref": "#/$defs/login"},
    "port": {"type": "integer", "default": 80},
    "list": {"type": "array", "items": {"type": "object", "properties": {"a": {}}}},
    "both": {"allOf": [{"type": "object", "properties": {"x": {"type": "string"}}},
                       {"type": "object", "properties": {"y": {"default": {"z": 1}}}}]},
    "tree": {"$ref": "#/$defs/tree"}
  },
  "required": ["db"]})";

BOOST_AUTO_TEST_SUITE(config_schema)

BOOST_AUTO_TEST_CASE(a_schema_outside_the_profile_is_refused) {
  struct Row {
    std::string_view text, what;
  };
  const Row rows[] = {
      {"true", "must be of type object"},
      {"{}", ": the config's schema must be of type object"},
      {R"({"type":"string"})", "/type: the config's schema must be of type object"},
      {R"({"type":"object","properties":{"A":{}}})", "/properties/A: \"A\" is no name"},
      {R"({"type":"object","properties":{"a__b":{}}})", "is no name of a config property"},
      {R"({"type":"object","properties":{"_a":{}}})", "is no name of a config property"},
      {R"({"type":"object","properties":{"a.b":{}}})", "is no name of a config property"},
      {R"({"type":"object","required":["a-b"]})", "/required/0: \"a-b\" is no name"},
      {R"({"type":"object","required":"a"})", "expected a list of names"},
      {R"({"type":"object","properties":{"a":{"properties":{}}}})", "with properties must be of"},
      {R"({"type":"object","properties":{"a":{"type":"string","required":[]}}})",
       "/properties/a/type: a schema with required must be of type object"},
      {R"({"type":"object","properties":{"a":{"$ref":"other.json"}}})", "must stay inside"},
      {R"({"type":"object","properties":{"a":{"$ref":"#a"}}})", "must stay inside"},
      {R"({"type":"object","properties":{"a":{"$ref":"#/$defs/b"}}})", "$ref names no schema"},
      {R"({"type":"object","properties":{"a":{"default":{}},"b":{"$ref":"#/properties/a/default"}}})",
       "$ref names no schema"},
      {R"({"type":"object","allOf":[{"$ref":"#"}]})", "$ref goes in a circle"},
      {R"({"type":"object","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}})",
       "$ref goes in a circle"},
      {R"({"type":"object","additionalProperties":{}})", "expected true or false"},
      {R"({"type":"object","secret":"yes"})", "/secret: expected true or false"},
      {R"({"type":"object","properties":{"a":{"type":"text"}}})", "one or several of the types"},
      {R"({"type":"object","properties":{"a":{"type":[]}}})", "one or several of the types"},
      {R"({"type":"object","properties":{"a":1}})", "a schema is an object, true or false"},
      {R"({"type":"object","properties":{"a":{"minLength":-1}}})", "an integer from 0"},
      {R"({"type":"object","properties":{"a":{"minLength":1.5}}})", "an integer from 0"},
      {R"({"type":"object","properties":{"a":{"minLength":1e300}}})", ""},
      {R"({"type":"object","properties":{"a":{"multipleOf":0}}})", "a number above 0"},
      {R"j({"type":"object","properties":{"a":{"pattern":"("}}})j", "the pattern is not read"},
      {R"j({"type":"object","properties":{"a":{"pattern":"(?!a)"}}})j", "the pattern is not read"},
      {R"({"type":"object","properties":{"a":{"enum":"x"}}})", "expected a list"},
      {R"({"type":"object","properties":{"a":{"minLenght":1}}})", "unknown keyword \"minLenght\""},
      {R"({"type":"object","properties":{"a":{"$id":"x"}}})", "$id may stand at the root only"},
      {R"({"type":"object","$schema":"http://json-schema.org/draft-07/schema#"})", "2020-12"},
  };
  for (const Row& row : rows) {
    const std::string found = faults_of(row.text);
    BOOST_TEST((row.what.empty() ? found.empty() : found.find(row.what) != std::string::npos),
               row.text << " -> " << found);
  }
}

BOOST_AUTO_TEST_CASE(keywords_we_would_not_judge_by_are_refused_wherever_they_stand) {
  for (const char* word :
       {"anyOf", "oneOf", "not", "if", "then", "else", "patternProperties", "propertyNames",
        "dependentSchemas", "dependentRequired", "unevaluatedProperties", "unevaluatedItems",
        "$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$vocabulary", "additionalItems",
        "contentSchema", "dependencies"}) {
    const std::string text =
        std::string(R"({"type":"object","$defs":{"d":{"items":{")") + word + R"(":true}}}})";
    BOOST_TEST(faults_of(text).find("/$defs/d/items/") == 0U, word);
  }
}

BOOST_AUTO_TEST_CASE(what_says_nothing_about_values_may_stand) {
  BOOST_TEST(faults_of(R"({"$schema":"https://json-schema.org/draft/2020-12/schema#","$id":"a:b",
    "type":["object","null"],"title":"t","description":"d","$comment":"c","x-mine":{"not":1},
    "definitions":{"A-b":{"format":"uri","examples":[1],"deprecated":true}},
    "properties":{"a":{"$ref":"#/definitions/A-b"},"b":{"$ref":"#"},"c":true}})") == "");
}

BOOST_AUTO_TEST_CASE(paths_go_through_references_and_never_into_lists) {
  const ConfigSchema schema = schema_of(kNested);
  for (const char* path :
       {"", "db", "db.user", "port", "list", "both.x", "both.y", "tree.next.next.next.name"}) {
    BOOST_TEST(schema.has_path(path), path);
  }
  for (const char* path : {"nope", "db.nope", "port.x", "list.a", "list.0", "both.z", "db..user",
                           ".db", "db.", "DB", "tree.next.nope"}) {
    BOOST_TEST(!schema.has_path(path), path);
  }
  BOOST_TEST(*schema.why_no_path("db.nope") == "the config has no property \"nope\"");
}

BOOST_AUTO_TEST_CASE(a_secret_covers_what_is_in_it) {
  const ConfigSchema schema = schema_of(kNested);
  BOOST_TEST(schema.is_secret("db"));
  BOOST_TEST(schema.is_secret("db.user"));
  BOOST_TEST(!schema.is_secret(""));
  BOOST_TEST(!schema.is_secret("port"));
  BOOST_TEST(!schema.is_secret("tree"));
  BOOST_TEST(schema.is_secret("tree.next.next.key"));
  BOOST_TEST(schema.holds_secret(""));
  BOOST_TEST(schema.holds_secret("tree.next"));
  BOOST_TEST(!schema.holds_secret("port"));
  BOOST_TEST(!schema.holds_secret("tree.name"));
}

BOOST_AUTO_TEST_CASE(leaves_are_listed_by_path) {
  std::string found;
  for (const SchemaLeaf& leaf : schema_of(kNested).leaves()) {
    found += leaf.path + (leaf.required ? " required" : "") + (leaf.secret ? " secret" : "") +
             (leaf.has_default ? " default" : "") + '\n';
  }
  BOOST_TEST(found == "both.x\nboth.y default\ndb.key required secret\ndb.user secret\nlist\n"
                      "port default\ntree.key secret\ntree.name\ntree.next.key secret\n"
                      "tree.next.name\ntree.next.next\n");
  BOOST_TEST(schema_of(kNested).is_required("db.key"));
  BOOST_TEST(!schema_of(kNested).is_required("tree.name"));
}

BOOST_AUTO_TEST_CASE(a_sub_schema_stands_on_its_own) {
  const ConfigSchema schema = schema_of(kNested);
  BOOST_TEST(schema.subschema("port")->dump() == R"({"default":80,"type":"integer"})");
  BOOST_TEST((*schema.subschema("db"))["secret"] == true);
  BOOST_TEST(!schema.subschema("db")->contains("$ref"));
  BOOST_TEST(!schema.subschema("tree").has_value()); // it holds itself
  BOOST_TEST(!schema.subschema("nope").has_value());
}

BOOST_AUTO_TEST_CASE(defaults_fill_what_is_absent_and_end) {
  Json value = Json::parse(R"({"both":{},"port":null})");
  schema_of(kNested).fill_defaults(value);
  BOOST_TEST(value.dump() == R"({"both":{"y":{"z":1}},"port":null})");
  value = Json::object();
  schema_of(kNested).fill_defaults(value);
  BOOST_TEST(value.dump() == R"({"port":80})");
  const ConfigSchema endless = schema_of(
      R"({"type":"object","properties":{"a":{"$ref":"#","default":{}},"b":{"$ref":"#","default":{}}}})");
  value = Json::object();
  endless.fill_defaults(value);
  BOOST_TEST(value.dump().size() < 100'000U);
}

BOOST_AUTO_TEST_CASE(a_schema_made_to_blow_up_costs_little) {
  std::string all = R"({"type":"object","$defs":{)";
  for (int i = 0; i < 60; ++i) {
    const std::string next = R"({"$ref":"#/$defs/a)" + std::to_string(i + 1) + "\"}";
    all += "\"a" + std::to_string(i) + R"(":{"type":"object","allOf":[)" + next + ',' + next +
           R"(],"properties":{"x":)" + next + ",\"y\":" + next + "}},";
  }
  all += R"("a60":{}},"properties":{"p":{"$ref":"#/$defs/a0"}}})";
  const ConfigSchema schema = schema_of(all);
  BOOST_TEST(schema.leaves().size() <= 2 * kMaxSchemaNodes);
  BOOST_TEST(!schema.subschema("p").has_value());
  BOOST_TEST(schema.has_path("p.x.y.x"));
  std::string many = R"({"type":"object","$defs":{)";
  for (std::size_t i = 0; i <= kMaxSchemaNodes; ++i) many += "\"a" + std::to_string(i) + "\":{},";
  BOOST_TEST(faults_of(many + R"("z":{}}})").find("too large") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
