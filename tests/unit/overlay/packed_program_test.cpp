#include "overlay/compose/packed_program.hpp"

#include "overlay/config/compose.hpp"
#include "tests/support/plans.hpp"
#include "tests/unit/overlay/scenario_support.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice;
using namespace sluice::overlay;
using sluice::test::schema_of;

constexpr const char* kComponent = R"(
  config_schema: {type: 'object', properties: {
    key: {type: 'string', secret: true, default: 'by-default-1'}, code: {type: 'string'},
    list: {type: 'array'}, name: {}, typed: {type: 'string'}}},
  slots: {in: {kind: 'http', optional: true}},
  program: {image: 'i:1', entrypoint: ['run', {when: 'config.code', argv: ['--code', '${config.code}']},
      {each: 'config.list', arg: '${item}', join: ','}, 'a "b" $c'],
    env: {KEY: '${config.key}', URL: '${slots.in.url}', NAME: '${config.name}',
          T: {when: 'config.code', value: 'x'}},
    network: {endpoints: [{name: 'e', port: 80}]}})";

PackedProgram packed_one() {
  const auto linked = overlay::test::must_link(
      {{"root",
        overlay::test::with(R"(config_schema: {type: 'object', required: ['code'], properties: {
          code: {type: 'string', secret: true}, n: {type: 'integer', default: 3}}},
          components: {a: {manifest: './a', config: {code: '${config.code}', key: 'typed-secret',
            list: ['${config.n}', 'x-${config.n}', 1], name: '$${config.n}'}}})")},
       {"a", overlay::test::with(kComponent)}});
  PackedProgram out;
  const Component& a = linked.scenario.at(1);
  out.moniker = a.moniker;
  out.config = linked.configs.at(1);
  out.schema = a.config_schema;
  out.root_schema = linked.scenario.at(0).config_schema;
  out.program = *a.program;
  out.program.endpoints.clear();
  out.program.has_network = false;
  out.slots["in"] = {"http://127.0.0.1:20000"};
  out.secret_files["AMBER_CONFIG_CODE"] = "/run/secrets/code";
  out.files["/tmp/f"] = "list";
  return out;
}

BOOST_AUTO_TEST_SUITE(packed_program)

BOOST_AUTO_TEST_CASE(reads_what_it_wrote) {
  const PackedProgram wrote = packed_one();
  Diagnostics problems;
  const auto read = parse_packed(packed_json(wrote), problems);
  BOOST_TEST_REQUIRE(read.has_value(), format(problems));
  BOOST_TEST((read->config == wrote.config));
  BOOST_TEST((read->schema == wrote.schema && read->root_schema == wrote.root_schema));
  BOOST_TEST((read->program == wrote.program));
  BOOST_TEST((read->slots == wrote.slots && read->files == wrote.files));
  BOOST_TEST((read->secret_files == wrote.secret_files));
  BOOST_TEST(packed_json(*read).dump() == packed_json(wrote).dump());
}

BOOST_AUTO_TEST_CASE(reads_nothing_else) {
  const Json good = packed_json(packed_one());
  for (const auto& [key, value] : good.items()) {
    for (const Json& wrong : {Json(), Json(17), Json({{"x", 1}}), Json("s")}) {
      Json document = good;
      const bool may =
          (wrong.is_null() && key.ends_with("schema")) || (wrong.is_string() && value.is_string());
      if (may) continue;
      document[key] = wrong;
      Diagnostics problems;
      BOOST_TEST(!parse_packed(document, problems), key + " " + wrong.dump());
      BOOST_TEST(!problems.empty());
    }
    Json without = good;
    without.erase(key);
    Diagnostics problems;
    BOOST_TEST(!parse_packed(without, problems), key);
  }
  Json more = good;
  more["more"] = 1;
  Diagnostics problems;
  BOOST_TEST(!parse_packed(more, problems));
  BOOST_TEST(format(problems).find("/more") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tree_is_read_strictly) {
  for (const char* text :
       {"{}", "[]", "1", R"({"value":1,"list":[]})", R"({"other":1})", R"({"config":1})",
        R"({"text":[1]})", R"({"text":[{"config":1}]})", R"({"object":[]})", R"({"list":{}})",
        R"({"list":[1]})", R"({"symbolic":{"path":"a"}})",
        R"({"object":{"a":{"object":{"b":1}}}})"}) {
    BOOST_TEST(!parse_tree(Json::parse(text)), text);
  }
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += R"({"list":[)";
  for (int i = 0; i < 1000; ++i) deep += "]}";
  BOOST_TEST(!parse_tree(Json::parse(deep)));
}

BOOST_AUTO_TEST_CASE(secrets_are_cut_out_and_put_back) {
  const Json whole = packed_json(packed_one());
  Json document = whole;
  const SecretTexts secrets = {"typed-secret", "by-default-1"};
  const Json cut = cut_secrets(document, secrets);
  BOOST_TEST(cut.size() == 2U);
  for (const auto& secret : secrets) {
    BOOST_TEST(whole.dump().find(secret) != std::string::npos);
    BOOST_TEST(document.dump().find(secret) == std::string::npos);
  }
  BOOST_TEST((put_back(document, cut) == whole));
  BOOST_TEST(!put_back(whole, cut)); // there is something already
  for (const char* wrong :
       {R"({"/nowhere":1})", R"({"":1})", R"({"config":1})", R"({"/config/9":1})", "[]", "1"}) {
    BOOST_TEST(!put_back(document, Json::parse(wrong)), wrong);
  }
  Json lists = {{"program", {{"a~b/c", {"x", "typed-secret"}}}}};
  const Json as_it_was = lists;
  const Json taken = cut_secrets(lists, secrets);
  BOOST_TEST(taken.dump() == R"({"/program/a~0b~1c/1":"typed-secret"})");
  BOOST_TEST((put_back(lists, taken) == as_it_was));
}

BOOST_AUTO_TEST_CASE(a_short_secret_is_itself_alone) {
  BOOST_TEST(holds_secret("7", {"7"}));
  BOOST_TEST(!holds_secret("17", {"7"}));
  BOOST_TEST(holds_secret("x-abc-y", {"abc"}));
  BOOST_TEST(!holds_secret("x", {}));
}

BOOST_AUTO_TEST_CASE(starts_with_its_values) {
  Diagnostics problems;
  const auto made = start_of(packed_one(), {{"AMBER_CONFIG_CODE", "c0de"}}, problems);
  BOOST_TEST_REQUIRE(made.has_value(), format(problems));
  const std::vector<std::string> command = {"run", "--code", "c0de", "3,x-3,1", "a \"b\" $c"};
  BOOST_TEST(made->program.command == command, boost::test_tools::per_element());
  BOOST_TEST(made->program.env.at("KEY") == "typed-secret");
  BOOST_TEST(made->program.env.at("URL") == "http://127.0.0.1:20000");
  BOOST_TEST(made->program.env.at("NAME") == "${config.n}");
  BOOST_TEST(made->program.env.at("T") == "x");
  BOOST_TEST(made->files.at("/tmp/f") == R"([3,"x-3",1])");
}

BOOST_AUTO_TEST_CASE(tells_what_is_missing_and_no_value) {
  Diagnostics problems;
  BOOST_TEST(!start_of(packed_one(), {}, problems));
  BOOST_TEST(format(problems).find("AMBER_CONFIG_CODE") != std::string::npos);
  problems.clear();
  BOOST_TEST(!start_of(packed_one(), {{"AMBER_CONFIG_CODE", "c0de"}, {"AMBER_CONFIG_N", "s3cret"}},
                       problems));
  BOOST_TEST(format(problems).find("s3cret") == std::string::npos);
  PackedProgram absent = packed_one();
  absent.files["/tmp/g"] = "typed";
  problems.clear();
  BOOST_TEST(!start_of(absent, {{"AMBER_CONFIG_CODE", "c0de"}}, problems));
  BOOST_TEST(format(problems).find("/tmp/g") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
