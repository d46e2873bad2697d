#include "overlay/config/evaluate.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

ConfigTree tree_of(const Json& written) {
  std::vector<SchemaFault> none;
  const auto schema = ConfigSchema::parse(
      Json::parse(R"({"type":"object","properties":{"a":{},"n":{},"o":{}}})"), none);
  const ConfigTree root = root_config(&*schema);
  ConfigBudget budget;
  std::vector<ConfigFault> faults;
  auto out = compose_config(&written, {&root, &*schema}, nullptr, budget, faults);
  BOOST_TEST_REQUIRE(out.has_value());
  return *std::move(out);
}

BOOST_AUTO_TEST_SUITE(evaluate)

BOOST_AUTO_TEST_CASE(references_get_their_values) {
  const Json values = {{"a", "x"}, {"n", 3}, {"o", {{"k", {1}}}}};
  const std::pair<Json, Json> rows[] = {
      {{{"v", "${config.a}"}}, {{"v", "x"}}},
      {{{"v", {"${config.n}", "n=${config.n}", 1}}}, {{"v", {3, "n=3", 1}}}},
      {{{"v", "${config.o}"}}, {{"v", {{"k", {1}}}}}},
      {{{"v", "$${config.a}"}}, {{"v", "${config.a}"}}},
      {"${config}", values},
  };
  for (const auto& [written, wanted] : rows) {
    std::vector<ConfigFault> faults;
    const auto out = evaluate_config(tree_of(written), values, faults);
    BOOST_TEST((out && *out == wanted), written.dump());
  }
}

BOOST_AUTO_TEST_CASE(what_is_absent_is_left_out_where_it_can_be) {
  std::vector<ConfigFault> faults;
  const auto out =
      evaluate_config(tree_of({{"v", "${config.a}"}, {"w", 1}}), Json::object(), faults);
  BOOST_TEST((out && *out == Json({{"w", 1}})));
  BOOST_TEST(!evaluate_config(tree_of({{"v", {"${config.a}"}}}), Json::object(), faults));
  BOOST_TEST(!evaluate_config(tree_of({{"v", "x${config.a}"}}), Json::object(), faults));
  BOOST_TEST(!evaluate_config(tree_of({{"v", "x${config.o}"}}), {{"o", {1}}}, faults));
  BOOST_TEST_REQUIRE(faults.size() == 3U);
  BOOST_TEST(faults[0].pointer == "/v/0");
  BOOST_TEST(faults[1].hint == "set AMBER_CONFIG_A");
  BOOST_TEST(faults[2].message.find("no scalar") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_schema_has_the_last_word) {
  std::vector<SchemaFault> none;
  const auto schema = ConfigSchema::parse(Json::parse(R"({"type":"object","required":["v"],
        "properties":{"v":{"type":"string"},"d":{"default":2}}})"),
                                          none);
  std::vector<ConfigFault> faults;
  const ConfigTree tree = tree_of({{"v", "${config.a}"}});
  const auto out = evaluate_config(tree, {{"a", "s3cret"}}, &*schema, faults);
  BOOST_TEST((out && *out == Json({{"v", "s3cret"}, {"d", 2}})));
  BOOST_TEST(!evaluate_config(tree, Json::object(), &*schema, faults));
  BOOST_TEST(!evaluate_config(tree, {{"a", {"s3cret"}}}, &*schema, faults));
  BOOST_TEST(faults.size() == 2U);
  for (const ConfigFault& one : faults) BOOST_TEST(one.message.find("s3cret") == one.message.npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
