#include "tests/unit/engine/fixture.hpp"

#include <set>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;

constexpr std::string_view kBase = R"(version: 1
metadata: {id: a, title: b, version: 1.0.0}
defaults: {tls: intercept, redact: [secrets], private: false}
hosts: {llm: [a.test, b.test]}
redaction: {placeholder: "[X]"}
egress:
  - name: one
    allow: {hosts: [$llm, c.test], ports: [443, "8000-8100"], methods: [POST, GET], paths: ["/v1/**"], schemes: [https]}
    redact: [secrets]
    tls: intercept
    private: false
    limits: {request_body: 1MiB}
    reason: because
  - name: two
    require_approval: {hosts: [d.test]}
    approvers: [lead, other]
  - name: three
    block: {hosts: [e.test]}
    mode: report
)";

std::string replaced(std::string_view from, std::string_view to, std::string_view base = kBase) {
  std::string text(base);
  const auto at = text.find(from);
  BOOST_TEST_REQUIRE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

constexpr std::string_view kTcp = R"(version: 1
defaults: {tls: intercept}
tcp:
  - name: one
    allow: {hosts: [a.test, 10.0.0.0/8], ports: [5432, "6000-6100"]}
    redact: [secrets]
    private: false
    limits: {bytes: 1MiB}
    reason: because
  - name: two
    require_approval: {hosts: [d.test]}
    approvers: [lead, other]
  - name: three
    block: {hosts: [e.test]}
    mode: report
)";

BOOST_AUTO_TEST_SUITE(policy_digest)

BOOST_AUTO_TEST_CASE(whatever_changes_a_decision_changes_the_digest) {
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"defaults: {tls: intercept", "defaults: {tls: passthrough"},
      {"redact: [secrets], private", "redact: [], private"},
      {"private: false}", "private: true}"},
      {"[a.test, b.test]", "[a.test]"},
      {"b.test", "bb.test"},
      {"[X]", "[Y]"},
      {"c.test", "\"*.c.test\""},
      {"ports: [443", "ports: [444"},
      {"8000-8100", "8000-8101"},
      {", ports: [443, \"8000-8100\"]", ""},
      {"[POST, GET]", "[POST]"},
      {", methods: [POST, GET]", ""},
      {"/v1/**", "/v1/*"},
      {", paths: [\"/v1/**\"]", ""},
      {"schemes: [https]", "schemes: [http]"},
      {", schemes: [https]", ""},
      {", schemes: [https]", ", schemes: [https], headers: {x-a: b}"},
      {", schemes: [https]", ", schemes: [https], headers: {x-a: c}"},
      {", schemes: [https]", ", schemes: [https], headers: {x-b: b}"},
      {", schemes: [https]", ", schemes: [https], query: {x-a: b}"},
      {", schemes: [https]", ", schemes: [https], query: {x-a: [b, c]}"},
      {", schemes: [https]", ", schemes: [https], content_types: [a/b]"},
      {"    redact: [secrets]\n", ""},
      {"    private: false", "    private: true"},
      {"1MiB", "2MiB"},
      {"    limits: {request_body: 1MiB}\n", ""},
      {"request_body: 1MiB}", "request_body: 1MiB, requests_per_minute: 9}"},
      {"request_body: 1MiB}", "request_body: 1MiB, requests_per_hour: 9}"},
      {"request_body: 1MiB}", "request_body: 1MiB, requests_per_day: 9}"},
      {"request_body: 1MiB}", "request_body: 1MiB, requests_per_day: 8}"},
      {"request_body: 1MiB}", "request_body: 1MiB, bytes_per_day: 9}"},
      {"request_body: 1MiB}", "request_body: 1MiB, tokens_per_day: 9}"},
      {"    limits: {request_body", "    restore: [request]\n    limits: {request_body"},
      {"    limits: {request_body", "    restore: [response]\n    limits: {request_body"},
      {"    limits: {request_body", "    restore: [response, request]\n    limits: {request_body"},
      {"because", "why not"},
      {"    reason: because", "    reason: because\n    ask: {opa: \"https://p.test/a\"}"},
      {"    reason: because", "    reason: because\n    ask: {opa: \"https://p.test/b\"}"},
      {"    reason: because", "    reason: because\n    ask: {authzen: \"https://p.test/a\"}"},
      {"name: one", "name: uno"},
      {"  - name: two\n", "  - name: zwei\n"},
      {"require_approval: {hosts: [d.test]}\n    approvers: [lead, other]",
       "block: {hosts: [d.test]}"},
      {"[lead, other]", "[lead]"},
      {"[lead, other]", "[lead, other]\n    hold: 60s"},
      {"[lead, other]", "[lead, other]\n    hold: 61s"},
      {"[e.test]", "[e.test], agents: [a]"},
      {"[e.test]", "[e.test], agents: [b]"},
      {"[e.test]", "[e.test], sessions: [a]"},
      {"[e.test]", "[e.test], sessions: [b]"},
      {"[e.test]", "[e.test], time: [\"08:00-18:00\"]"},
      {"[e.test]", "[e.test], time: [\"08:00-18:01\"]"},
      {"[e.test]", "[e.test], time: [\"mon 08:00-18:00\"]"},
      {"[e.test]", "[e.test], address_classes: [private]"},
      {"[e.test]", "[e.test], address_classes: [cgnat]"},
      {"[e.test]", "[e.test], sni: [a.test]"},
      {"[e.test]", "[e.test], sni: [b.test]"},
      {"mode: report", "mode: enforce"},
      {"block: {hosts: [e.test]}", "allow: {hosts: [e.test]}"},
  };
  std::set<std::string> digests = {policy(kBase)->digest};
  for (const auto& [from, to] : mutations) {
    BOOST_TEST(digests.insert(policy(replaced(from, to))->digest).second, from);
  }
}

constexpr std::string_view kLogins = R"(version: 1
credentials:
  - {id: a, type: header, header: X-Key, format: "key {value}", value: {env: KEY}}
  - {id: b, type: query, parameter: key, value: {file: key}, refresh: 1m}
  - {id: c, type: basic, username: ci, value: {exec: [pass, show]}}
egress:
  - {allow: {hosts: [a.test]}, credential: [a, b, c]}
  - {allow: {hosts: [b.test]}}
)";

BOOST_AUTO_TEST_CASE(whatever_changes_a_login_changes_the_digest) {
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"X-Key", "X-Other"},
      {"key {value}", "Key {value}"},
      {", format: \"key {value}\"", ""},
      {"env: KEY", "file: KEY"},
      {"env: KEY", "env: YEK"},
      {"parameter: key", "parameter: k"},
      {"type: query, parameter: key", "type: header, header: key"},
      {"file: key}", "file: key}, plaintext: true"},
      {"username: ci", "username: cd"},
      {"[pass, show]", "[pass, show, it]"},
      {"[pass, show]", "[pass show]"},
      {"[a, b, c]", "[a, b]"},
      {"b.test]}", "b.test]}, credential: a"},
  };
  std::set<std::string> digests = {policy(kLogins)->digest};
  for (const auto& [from, to] : mutations) {
    BOOST_TEST(digests.insert(policy(replaced(from, to, kLogins))->digest).second, from);
  }
}

constexpr std::string_view kSigned = R"(version: 1
credentials:
  - {id: a, type: aws_sigv4, service: s3, region: r, access_key: {env: ID}, secret_key: {env: KEY}}
  - {id: b, type: aws_sigv4, service: sqs, region: r, value: {exec: [keys]}}
egress:
  - {allow: {hosts: [a.test]}, credential: a}
  - {allow: {hosts: [b.test]}, credential: b}
)";

BOOST_AUTO_TEST_CASE(whatever_changes_a_signature_changes_the_digest) {
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"service: s3", "service: s4"},
      {"s3, region: r", "s3, region: q"},
      {"env: ID", "env: DI"},
      {"env: ID", "file: ID"},
      {"env: KEY", "env: YEK"},
      {"env: KEY}", "env: KEY}, session_token: {env: T}"},
      {"env: ID}, secret_key: {env: KEY", "env: KEY}, secret_key: {env: ID"},
      {"access_key: {env: ID}, secret_key: {env: KEY}", "value: {env: ID}"},
      {"exec: [keys]", "exec: [keys, it]"},
      {"exec: [keys]", "file: keys"},
      {"type: aws_sigv4, service: sqs, region: r", "type: basic, username: u"},
  };
  std::set<std::string> digests = {policy(kSigned)->digest};
  for (const auto& [from, to] : mutations) {
    BOOST_TEST(digests.insert(policy(replaced(from, to, kSigned))->digest).second, from);
  }
}

BOOST_AUTO_TEST_CASE(what_changes_no_login_does_not_change_the_digest) {
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"[a, b, c]", "[c, b, a, a]"}, {"X-Key", "x-key"}, {"refresh: 1m", "refresh: 2m"}};
  const std::string digest = policy(kLogins)->digest;
  for (const auto& [from, to] : mutations) {
    BOOST_TEST(policy(replaced(from, to, kLogins))->digest == digest, from);
  }
}

BOOST_AUTO_TEST_CASE(whatever_changes_a_decision_on_raw_tcp_changes_the_digest) {
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"a.test", "\"*.a.test\""},
      {"a.test, 10.0.0.0/8", "a.test"},
      {"10.0.0.0/8", "10.0.0.0/9"},
      {"[5432, \"6000-6100\"]", "[5432]"},
      {"5432", "5433"},
      {"6000-6100", "6000-6101"},
      {"    redact: [secrets]\n", ""},
      {"private: false", "private: true"},
      {"1MiB", "2MiB"},
      {"    limits: {bytes: 1MiB}\n", ""},
      {"bytes: 1MiB}", "bytes: 1MiB, bytes_per_day: 1MiB}"},
      {"because", "why not"},
      {"    reason: because", "    reason: because\n    ask: {opa: \"https://p.test/a\"}"},
      {"name: one", "name: uno"},
      {"  - name: two\n", "  - name: zwei\n"},
      {"require_approval: {hosts: [d.test]}\n    approvers: [lead, other]",
       "block: {hosts: [d.test]}"},
      {"require_approval: {hosts: [d.test]}", "require_approval: {hosts: [d.test], ports: [1]}"},
      {"[lead, other]", "[lead]"},
      {"mode: report", "mode: enforce"},
      {"block: {hosts: [e.test]}", "allow: {hosts: [e.test], ports: [1]}"},
  };
  std::set<std::string> digests = {policy(kTcp)->digest};
  for (const auto& [from, to] : mutations) {
    BOOST_TEST(digests.insert(policy(replaced(from, to, kTcp))->digest).second, from);
  }
}

BOOST_AUTO_TEST_CASE(what_changes_nothing_on_raw_tcp_does_not_change_the_digest) {
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"[5432, \"6000-6100\"]", "[\"6000-6100\", 5432, 5432]"},
      {"[a.test, 10.0.0.0/8]", "[10.0.0.0/8, a.test]"},
      {"1MiB", "1048576"},
      {"    private: false\n", ""},
      {"defaults: {tls: intercept}\n", ""},
      {"tcp:", "egress: []\ntcp:"},
  };
  const std::string digest = policy(kTcp)->digest;
  for (const auto& [from, to] : mutations) {
    BOOST_TEST(policy(replaced(from, to, kTcp))->digest == digest, from);
  }
}

BOOST_AUTO_TEST_CASE(the_same_rules_in_another_section_are_another_policy) {
  const auto egress = policy("version: 1\negress: [{block: {hosts: [a]}}]");
  const auto tcp = policy("version: 1\ntcp: [{block: {hosts: [a]}}]");
  BOOST_TEST(egress->digest != tcp->digest);
}

BOOST_AUTO_TEST_CASE(an_empty_section_is_no_section) {
  BOOST_TEST(policy(replaced("egress:", "tcp: []\negress:"))->digest == policy(kBase)->digest);
}

BOOST_AUTO_TEST_CASE(the_canonical_form_of_tcp_rules_has_what_they_may_say) {
  const auto one = policy("version: 1\ntcp: [{name: db, allow: {hosts: [b, a], ports: [7, 5-6]}, "
                          "private: true, limits: {bytes: 1KiB}}]");
  BOOST_TEST(one->canonical ==
             R"({"defaults":{"private":false,"redact":["secrets"],"tls":"intercept"},"egress":[],)"
             R"("redaction":{"placeholder":"[REDACTED:{rule}]"},"tcp":[{"approvers":[],)"
             R"("bytes":1024,"effect":"allow","match":{"hosts":["a","b"],"ports":["5-6","7-7"]},)"
             R"("name":"db","private":true,"reason":"","redact":[],"report":false}],"version":1})");
}

// Records name policies by digest: what is in the field keeps the digest it has.
BOOST_AUTO_TEST_CASE(a_policy_keeps_its_digest_when_the_language_grows) {
  BOOST_TEST(policy(kBase)->digest ==
             "sha256:e5fe9c069b7d6654d39e4b448daa5e29c4c9fb82a90b652b1535634b217d79d4");
  BOOST_TEST(policy("version: 1\n")->digest ==
             "sha256:5b0279dd3f687c33a5507fcf2584e5688c5a24b8cb92ff71356381fa8093e701");
}

BOOST_AUTO_TEST_CASE(the_order_of_rules_names_them_so_it_counts) {
  const auto ab = policy("version: 1\negress: [{block: {hosts: [a]}}, {block: {hosts: [b]}}]");
  const auto ba = policy("version: 1\negress: [{block: {hosts: [b]}}, {block: {hosts: [a]}}]");
  BOOST_TEST(ab->digest != ba->digest);
}

BOOST_AUTO_TEST_CASE(what_changes_nothing_does_not_change_the_digest) {
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"version: 1\n", "# a comment\nversion: 1\n"},
      {"metadata: {id: a, title: b, version: 1.0.0}\n", ""},
      {"hosts: {llm: [a.test, b.test]}", "hosts: {llm: [b.test, a.test]}"},
      {"[$llm, c.test]", "[c.test, b.test, a.test, a.test]"},
      {"[443, \"8000-8100\"]", "[\"8000-8100\", 443]"},
      {"[POST, GET]", "[GET, POST, GET]"},
      {"1MiB", "1048576"},
      {"[lead, other]", "[other, lead]"},
      {"    tls: intercept\n", ""},
      {"    private: false\n", ""},
      {"    tls: intercept\n    private: false\n", "    private: false\n    tls: intercept\n"},
      {"defaults: {tls: intercept, redact: [secrets], private: false}",
       "defaults: {decision: block}"},
  };
  const std::string digest = policy(kBase)->digest;
  for (const auto& [from, to] : mutations) {
    BOOST_TEST(policy(replaced(from, to))->digest == digest, from);
  }
}

BOOST_AUTO_TEST_CASE(json_and_yaml_of_the_same_policy_are_the_same) {
  const auto yaml = policy("version: 1\negress:\n  - allow: {hosts: [a.test]}\n");
  const auto json = policy(R"({"egress": [{"allow": {"hosts": ["a.test"]}}], "version": 1})");
  BOOST_TEST(yaml->digest == json->digest);
}

BOOST_AUTO_TEST_CASE(the_canonical_form_is_json_with_sorted_keys) {
  BOOST_TEST(
      policy("version: 1\negress: [{block: {hosts: [b, a]}, reason: say \"no\"}]")->canonical ==
      R"({"defaults":{"private":false,"redact":["secrets"],"tls":"intercept"},)"
      R"("egress":[{"approvers":[],"effect":"block","match":{"hosts":["a","b"],"methods":[],)"
      R"("paths":[],"ports":[],"schemes":[]},"name":"","private":false,)"
      R"("reason":"say \"no\"","redact":[],"report":false,"tls":"intercept"}],)"
      R"("redaction":{"placeholder":"[REDACTED:{rule}]"},"version":1})");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
