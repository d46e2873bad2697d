// Whom an allow rule asks: how it is written, what is refused at load, and that both engines hand
// it on with the decision.
#include "tests/unit/engine/fixture.hpp"

#include "policy/engine/policy_diff.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;
using sluice::model::DecisionPoint;

std::string with(const std::string& ask, const std::string& more = "") {
  return "version: 1\negress: [{name: a, allow: {hosts: [a.test]}, ask: {" + ask + "}" + more +
         "}]\n";
}

std::string first_error(const std::string& text) {
  const PolicyLoad loaded = load(text);
  BOOST_TEST(loaded.snapshot == nullptr, text);
  for (const auto& one : loaded.diagnostics) {
    if (one.level == sluice::Diagnostic::Level::error) return format(one);
  }
  return "no error";
}

const std::string kUrl = "\"https://pdp.test/v1/data/x\"";

BOOST_AUTO_TEST_SUITE(ask)

BOOST_AUTO_TEST_CASE(it_is_read_as_it_is_written) {
  const auto one =
      policy(with("authzen: \"https://PDP.test:8443/access\", deadline: 2s, cache: 1m, "
                  "on_error: block"))
          ->egress.front()
          .ask;
  BOOST_TEST_REQUIRE(one != nullptr);
  BOOST_TEST((one->kind == DecisionPoint::Kind::authzen));
  BOOST_TEST(one->where.text() == "https://pdp.test:8443/access");
  BOOST_TEST((one->deadline == std::chrono::seconds(2)));
  BOOST_TEST((one->cache == std::chrono::minutes(1)));
  BOOST_TEST(one->rule_id == "egress[0]");
  BOOST_TEST(one->rule_name == "a");
  BOOST_TEST(one->text() == "authzen https://pdp.test:8443/access");
}

BOOST_AUTO_TEST_CASE(defaults_are_short) {
  const auto one = policy(with("opa: \"http://127.0.0.1:8181\""))->egress.front().ask;
  BOOST_TEST((one->kind == DecisionPoint::Kind::opa));
  BOOST_TEST((one->deadline == std::chrono::milliseconds(500)));
  BOOST_TEST((one->cache == std::chrono::seconds(10)));
  BOOST_TEST(policy("version: 1\negress: [{allow: {hosts: [a.test]}}]\n")->egress.front().ask ==
             nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_where_it_stands) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {with(""), "/egress/0/ask: a decision point is exactly one of"},
      {with("opa: " + kUrl + ", authzen: " + kUrl), "exactly one of"},
      {with("grpc: " + kUrl), "exactly one of"},
      {with("opa: \"http://pdp.test/x\""), "/egress/0/ask/opa: without TLS only to a loopback"},
      {with("opa: \"http://10.0.0.1/x\""), "without TLS only"},
      {with("opa: \"https://u:p@pdp.test/x\""), "not an http or https URL"},
      {with("opa: \"https://pdp.test/x#y\""), "/egress/0/ask/opa"},
      {with("opa: \"https://pdp.test/x?token=t-1\""), "a decision point has no query"},
      {with("opa: pdp.test"), "not an http or https URL"},
      {with("opa: \"unix:/run/x\""), "not an http or https URL"},
      {with("opa: []"), "/egress/0/ask/opa"},
      {with("opa: " + kUrl + ", deadline: 9ms"), "/egress/0/ask/deadline"},
      {with("opa: " + kUrl + ", deadline: 11s"), "/egress/0/ask/deadline"},
      {with("opa: " + kUrl + ", deadline: 5"), "/egress/0/ask/deadline"},
      {with("opa: " + kUrl + ", cache: 2h"), "/egress/0/ask/cache"},
      {with("opa: " + kUrl + ", on_error: allow"), "whoever cannot be asked has not said yes"},
      {with("opa: " + kUrl + ", on_error: [block]"), "whoever cannot be asked"},
      {with("opa: " + kUrl + ", retries: 2"), "/egress/0/ask/retries"},
      {with("ext_authz_http: " + kUrl, ", tls: passthrough"), "has no path to ask about"},
      {"version: 1\negress: [{allow: {hosts: [a.test]}, ask: yes}]", "/egress/0/ask"},
      {"version: 1\negress: [{block: {hosts: [a.test]}, ask: {opa: " + kUrl + "}}]",
       "only an allow rule has duties"},
      {"version: 1\negress: [{require_approval: {hosts: [a.test]}, ask: {opa: " + kUrl + "}}]",
       "only an allow rule has duties"},
      {"version: 1\ntcp: [{allow: {hosts: [a.test], ports: [1]}, ask: {ext_authz_http: " + kUrl +
           "}}]",
       "raw TCP has no path"},
  };
  for (const auto& [text, said] : wrong) {
    const auto got = first_error(text);
    BOOST_TEST(got.find(said) != got.npos, got << " in " << text);
    BOOST_TEST(got.find("t-1") == got.npos, "a query may hold a key");
  }
}

BOOST_AUTO_TEST_CASE(all_rules_that_match_hand_theirs_on_in_their_order) {
  const BothEngines engines(policy(
      "version: 1\negress:\n"
      "  - {name: one, allow: {hosts: [a.test]}, ask: {opa: \"http://[::1]:1/one\"}}\n"
      "  - {allow: {hosts: [a.test], paths: [\"/two\"]}, ask: {authzen: \"https://p.test/two\"}}\n"
      "  - {allow: {hosts: [a.test]}}\n"
      "  - {allow: {hosts: [a.test]}, mode: report, ask: {opa: \"https://p.test/report\"}}\n"
      "  - {block: {hosts: [a.test], methods: [DELETE]}}\n"
      "tcp: [{allow: {hosts: [a.test], ports: [5]}, ask: {opa: \"https://p.test/tcp\"}}]\n"));
  const auto asked = [&](const char* text) {
    std::string out;
    for (const auto& one : engines.decide(call(text)).obligations.ask)
      out += one->rule_id + " " + one->text() + "\n";
    return out;
  };
  BOOST_TEST(asked("GET https://a.test/") == "egress[0] opa http://[::1]:1/one\n");
  BOOST_TEST(asked("GET https://a.test/two") ==
             "egress[0] opa http://[::1]:1/one\negress[1] authzen https://p.test/two\n");
  BOOST_TEST(asked("DELETE https://a.test/") == "");
  BOOST_TEST(asked("TCP a.test:5") == "tcp[0] opa https://p.test/tcp\n");
}

BOOST_AUTO_TEST_CASE(one_about_paths_looks_into_tunnels) {
  const std::string defaults = "defaults: {tls: passthrough}\n";
  const auto tls = [&](const std::string& ask) {
    const BothEngines engines(policy(with(ask) + defaults));
    return engines.decide(call("CONNECT a.test:443")).obligations.tls;
  };
  BOOST_TEST((tls("opa: " + kUrl) == sluice::model::TlsMode::passthrough));
  BOOST_TEST((tls("ext_authz_http: " + kUrl) == sluice::model::TlsMode::intercept));
}

BOOST_AUTO_TEST_CASE(whatever_changes_a_question_changes_the_digest) {
  const auto digest = [](const std::string& ask) { return policy(with(ask))->digest; };
  const std::string url = "opa: " + kUrl;
  const std::vector<std::string> different = {url,
                                              "authzen: " + kUrl,
                                              "ext_authz_http: " + kUrl,
                                              "opa: \"https://pdp.test/v1/data/y\"",
                                              "opa: \"https://pdp2.test/v1/data/x\"",
                                              "opa: \"https://pdp.test:444/v1/data/x\"",
                                              url + ", deadline: 501ms",
                                              url + ", cache: 0s",
                                              url + ", cache: 11s"};
  std::set<std::string> digests = {
      policy("version: 1\negress: [{name: a, allow: {hosts: [a.test]}}]\n")->digest};
  for (const auto& one : different) BOOST_TEST(digests.insert(digest(one)).second, one);
  BOOST_TEST(digest(url) == digest(url + ", deadline: 500ms, cache: 10s, on_error: block"));
  BOOST_TEST(digest(url) == digest("opa: \"https://PDP.test:443/v1/data/x\""));
}

BOOST_AUTO_TEST_CASE(a_child_may_ask_and_cannot_ask_less) {
  const std::string base =
      "version: 1\negress: [{allow: {hosts: [a.test]}, ask: {opa: " + kUrl + "}}]\n";
  const auto child = [&](const std::string& rule) {
    return load_policy_text("version: 1\nmetadata: {inherits: [base]}\negress: [" + rule + "]\n",
                            "c",
                            [&](const std::string&) -> sluice::Result<std::string> { return base; })
        .snapshot;
  };
  for (const std::string rule :
       {"{allow: {hosts: [a.test]}}",
        "{allow: {hosts: [a.test]}, ask: {authzen: \"https://q.test/\"}}"}) {
    const auto one = child(rule);
    BOOST_TEST_REQUIRE(one != nullptr);
    const auto asked = BothEngines(one).decide(call("GET https://a.test/")).obligations.ask;
    BOOST_TEST_REQUIRE(!asked.empty());
    BOOST_TEST(asked.front()->text() == "opa https://pdp.test/v1/data/x");
    BOOST_TEST(asked.size() == (rule.find("ask") == rule.npos ? 1U : 2U));
  }
}

BOOST_AUTO_TEST_CASE(a_diff_says_who_is_no_longer_asked) {
  const auto asks = policy(with("opa: " + kUrl));
  const auto free = policy("version: 1\negress: [{name: a, allow: {hosts: [a.test]}}]\n");
  const auto said = [](const PolicyDiff& diff, Change change) {
    for (const auto& one : diff.calls) {
      if (one.change == change && !one.what.empty()) return one.what.front();
    }
    return std::string("nothing");
  };
  BOOST_TEST(said(diff_policies(asks, free), Change::loosened) ==
             "no longer asks opa https://pdp.test/v1/data/x");
  BOOST_TEST(said(diff_policies(free, asks), Change::tightened) ==
             "asks opa https://pdp.test/v1/data/x");
}

BOOST_AUTO_TEST_CASE(who_is_asked_may_ask_for_any_pack) {
  BOOST_TEST(redaction_of(*policy(with("opa: " + kUrl))).pii);
  BOOST_TEST(!redaction_of(*policy("version: 1\negress: [{allow: {hosts: [a.test]}}]\n")).pii);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
