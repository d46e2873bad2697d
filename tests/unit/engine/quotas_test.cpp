// Limits with counters: what the document says, what a decision hands on, what is counted together.
#include "tests/unit/engine/fixture.hpp"

namespace {

using namespace sluice;
using namespace sluice::engine;
using namespace sluice::engine::testing;
using model::Quota;
using model::Quotas;

std::vector<std::string> rules_of(const Quotas& quotas) {
  std::vector<std::string> out;
  for (const auto& one : quotas) out.push_back(one->rule_id);
  return out;
}

std::vector<std::string> counters(std::string_view text) {
  std::vector<std::string> out;
  const auto loaded = policy(text);
  for (const auto* rules : {&loaded->egress, &loaded->tcp}) {
    for (const Rule& rule : *rules) out.push_back(rule.quotas ? rule.quotas->counter : "");
  }
  return out;
}

BOOST_AUTO_TEST_SUITE(quotas)

BOOST_AUTO_TEST_CASE(a_call_counts_against_every_matching_allow_rule_that_has_limits) {
  const BothEngines engine(policy(R"(
version: 1
egress:
  - {name: one, allow: {hosts: [a.test]}, limits: {requests_per_minute: 60, bytes_per_day: 1GiB}}
  - {allow: {hosts: ["*.test"]}}
  - {allow: {hosts: ["*.test"], methods: [POST]}, limits: {tokens_per_day: 2000000}}
  - {allow: {hosts: [a.test]}, limits: {requests_per_day: 5}, mode: report}
  - {block: {hosts: [a.test], methods: [DELETE]}}
  - {allow: {hosts: [a.test]}, limits: {requests_per_hour: 7, requests_per_day: 8}}
tcp:
  - {allow: {hosts: [a.test], ports: [1]}, limits: {bytes_per_day: 10}}
)"));
  const auto quotas = [&](std::string_view what) {
    return engine.decide(call(what)).obligations.quotas;
  };
  const auto both = quotas("POST https://a.test/");
  BOOST_TEST(rules_of(both) == (std::vector<std::string>{"egress[0]", "egress[2]", "egress[5]"}));
  BOOST_TEST(both[0]->rule_name == "one");
  const model::QuotaLimits wanted = {60, {}, {}, 1U << 30, {}};
  BOOST_TEST((both[0]->limits == wanted));
  BOOST_TEST(both[1]->limits.back().value() == 2'000'000U);
  BOOST_TEST(rules_of(quotas("GET https://b.test/")).empty());
  BOOST_TEST(quotas("DELETE https://a.test/").empty()); // refused: nothing to count
  BOOST_TEST(rules_of(quotas("TCP a.test:1")) == std::vector<std::string>{"tcp[0]"});
}

BOOST_AUTO_TEST_CASE(a_tunnel_whose_tokens_are_counted_is_not_passed_through) {
  const BothEngines engine(policy(R"(
version: 1
defaults: {tls: passthrough}
egress:
  - {allow: {hosts: [a.test, b.test]}, limits: {requests_per_day: 5}}
  - {allow: {hosts: [a.test]}, limits: {tokens_per_day: 5}}
)"));
  const auto tls = [&](std::string_view what) { return engine.decide(call(what)).obligations.tls; };
  BOOST_CHECK(tls("CONNECT b.test:443") == model::TlsMode::passthrough);
  BOOST_CHECK(tls("CONNECT a.test:443") == model::TlsMode::intercept);
}

BOOST_AUTO_TEST_CASE(an_edit_of_another_rule_keeps_the_counter) {
  constexpr std::string_view kBase = R"(
version: 1
egress:
  - {name: llm, allow: {hosts: [a.test]}, limits: {requests_per_day: 1}}
  - {allow: {hosts: [b.test]}, limits: {requests_per_day: 1}}
tcp: [{allow: {hosts: [b.test], ports: [1]}, limits: {bytes_per_day: 1}}]
)";
  constexpr std::string_view kEdited = R"(
version: 1
egress:
  - {allow: {hosts: [new.test]}}
  - {allow: {hosts: [b.test]}, reason: another, limits: {requests_per_day: 2, tokens_per_day: 9}}
  - {name: llm, allow: {hosts: [other.test]}, limits: {requests_per_hour: 1}}
tcp: [{allow: {hosts: [b.test], ports: [1]}, limits: {bytes_per_day: 2}}]
)";
  const auto before = counters(kBase), after = counters(kEdited);
  BOOST_TEST(before[0] == "name:llm");
  BOOST_TEST(after[2] == before[0]); // by its name, whatever else it says
  BOOST_TEST(after[1] == before[1]); // by what it matches
  BOOST_TEST(after[3] == before[2]);
  BOOST_TEST(before[1].starts_with("egress:"));
  BOOST_TEST(before[2].starts_with("tcp:"));
  BOOST_TEST(after[0].empty());
}

BOOST_AUTO_TEST_CASE(rules_that_match_the_same_have_counters_of_their_own) {
  const auto names = counters(R"(
version: 1
egress:
  - {allow: {hosts: [a.test]}, limits: {requests_per_day: 1}}
  - {allow: {hosts: [a.test]}, limits: {tokens_per_day: 1}}
)");
  BOOST_TEST(names[1] == names[0] + "#2");
}

BOOST_AUTO_TEST_CASE(what_is_no_limit_is_an_error) {
  const std::string egress = "version: 1\negress:\n  - {allow: {hosts: [a.test]}, limits: {";
  const std::string tcp = "version: 1\ntcp:\n  - {allow: {hosts: [a.test], ports: [1]}, limits: {";
  const std::pair<std::string, std::string_view> broken[] = {
      {egress + "requests_per_minute: 0}}", "the number must be from 1 to 1000000000"},
      {egress + "requests_per_hour: -1}}", "the number must be from 1 to 1000000000"},
      {egress + "requests_per_day: 2000000000}}", "the number must be from 1 to 1000000000"},
      {egress + "requests_per_day: 10k}}", "expected an integer, found a string"},
      {egress + "requests_per_minute: 1.5}}", "expected an integer, found a number"},
      {egress + "tokens_per_day: 0}}", "the number must be from 1 to 9007199254740991"},
      {egress + "tokens_per_day: 1MiB}}", "expected an integer, found a string"},
      {egress + "bytes_per_day: 0}}", "the size must be from 1 to 9007199254740991 bytes"},
      {egress + "bytes_per_day: -5}}", "\"-5\" is not a size (write bytes, or a number with a "
                                       "unit such as 10MiB)"},
      {egress + "bytes_per_day: 1 GiB}}", "\"1 GiB\" is not a size (write bytes, or a number with "
                                          "a unit such as 10MiB)"},
      {egress + "request_per_minute: 5}}", "unknown key \"request_per_minute\" (did you mean "
                                           "\"requests_per_minute\"?)"},
      {egress + "tokens_per_day: 5}, tls: passthrough}",
       "no tokens can be counted in a tunnel that is passed through (remove tokens_per_day, or "
       "intercept)"},
      {tcp + "tokens_per_day: 5}}", "\"tokens_per_day\" does not apply here (raw TCP has no "
                                    "requests; limit bytes)"},
      {tcp + "bytes_per_day: 0}}", "the size must be from 1 to 9007199254740991 bytes"},
      {"version: 1\negress:\n  - {block: {hosts: [a.test]}, limits: {requests_per_day: 5}}",
       "only an allow rule has duties (move it to the allow rule)"},
  };
  for (const auto& [text, message] : broken) {
    const auto loaded = load(text);
    BOOST_TEST(!loaded.snapshot, text);
    BOOST_TEST_REQUIRE(loaded.diagnostics.size() == 1U, text << format(loaded.diagnostics));
    BOOST_TEST(format(loaded.diagnostics).find(message) != std::string::npos,
               format(loaded.diagnostics));
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
