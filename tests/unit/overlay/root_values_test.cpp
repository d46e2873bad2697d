#include "overlay/config/root_values.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

ConfigSchema schema_of(std::string_view text) {
  std::vector<SchemaFault> faults;
  auto out = ConfigSchema::parse(Json::parse(text), faults);
  BOOST_TEST_REQUIRE(out.has_value());
  return *std::move(out);
}

const ConfigSchema& example() {
  static const ConfigSchema out = schema_of(R"({"type":"object","required":["db","name"],
    "properties":{
      "db":{"type":"object","required":["api_key"],"secret":true,
            "properties":{"api_key":{"type":"string"},"port":{"type":"integer","default":1}}},
      "name":{"type":"string"}, "list":{"type":"array"}, "any":{},
      "opt":{"type":"object","required":["k"],"properties":{"k":{"type":"string"}}}}})");
  return out;
}

BOOST_AUTO_TEST_SUITE(root_values)

BOOST_AUTO_TEST_CASE(paths_and_variables_are_one_to_one) {
  const std::pair<std::string, std::string> rows[] = {{"db.api_key", "AMBER_CONFIG_DB__API_KEY"},
                                                      {"a", "AMBER_CONFIG_A"},
                                                      {"a_.b", "AMBER_CONFIG_A___B"},
                                                      {"a1_2.b.c", "AMBER_CONFIG_A1_2__B__C"}};
  for (const auto& [path, variable] : rows) {
    BOOST_TEST(config_variable(path) == variable);
    BOOST_TEST(config_path(variable).value_or("?") == path);
  }
  for (const char* none : {"AMBER_CONFIG_", "AMBER_CONFIG_a", "AMBER_CONFIG__A", "AMBER_CONFIG_A__",
                           "AMBER_CONFIG_A____B", "AMBER_CONFIG_1", "PATH", "AMBER_CONFIG_A.B"}) {
    BOOST_TEST(!config_path(none).has_value(), none);
  }
}

BOOST_AUTO_TEST_CASE(the_leaves_of_the_schema_are_the_inputs) {
  std::string out;
  for (const RootInput& one : root_inputs(example())) {
    out += one.variable + (one.required ? " required" : "") + (one.secret ? " secret" : "") +
           (one.has_default ? " default" : "") + '\n';
  }
  BOOST_TEST(out == "AMBER_CONFIG_ANY\nAMBER_CONFIG_DB__API_KEY required secret\n"
                    "AMBER_CONFIG_DB__PORT secret default\nAMBER_CONFIG_LIST\n"
                    "AMBER_CONFIG_NAME required\nAMBER_CONFIG_OPT__K\n");
}

BOOST_AUTO_TEST_CASE(a_value_is_json_when_the_schema_takes_it_so) {
  const auto read = [](std::string_view name, std::string_view text) {
    return read_root_values(&example(), {{"AMBER_CONFIG_" + std::string(name), std::string(text)}});
  };
  BOOST_TEST(read("NAME", "5").values.at("name") == "5");
  BOOST_TEST(read("NAME", "\"5\"").values.at("name") == "5");
  BOOST_TEST(read("ANY", "5").values.at("any") == 5);
  BOOST_TEST(read("ANY", "{x").values.at("any") == "{x");
  BOOST_TEST(read("DB__PORT", "5").values.at("db").at("port") == 5);
  BOOST_TEST(read("LIST", "[1]").values.at("list") == Json({1}));
  BOOST_TEST(read("LIST", std::string(100'000, '[')).faults.size() == 1U);
  BOOST_TEST(read("ANY", std::string(100'000, '[')).values.at("any").is_string());
  BOOST_TEST(!read("NAME", "").values.contains("name"));
  BOOST_TEST(read("NAME", "\xff").faults.size() == 1U);
  const RootValues wrong = read("DB__PORT", "s3cret");
  BOOST_TEST_REQUIRE(wrong.faults.size() == 1U);
  BOOST_TEST(wrong.faults[0].pointer == "/db/port");
  BOOST_TEST(wrong.faults[0].message == "AMBER_CONFIG_DB__PORT: expected integer, found string");
  BOOST_TEST(read("NOPE", "1").unknown.at(0) == "AMBER_CONFIG_NOPE");
  BOOST_TEST(read("DB", "{}").unknown.size() == 1U); // no leaf
  BOOST_TEST(read_root_values(nullptr, {{"AMBER_CONFIG_A", "1"}, {"PATH", "x"}}).unknown.size() ==
             1U);
}

BOOST_AUTO_TEST_CASE(variables_win_over_the_file_and_defaults_come_last) {
  const RootValues out = read_root_values(&example(), {{"AMBER_CONFIG_NAME", "env"}},
                                          {{"name", "file"}, {"db", {{"api_key", "k"}}}});
  BOOST_TEST(out.faults.empty());
  BOOST_TEST(out.values == Json({{"name", "env"}, {"db", {{"api_key", "k"}, {"port", 1}}}}));
  BOOST_TEST(read_root_values(&example(), {}, {{"name", 1}}).faults.at(0).pointer == "/name");
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named_with_its_variable) {
  const Json nothing = Json::object();
  const auto missing = [&](const std::set<std::string>& paths) {
    return shown_inputs(missing_inputs(example(), nothing, paths));
  };
  const std::string key = "config.db.api_key (AMBER_CONFIG_DB__API_KEY)";
  BOOST_TEST(missing({}) == "");
  BOOST_TEST(missing({"db"}) == key);
  BOOST_TEST(missing({"db.api_key"}) == key);
  BOOST_TEST(missing({"db.port"}) == "");
  BOOST_TEST(missing({"opt"}) == "");
  BOOST_TEST(missing({""}) == key + ", config.name (AMBER_CONFIG_NAME)");
  BOOST_TEST(missing_inputs(example(), {{"name", "n"}}, {"name"}).empty());
}

BOOST_AUTO_TEST_CASE(a_component_is_given_what_it_names) {
  BOOST_TEST(shown_inputs(inputs_of_paths(example(), {"db", "any.x"})) ==
             "config.any (AMBER_CONFIG_ANY), config.db.api_key (AMBER_CONFIG_DB__API_KEY), "
             "config.db.port (AMBER_CONFIG_DB__PORT)");
  BOOST_TEST(inputs_of_paths(example(), {"db.api_key"}).at(0).secret);
  BOOST_TEST(inputs_of_paths(example(), {}).empty());
}

BOOST_AUTO_TEST_CASE(a_schema_of_paths_holds_them_alone) {
  const auto mirrored = [](const std::set<std::string>& paths) {
    return schema_of_paths(&example(), paths)->json();
  };
  BOOST_TEST(mirrored({}) == Json::parse(R"({"type":"object","properties":{}})"));
  BOOST_TEST(mirrored({"db.api_key"}) == Json::parse(R"({"type":"object","required":["db"],
    "properties":{"db":{"type":"object","required":["api_key"],
      "properties":{"api_key":{"type":"string","secret":true}}}}})"));
  // The shorter path has the longer one in it.
  BOOST_TEST(mirrored({"db", "db.api_key"}).at("properties").at("db") ==
             example().json().at("properties").at("db"));
  BOOST_TEST(mirrored({"", "name"}) == example().json());
  BOOST_TEST(!schema_of_paths(nullptr, {"a"}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
