#include "policy/engine/value_match.hpp"

#include "policy/base/json.hpp"
#include "tests/unit/engine/fixture.hpp"

namespace {

using namespace sluice;
using namespace sluice::engine;
using namespace sluice::engine::testing;

// As the body of a call by both engines: "allowed, refused" by a rule with that test.
std::string judged(std::string_view test, std::string_view json) {
  const auto with = [&](std::string_view effect) {
    return policy("version: 1\negress:\n  - {" + std::string(effect) +
                  ": {hosts: [a.test], body: {/v: " + std::string(test) + "}}}\n");
  };
  const auto tree = read_json("{\"v\":" + std::string(json) + "}").value();
  const auto fits = [&](std::string_view effect) {
    return values_fit(with(effect)->egress[0].match.values, tree, effect == "allow");
  };
  return std::string(fits("allow") ? "allowed" : "-") + (fits("block") ? " refused" : " -");
}

BOOST_AUTO_TEST_SUITE(value_match)

BOOST_AUTO_TEST_CASE(an_allow_is_strict_and_a_refusal_is_not) {
  const std::tuple<std::string_view, std::string_view, std::string_view> rows[] = {
      {"{glob: \"/a/*\"}", "\"/a/b\"", "allowed refused"},
      {"{glob: \"/a/*\"}", "\"/a/b/c\"", "- -"},
      {"{glob: \"/a/**\"}", "\"/a/b/c\"", "allowed refused"},
      {"{glob: \"/a/**\"}", "\"/a/../b\"", "- refused"},
      {"{glob: \"/b\"}", "\"/a/../b\"", "- refused"},
      {"{glob: \"**x**\"}", "\"a\\nx\\nb\"", "allowed refused"},
      {"{glob: 're:[0-9]+'}", "17", "allowed refused"},
      {"{glob: 'true'}", "true", "allowed refused"},
      {"{glob: \"**\"}", "null", "- -"},
      {"{glob: \"**\"}", "{}", "- -"},
      {"{glob: a}", "{\"x\": \"a\"}", "- refused"},
      {"{glob: a}", "[\"a\", \"b\"]", "- refused"},
      {"{glob: [a, b]}", "[\"a\", \"b\"]", "allowed refused"},
      {"{equals: 1}", "1.0", "allowed refused"},
      {"{equals: 1}", "\"1\"", "- refused"},
      {"{equals: '1'}", "1", "- refused"},
      {"{equals: true}", "\"true\"", "- refused"},
      {"{equals: null}", "null", "allowed refused"},
      {"{equals: null}", "\"\"", "- -"},
      {"{equals: ''}", "null", "- -"},
      {"{range: {min: 1, max: 2}}", "2", "allowed refused"},
      {"{range: {min: 1, max: 2}}", "2.1", "- -"},
      {"{range: {min: 1}}", "\"5\"", "- refused"},
      {"{range: {min: 1}}", "\"nan\"", "- -"},
      {"{range: {min: 1}}", "true", "- -"},
      {"{range: {min: 1000}}", "\" 2000\"", "- refused"},
      {"{range: {min: 1000}}", "\"+2_000\"", "- refused"},
  };
  for (const auto& [test, json, expected] : rows) {
    BOOST_TEST(judged(test, json) == expected, test << " of " << json);
  }
}

BOOST_AUTO_TEST_CASE(more_values_than_are_tested_are_as_good_as_unread) {
  std::string many = "[\"a\"";
  for (int i = 1; i < 1'000; ++i) many += ",\"a\"";
  BOOST_TEST(judged("{glob: a}", many + "]") == "allowed refused");
  BOOST_TEST(judged("{glob: b}", many + "]") == "- -");
  BOOST_TEST(judged("{glob: a}", many + ",\"a\"]") == "- refused");
  BOOST_TEST(judged("{glob: b}", many + ",\"a\"]") == "- refused");
}

BOOST_AUTO_TEST_CASE(all_tests_of_a_rule_have_to_pass) {
  const auto loaded = policy("version: 1\negress:\n  - {block: {hosts: [a.test], body: {/a: {glob: "
                             "x}, /b: {glob: y}}}}\n");
  const auto fits = [&](std::string_view json) {
    return values_fit(loaded->egress[0].match.values, read_json(json).value(), false);
  };
  BOOST_TEST(fits(R"({"a":"x","b":"y"})"));
  BOOST_TEST(!fits(R"({"a":"x"})"));
  BOOST_TEST(!fits(R"({"a":"x","b":"z"})"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
