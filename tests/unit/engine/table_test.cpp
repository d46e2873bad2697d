#include "tests/unit/engine/decision_table.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

namespace fs = std::filesystem;
using namespace sluice::engine::testing;
using sluice::Diagnostics;

constexpr std::size_t kFewestCases = 300;
const std::string kRoot = SLUICE_SOURCE_DIR;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> files() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(kRoot + "/tests/vectors/policy")) {
    if (entry.path().extension() == ".yaml") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// One table of a policy that lets a.test be read, and these cases.
std::string table(const std::string& cases) {
  return "version: 1\n"
         "tables:\n"
         "  - about: a test of this test\n"
         "    policy: |\n"
         "      version: 1\n"
         "      egress: [{name: r, allow: {hosts: [a.test], methods: [GET]}}]\n"
         "    cases:\n"
         "      - " +
         cases + '\n';
}

BOOST_AUTO_TEST_SUITE(decision_table)

BOOST_AUTO_TEST_CASE(both_engines_decide_as_the_tables_say) {
  std::set<std::string> places;
  for (const auto& path : files()) {
    Diagnostics problems;
    const auto file = fs::relative(path, kRoot).string();
    const auto tables = read_tables(text_of(path), file, kRoot, problems);
    BOOST_TEST(problems.empty(), format(problems));
    for (const auto& one : tables) {
      const BothEngines engines(one.policy);
      for (const auto& row : one.cases) {
        BOOST_TEST_CONTEXT(row.place) {
          for (const auto& line : differences(engines, row)) BOOST_ERROR(line);
        }
        places.insert(row.place);
      }
    }
  }
  BOOST_TEST(places.size() >= kFewestCases);
}

BOOST_AUTO_TEST_CASE(a_rule_that_no_call_is_about_proves_nothing) {
  for (const auto& path : files()) {
    Diagnostics problems;
    for (const auto& one : read_tables(text_of(path), path.filename(), kRoot, problems)) {
      std::set<std::string> matched;
      for (const auto& row : one.cases) {
        for (const auto& tried : sluice::engine::ReferenceEngine(one.policy)
                                     .trace(row.call, row.resolved ? &*row.resolved : nullptr)) {
          if (tried.matched) matched.insert(tried.rule_id);
        }
      }
      one.policy->each_rule([&](const auto& rule) {
        BOOST_TEST(matched.contains(rule.id), one.place << ": " << rule.id << ' ' << rule.name);
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_table_is_refused_where_it_is_wrong) {
  const std::string call = "{call: {url: 'https://a.test/'}, ";
  const std::string good = call + "expect: {decision: allow, rule: r}}";
  const std::pair<std::string, std::string_view> rows[] = {
      {"version: 1\ntables: []\n", "t:2:9: /tables: the list is empty"},
      {"version: 1\ntables:\n  - {about: x, policy: 'version: 1', cases: []}\n",
       "t:3:45: /tables/0/cases: the list is empty"},
      {"version: 1\ntables:\n  - {about: x, policy: 'version: 1'}\n",
       "t:3:5: /tables/0: the key \"cases\" is missing"},
      {table(good + "\n      - " + good), "t:9:9: /tables/0/cases/1: the call of line 8 again"},
      {table(call + "expect: {decision: allow, rule: r, redacts: []}}"),
       "t:8:77: /tables/0/cases/0/expect/redacts: unknown key"},
      {table("{call: {url: 'https://a.test/', port: x}, expect: {decision: allow, rule: r}}"),
       "t:8:41: /tables/0/cases/0/call/port: unknown key"},
      {table(call + "why: x, expect: {decision: allow, rule: r}}"),
       "t:8:42: /tables/0/cases/0/why: unknown key"},
      {table(call + "expect: {decision: deny, rule: r}}"),
       "t:8:61: /tables/0/cases/0/expect/decision: "},
      {table(call + "expect: {decision: allow}}"),
       "t:8:50: /tables/0/cases/0/expect: the key \"rule\" is missing"},
      {table(call + "expect: {decision: allow, rule: s}}"),
       "t:8:74: /tables/0/cases/0/expect/rule: no rule of the policy is called that"},
      {table(call + "resolves_to: [10.0.0.256], expect: {decision: allow, rule: r}}"),
       "t:8:56: /tables/0/cases/0/resolves_to/0: not an address"},
      {"version: 1\ntables:\n  - about: x\n    policy: |\n      version: 1\n      egres: []\n"
       "    cases: []\n",
       "t:6:1: /egres: unknown key"},
  };
  for (const auto& row : rows) {
    const std::string_view expected = row.second;
    Diagnostics problems;
    BOOST_TEST(read_tables(row.first, "t", kRoot, problems).empty());
    const bool said = std::any_of(problems.begin(), problems.end(), [&](const auto& one) {
      return format(one).substr(0, expected.size()) == expected;
    });
    BOOST_TEST(said, expected << " is not in\n" << format(problems));
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_expectation_is_named_by_its_line) {
  const std::pair<std::string, std::string_view> rows[] = {
      {"{call: {url: 'https://a.test/'}, expect: {decision: allow, rule: r}}", ""},
      {"{call: {url: 'https://a.test/'}, expect: {decision: block, rule: r}}",
       "t:8: decision: expected block, got allow"},
      {"{call: {url: 'https://b.test/'}, expect: {decision: block, rule: r}}",
       "t:8: reason_code: expected rule_block, got default_deny"},
      {"{call: {url: 'https://a.test/'}, expect: {decision: allow, rule: r, redact: [pii]}}",
       "t:8: redact: expected pii, got secrets"},
      {"{call: {url: 'https://a.test/'}, expect: {decision: allow, rule: r, request_body: 1KiB}}",
       "t:8: request_body: expected 1024, got none"},
      {"{call: {url: 'https://a.test/'}, expect: {decision: allow, rule: r, reported: {r: allow}}}",
       "t:8: reported: expected egress[0] allow, got "},
      {"{call: {url: 'https://a.test/'}, resolves_to: [10.0.0.1], expect: {decision: allow, rule: "
       "r, reason_code: none}}",
       "t:8 at 10.0.0.1: decision: expected allow, got block"},
      {"{call: {url: 'https://a..test/'}, expect: {decision: block, rule: guard.path}}",
       "t:8: reason_code: expected path_ambiguous, got host_invalid"},
      {"{call: {url: 'https://b.test/'}, expect: {decision: block, rule: default_deny, dns: true}}",
       "t:8: dns: expected true, got false"},
  };
  for (const auto& [row, expected] : rows) {
    Diagnostics problems;
    const auto tables = read_tables(table(row), "t", kRoot, problems);
    BOOST_TEST_REQUIRE(tables.size() == 1U, format(problems));
    const BothEngines engines(tables[0].policy);
    const auto found = differences(engines, tables[0].cases.at(0));
    BOOST_TEST((found.empty() ? "" : found.front()) == expected);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
