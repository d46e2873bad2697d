#include "policy/engine/engine.hpp"

#include "tests/unit/engine/fixture.hpp"

#include <algorithm>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;
using sluice::model::Decision;
using sluice::model::IpAddress;
using sluice::model::Reason;
using sluice::model::TlsMode;
using sluice::model::Verdict;

constexpr std::string_view kPolicy = R"(
version: 1
hosts: {llm: [api.openai.com, "*.anthropic.com"]}
egress:
  - {name: llm, allow: {hosts: [$llm], ports: [443], methods: [POST], paths: ["/v1/**"]}}
  - {name: no-deletes, block: {hosts: ["**"], methods: [DELETE]}, reason: not for this agent}
  - {name: issue, require_approval: {hosts: [api.github.com], methods: [POST], paths: ["/repos/*/*/issues"]}, approvers: [lead]}
  - {name: github, allow: {hosts: [api.github.com], schemes: [https]}}
  - {name: range, allow: {hosts: [range.test], ports: ["8000-8100", 9000]}}
  - {name: no-admin, block: {hosts: [api.github.com], paths: ["/admin/**"]}}
  - {name: no-admin-2, block: {hosts: [api.github.com], paths: ["/admin/**", "/x"]}}
  - {name: open, allow: {hosts: [db.internal, 10.0.0.7]}, private: true}
  - {name: literal, allow: {hosts: [10.0.0.8, 8.8.8.8, "169.254.169.254", "::1", "2001:db8::1"]}}
  - {name: bad-net, block: {hosts: [203.0.112.0/24]}}
  - {name: wide-open, allow: {hosts: [any.test, "**"], ports: [80], methods: [OPTIONS]}, private: true}
  - {name: pinned, allow: {hosts: [pinned.test, both.test]}, tls: passthrough}
  - {name: looked-at, allow: {hosts: [both.test], methods: [GET]}}
  - {name: plain, allow: {hosts: [plain.test], schemes: [http]}}
  - {name: sql, allow: {hosts: [sql.test], ports: [5432], schemes: [https]}}
  - {name: try, block: {hosts: [api.openai.com]}, mode: report}
  - {name: try-allow, allow: {hosts: [new.test]}, mode: report}
)";

BOOST_AUTO_TEST_SUITE(engine)

BOOST_AUTO_TEST_CASE(decides) {
  struct Row {
    std::string_view call, verdict, rule, reason;
  };
  const Row rows[] = {
      {"POST https://api.openai.com/v1/chat", "allow", "egress[0]", "none"},
      {"POST https://API.OpenAI.com./v1/chat", "allow", "egress[0]", "none"},
      {"POST https://x.anthropic.com/v1/a/b", "allow", "egress[0]", "none"},
      {"POST https://anthropic.com/v1/a", "block", "default_deny", "default_deny"},
      {"POST https://api.openai.com.evil.test/v1/a", "block", "default_deny", "default_deny"},
      {"GET https://api.openai.com/v1/chat", "block", "default_deny", "default_deny"},
      {"post https://api.openai.com/v1/chat", "block", "default_deny", "default_deny"},
      {"POST https://api.openai.com:444/v1/chat", "block", "default_deny", "default_deny"},
      {"POST https://api.openai.com/v2/chat", "block", "default_deny", "default_deny"},
      {"POST https://api.openai.com/v1", "block", "default_deny", "default_deny"},
      {"POST https://api.openai.com/v1/../v2/x", "block", "default_deny", "default_deny"},
      {"DELETE https://api.github.com/x", "block", "egress[1]", "rule_block"},
      {"DELETE https://unknown.test/x", "block", "egress[1]", "rule_block"},
      {"GET https://api.github.com/x/y", "allow", "egress[3]", "none"},
      {"GET http://api.github.com/x/y", "block", "default_deny", "default_deny"},
      {"POST https://api.github.com/repos/o/r/issues", "require_approval", "egress[2]",
       "approval_required"},
      {"GET https://api.github.com/repos/o/r/issues", "allow", "egress[3]", "none"},
      {"GET https://api.github.com/admin/users", "block", "egress[5]", "rule_block"},
      {"GET https://api.github.com/x", "block", "egress[6]", "rule_block"},
      {"DELETE https://api.github.com/admin/users", "block", "egress[1]", "rule_block"},
      {"GET http://range.test:8000/", "allow", "egress[4]", "none"},
      {"GET http://range.test:8100/", "allow", "egress[4]", "none"},
      {"GET http://range.test:8101/", "block", "default_deny", "default_deny"},
      {"GET http://range.test:7999/", "block", "default_deny", "default_deny"},
      {"GET http://range.test:9000/", "allow", "egress[4]", "none"},
      {"GET http://10.0.0.7/", "allow", "egress[7]", "none"},
      {"GET http://0xa000007/", "allow", "egress[7]", "none"},
      {"GET http://[::ffff:10.0.0.7]/", "allow", "egress[7]", "none"},
      {"GET http://10.0.0.8/", "block", "guard.address.private", "address_private"},
      {"GET http://10.0.0.9/", "block", "guard.address.private", "address_private"},
      {"GET http://8.8.8.8/", "allow", "egress[8]", "none"},
      {"GET http://169.254.169.254/", "block", "guard.address.metadata", "address_metadata"},
      {"GET http://0xa9fea9fe/", "block", "guard.address.metadata", "address_metadata"},
      {"GET http://[::1]/", "block", "guard.address.loopback", "address_loopback"},
      {"GET http://127.1/", "block", "guard.address.loopback", "address_loopback"},
      {"GET http://[2001:db8::1]/", "block", "guard.address.reserved", "address_reserved"},
      {"GET http://[64:ff9b::7f00:1]/", "block", "guard.address.embedded", "address_embedded"},
      {"GET http://224.0.0.1/", "block", "guard.address.multicast", "address_multicast"},
      {"GET http://100.64.0.1/", "block", "guard.address.cgnat", "address_cgnat"},
      {"GET http://169.254.1.1/", "block", "guard.address.link_local", "address_link_local"},
      {"OPTIONS http://10.1.1.1/", "block", "guard.address.private", "address_private"},
      {"GET http://203.0.112.9/", "block", "egress[9]", "rule_block"},
      {"CONNECT pinned.test:443", "allow", "egress[11]", "none"},
      {"CONNECT api.openai.com:443", "allow", "egress[0]", "none"},
      {"CONNECT api.openai.com:444", "block", "default_deny", "default_deny"},
      {"CONNECT api.github.com:443", "allow", "egress[3]", "none"},
      {"CONNECT 169.254.169.254:443", "block", "guard.address.metadata", "address_metadata"},
      {"TCP sql.test:5432", "block", "default_deny", "default_deny"},
      {"TCP range.test:8000", "block", "default_deny", "default_deny"},
      {"TCP api.openai.com:443", "block", "default_deny", "default_deny"},
      {"GET http://sql.test:5432/", "block", "default_deny", "default_deny"},
      {"GET http://plain.test/", "allow", "egress[13]", "none"},
      {"GET https://plain.test/", "block", "default_deny", "default_deny"},
      {"GET https://new.test/", "block", "default_deny", "default_deny"},
  };
  const BothEngines engine(policy(kPolicy));
  for (const Row& row : rows) {
    const Decision decision = engine.decide(call(row.call));
    BOOST_TEST(to_string(decision.verdict) == row.verdict, row.call);
    BOOST_TEST(decision.rule_id == row.rule, row.call);
    BOOST_TEST(sluice::model::row(decision.reason).code == row.reason, row.call);
    BOOST_TEST((decision == engine.decide(call(row.call))), row.call);
    auto upgraded = call(row.call); // what may be asked for may be asked for as a WebSocket
    if (upgraded.protocol != sluice::model::Protocol::http) continue;
    upgraded.protocol = sluice::model::Protocol::websocket;
    BOOST_TEST((decision == engine.decide(upgraded)), row.call);
  }
}

BOOST_AUTO_TEST_CASE(the_order_of_rules_only_names_the_rule) {
  const std::string_view rules[] = {
      "{name: a, allow: {hosts: [x.test]}}", "{name: b, block: {hosts: [x.test], methods: [PUT]}}",
      "{name: c, require_approval: {hosts: [x.test], methods: [PUT, GET]}}"};
  int order[] = {0, 1, 2};
  do {
    std::string text = "version: 1\negress:\n";
    for (const int i : order) text += "  - " + std::string(rules[i]) + "\n";
    const BothEngines engine(policy(text));
    BOOST_TEST(engine.decide(call("PUT http://x.test/")).rule_name == "b");
    BOOST_TEST(engine.decide(call("GET http://x.test/")).rule_name == "c");
    BOOST_TEST(engine.decide(call("POST http://x.test/")).rule_name == "a");
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

BOOST_AUTO_TEST_CASE(a_path_is_allowed_in_every_reading_and_refused_in_one) {
  const BothEngines engine(policy(R"(
version: 1
egress:
  - {allow: {hosts: [a.test], paths: ["/open/*", "/open/*/x"]}}
  - {block: {hosts: [a.test], paths: ["/open/admin/**"]}}
)"));
  const auto rule = [&](std::string_view path) {
    return engine.decide(call("GET https://a.test" + std::string(path))).rule_id;
  };
  BOOST_TEST(rule("/open/a") == "egress[0]");
  BOOST_TEST(rule("/open/a%2Fx") == "egress[0]");
  BOOST_TEST(rule("/open/a%2Fy") == "default_deny");
  BOOST_TEST(rule("/open;/a/y") == "default_deny");
  BOOST_TEST(rule("/open/admin%2Fx") == "egress[1]");
  BOOST_TEST(rule("/open;v/admin;w/y") == "egress[1]");
}

BOOST_AUTO_TEST_CASE(a_decision_says_what_a_record_needs) {
  const BothEngines engine(policy(kPolicy));
  const Decision blocked = engine.decide(call("DELETE https://a.test/"));
  BOOST_TEST(blocked.rule_name == "no-deletes");
  BOOST_TEST(blocked.explanation == "not for this agent");
  BOOST_TEST((blocked.severity == sluice::model::Severity::medium));
  BOOST_TEST(blocked.obligations.redact.empty());
  const Decision allowed = engine.decide(call("POST https://api.openai.com/v1/x"));
  BOOST_TEST((allowed.severity == sluice::model::Severity::low));
}

BOOST_AUTO_TEST_CASE(report_rules_decide_nothing_and_are_listed) {
  const BothEngines engine(policy(kPolicy));
  const Decision allowed = engine.decide(call("POST https://api.openai.com/v1/x"));
  BOOST_TEST(allowed.allowed());
  BOOST_TEST_REQUIRE(allowed.reported.size() == 1U);
  BOOST_TEST(allowed.reported[0].rule_id == "egress[15]");
  BOOST_TEST((allowed.reported[0].verdict == Verdict::block));
  const Decision denied = engine.decide(call("GET https://new.test/"));
  BOOST_TEST(!denied.allowed());
  BOOST_TEST((denied.reported.at(0).verdict == Verdict::allow));
}

BOOST_AUTO_TEST_CASE(obligations_add_up) {
  const BothEngines engine(policy(R"(
version: 1
defaults: {redact: []}
egress:
  - {allow: {hosts: [a.test]}, redact: [], limits: {request_body: 10MiB}, tls: passthrough}
  - {allow: {hosts: ["*.test"], ports: [443]}, redact: [secrets], limits: {request_body: 1KiB}, tls: passthrough}
  - {allow: {hosts: ["**"], ports: [80, 443, 81]}, private: true, limits: {request_body: 2KiB}, tls: passthrough}
  - {allow: {hosts: [a.test], ports: [81]}}
)"));
  const Decision both = engine.decide(call("GET https://a.test/"));
  BOOST_TEST(both.obligations.redact == std::vector<std::string>{"secrets"});
  BOOST_TEST(both.obligations.request_body_limit.value() == 1024U);
  BOOST_TEST((both.obligations.tls == TlsMode::passthrough));
  BOOST_TEST(!both.obligations.private_addresses);
  const Decision one = engine.decide(call("GET http://a.test/"));
  BOOST_TEST(one.obligations.redact.empty());
  BOOST_TEST(one.obligations.request_body_limit.value() == 2048U);
  BOOST_TEST((engine.decide(call("GET http://a.test:81/")).obligations.tls == TlsMode::intercept));
}

BOOST_AUTO_TEST_CASE(tokens_are_put_back_only_where_every_allow_says_so) {
  const BothEngines engine(policy(R"(
version: 1
redaction: {rules: [{id: x, pattern: "EMP-[0-9]{6}", action: tokenize}]}
egress:
  - {allow: {hosts: [a.test]}, restore: [request, response]}
  - {allow: {hosts: [a.test], paths: ["/in/**"]}, restore: [request]}
  - {allow: {hosts: [a.test], paths: ["/in/not"]}}
)"));
  using Words = std::vector<std::string>;
  const auto restore = [&](std::string_view text) {
    return engine.decide(call(text)).obligations.restore;
  };
  BOOST_TEST(restore("GET http://a.test/x") == (Words{"request", "response"}));
  BOOST_TEST(restore("GET http://a.test/in/x") == Words{"request"});
  BOOST_TEST(restore("GET http://a.test/in/not").empty());
}

BOOST_AUTO_TEST_CASE(a_rule_cannot_narrow_the_default_redaction) {
  const BothEngines engine(
      policy("version: 1\negress:\n  - {allow: {hosts: [a.test]}, redact: []}\n"));
  BOOST_TEST(engine.decide(call("GET http://a.test/")).obligations.redact ==
             std::vector<std::string>{"secrets"});
}

BOOST_AUTO_TEST_CASE(a_tunnel_passes_through_only_when_nobody_looks_inside) {
  const BothEngines engine(policy(R"(
version: 1
egress:
  - {allow: {hosts: [pinned.test, both.test]}, tls: passthrough}
  - {allow: {hosts: [both.test]}, tls: intercept}
)"));
  BOOST_TEST(
      (engine.decide(call("CONNECT pinned.test:443")).obligations.tls == TlsMode::passthrough));
  BOOST_TEST((engine.decide(call("CONNECT both.test:443")).obligations.tls == TlsMode::intercept));
}

BOOST_AUTO_TEST_CASE(the_address_that_is_dialled_is_judged) {
  const BothEngines engine(policy(kPolicy));
  const auto judge = [&](std::string_view what, std::string_view address) {
    const auto made = call(what);
    return engine.decide_address(made, engine.decide(made), *IpAddress::parse_strict(address))
        .rule_id;
  };
  BOOST_TEST(judge("GET https://api.github.com/a", "8.8.8.8") == "egress[3]");
  BOOST_TEST(judge("GET https://api.github.com/a", "10.0.0.1") == "guard.address.private");
  BOOST_TEST(judge("GET https://api.github.com/a", "::1") == "guard.address.loopback");
  BOOST_TEST(judge("GET https://api.github.com/a", "169.254.169.254") == "guard.address.metadata");
  BOOST_TEST(judge("GET http://db.internal/", "10.0.0.1") == "egress[7]");
  BOOST_TEST(judge("GET http://db.internal/", "127.0.0.1") == "egress[7]");
  BOOST_TEST(judge("GET http://db.internal/", "fd00::1") == "egress[7]");
  BOOST_TEST(judge("GET http://db.internal/", "169.254.169.254") == "guard.address.metadata");
  BOOST_TEST(judge("GET http://db.internal/", "fd00:ec2::254") == "guard.address.metadata");
  BOOST_TEST(judge("GET http://db.internal/", "64:ff9b::a00:1") == "guard.address.embedded");
  BOOST_TEST(judge("GET http://db.internal/", "0.0.0.0") == "guard.address.reserved");
  BOOST_TEST(judge("OPTIONS http://other.test/", "10.0.0.1") == "guard.address.private");
  BOOST_TEST(judge("OPTIONS http://any.test/", "10.0.0.1") == "egress[10]");
  // A network in a block rule also stands for names that resolve into it.
  BOOST_TEST(judge("GET https://api.github.com/a", "203.0.112.9") == "egress[9]");
}

BOOST_AUTO_TEST_CASE(defaults_may_open_private_addresses_but_not_metadata) {
  const BothEngines engine(policy("version: 1\ndefaults: {private: true}\negress:\n"
                                  "  - {allow: {hosts: [\"**\"]}}\n"));
  BOOST_TEST(engine.decide(call("GET http://10.0.0.1/")).allowed());
  BOOST_TEST(!engine.decide(call("GET http://169.254.169.254/")).allowed());
  BOOST_TEST(!engine.decide(call("GET http://0.0.0.0/")).allowed());
}

BOOST_AUTO_TEST_CASE(without_a_policy_or_a_host_nothing_passes) {
  const BothEngines none(nullptr);
  BOOST_TEST(none.decide(call("GET http://a.test/")).rule_id == "default_deny");
  BOOST_TEST(none.policy().digest.substr(0, 7) == "sha256:");
  const BothEngines wide(policy("version: 1\negress: [{allow: {hosts: [\"**\"]}}]\n"));
  BOOST_TEST((wide.decide({}).reason == Reason::host_invalid));
}

BOOST_AUTO_TEST_CASE(an_explanation_names_every_rule_and_its_miss) {
  const BothEngines engine(policy(kPolicy));
  const auto made = call("GET https://api.openai.com:444/v2/x");
  const Explanation why = engine.explain(made);
  BOOST_TEST((why.decision == engine.decide(made)));
  BOOST_TEST_REQUIRE(why.rules.size() == 17U);
  BOOST_TEST(why.rules[0].why_not == "port 444 is not in ports");
  BOOST_TEST(why.rules[1].why_not == "method GET is not in methods");
  BOOST_TEST(why.rules[2].why_not == "host api.openai.com is not in hosts");
  BOOST_TEST(why.rules[15].matched);
  BOOST_TEST(why.rules[15].report_only);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
