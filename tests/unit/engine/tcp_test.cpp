// The section `tcp`: what its rules may say, and what they decide.
#include "policy/engine/engine.hpp"
#include "tests/unit/engine/fixture.hpp"

#include <algorithm>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;
using sluice::model::Decision;
using sluice::model::IpAddress;
using sluice::model::TlsMode;
using sluice::model::Verdict;

constexpr std::string_view kPolicy = R"(
version: 1
hosts: {stores: [kv.internal, "*.db.internal"]}
egress:
  - {name: http-everywhere, allow: {hosts: ["**"]}, private: true}
  - {name: no-http-to-sql, block: {hosts: [sql.test]}}
tcp:
  - {name: warehouse, allow: {hosts: [db.internal, 10.0.0.7], ports: [5432]}, private: true}
  - {name: stores, allow: {hosts: [$stores], ports: ["6379-6381", 7000]}}
  - {name: no-replica, block: {hosts: [replica.db.internal]}, reason: replicas are for people}
  - {name: ask, require_approval: {hosts: [mail.test], ports: [25]}, approvers: [lead]}
  - {name: mail, allow: {hosts: [mail.test], ports: [25, 587]}}
  - {name: no-587, block: {hosts: [mail.test], ports: [587]}}
  - {name: no-587-2, block: {hosts: [mail.test], ports: [587]}}
  - {name: lan, allow: {hosts: [10.1.0.0/16, "fd00:1::/32"], ports: [22]}, private: true}
  - {name: public, allow: {hosts: [8.8.0.0/16, 1.1.1.1, "2606:4700::/32"], ports: [853]}}
  - {name: not-that-one, block: {hosts: [10.1.9.0/24, 8.8.4.4]}}
  - {name: shut, allow: {hosts: [192.168.0.9, 127.0.0.1, "169.254.169.254"], ports: [80]}}
  - {name: anyone, allow: {hosts: ["**"], ports: [9418]}, private: true}
  - {name: sql, allow: {hosts: [sql.test], ports: [5432]}}
  - {name: try, block: {hosts: [db.internal]}, mode: report}
  - {name: try-allow, allow: {hosts: [new.test], ports: [1]}, mode: report}
)";

std::string rule(std::string_view body) {
  return "version: 1\ntcp:\n  - " + std::string(body);
}

std::string first_error(std::string_view text) {
  const PolicyLoad loaded = load(text);
  BOOST_TEST(loaded.snapshot == nullptr, text);
  for (const auto& one : loaded.diagnostics) {
    if (one.level == sluice::Diagnostic::Level::error) return format(one);
  }
  return "no error";
}

BOOST_AUTO_TEST_SUITE(tcp_rules)

BOOST_AUTO_TEST_CASE(decides) {
  struct Row {
    std::string_view call, verdict, rule, reason;
  };
  const Row rows[] = {
      // names
      {"TCP db.internal:5432", "allow", "tcp[0]", "none"},
      {"TCP DB.Internal.:5432", "allow", "tcp[0]", "none"},
      {"TCP db.internal:5433", "block", "default_deny", "default_deny"},
      {"TCP db.internal:80", "block", "default_deny", "default_deny"},
      {"TCP x.db.internal:5432", "block", "default_deny", "default_deny"},
      {"TCP db.internal.evil.test:5432", "block", "default_deny", "default_deny"},
      {"TCP kv.internal:6379", "allow", "tcp[1]", "none"},
      {"TCP kv.internal:6380", "allow", "tcp[1]", "none"},
      {"TCP kv.internal:6381", "allow", "tcp[1]", "none"},
      {"TCP kv.internal:7000", "allow", "tcp[1]", "none"},
      {"TCP kv.internal:6378", "block", "default_deny", "default_deny"},
      {"TCP kv.internal:6382", "block", "default_deny", "default_deny"},
      {"TCP a.b.db.internal:7000", "allow", "tcp[1]", "none"},
      {"TCP db.internal:7000", "block", "default_deny", "default_deny"},
      {"TCP new.test:1", "block", "default_deny", "default_deny"},
      {"TCP anything.test:9418", "allow", "tcp[11]", "none"},
      {"TCP unknown.test:443", "block", "default_deny", "default_deny"},
      // precedence
      {"TCP replica.db.internal:6379", "block", "tcp[2]", "rule_block"},
      {"TCP replica.db.internal:1", "block", "tcp[2]", "rule_block"},
      {"TCP replica.db.internal:9418", "block", "tcp[2]", "rule_block"},
      {"TCP mail.test:25", "require_approval", "tcp[3]", "approval_required"},
      {"TCP mail.test:587", "block", "tcp[5]", "rule_block"},
      {"TCP mail.test:26", "block", "default_deny", "default_deny"},
      // the egress section says nothing about raw TCP, nor tcp about HTTP
      {"TCP sql.test:5432", "allow", "tcp[12]", "none"},
      {"GET http://sql.test:5432/", "block", "egress[1]", "rule_block"},
      {"CONNECT sql.test:5432", "block", "egress[1]", "rule_block"},
      {"GET http://mail.test:587/", "allow", "egress[0]", "none"},
      {"GET https://replica.db.internal/", "allow", "egress[0]", "none"},
      {"CONNECT replica.db.internal:443", "allow", "egress[0]", "none"},
      {"TCP open.test:443", "block", "default_deny", "default_deny"},
      // literal addresses, which is how a captured connection without a name looks
      {"TCP 10.0.0.7:5432", "allow", "tcp[0]", "none"},
      {"TCP 0xa000007:5432", "allow", "tcp[0]", "none"},
      {"TCP [::ffff:10.0.0.7]:5432", "allow", "tcp[0]", "none"},
      {"TCP 10.0.0.7:5433", "block", "guard.address.private", "address_private"},
      {"TCP 1.1.1.1:853", "allow", "tcp[8]", "none"},
      {"TCP 1.1.1.1:53", "block", "default_deny", "default_deny"},
      {"TCP 1.0.0.1:853", "block", "default_deny", "default_deny"},
      // networks
      {"TCP 10.1.2.3:22", "allow", "tcp[7]", "none"},
      {"TCP [fd00:1::5]:22", "allow", "tcp[7]", "none"},
      {"TCP [fd00:2::5]:22", "block", "guard.address.private", "address_private"},
      {"TCP 10.1.2.3:23", "block", "guard.address.private", "address_private"},
      {"TCP 10.2.2.3:22", "block", "guard.address.private", "address_private"},
      {"TCP 8.8.8.8:853", "allow", "tcp[8]", "none"},
      {"TCP [2606:4700::1111]:853", "allow", "tcp[8]", "none"},
      {"TCP 8.8.4.4:853", "block", "tcp[9]", "rule_block"},
      {"TCP 8.9.8.8:853", "block", "default_deny", "default_deny"},
      // guards
      {"TCP 192.168.0.9:80", "block", "guard.address.private", "address_private"},
      {"TCP 127.0.0.1:80", "block", "guard.address.loopback", "address_loopback"},
      {"TCP [::1]:9418", "block", "guard.address.loopback", "address_loopback"},
      {"TCP 169.254.169.254:80", "block", "guard.address.metadata", "address_metadata"},
      {"TCP 10.9.9.9:9418", "block", "guard.address.private", "address_private"},
      {"TCP 100.64.0.1:9418", "block", "guard.address.cgnat", "address_cgnat"},
      {"TCP 224.0.0.1:9418", "block", "guard.address.multicast", "address_multicast"},
      {"TCP 0.0.0.0:9418", "block", "guard.address.reserved", "address_reserved"},
      {"TCP [64:ff9b::a00:7]:5432", "block", "guard.address.embedded", "address_embedded"},
      {"TCP 10.1.9.1:22", "block", "guard.address.private", "address_private"},
  };
  const BothEngines engine(policy(kPolicy));
  for (const Row& row : rows) {
    const Decision decision = engine.decide(call(row.call));
    BOOST_TEST(to_string(decision.verdict) == row.verdict, row.call);
    BOOST_TEST(decision.rule_id == row.rule, row.call);
    BOOST_TEST(sluice::model::row(decision.reason).code == row.reason, row.call);
    BOOST_TEST((decision == engine.decide(call(row.call))), row.call);
  }
}

BOOST_AUTO_TEST_CASE(the_order_of_rules_only_names_the_rule) {
  const std::string_view rules[] = {
      "{name: a, allow: {hosts: [x.test], ports: [1-9]}}",
      "{name: b, block: {hosts: [x.test], ports: [2]}}",
      "{name: c, require_approval: {hosts: [x.test], ports: [2, 3]}}"};
  int order[] = {0, 1, 2};
  do {
    std::string text = "version: 1\ntcp:\n";
    for (const int i : order) text += "  - " + std::string(rules[i]) + "\n";
    const BothEngines engine(policy(text));
    BOOST_TEST(engine.decide(call("TCP x.test:2")).rule_name == "b");
    BOOST_TEST(engine.decide(call("TCP x.test:3")).rule_name == "c");
    BOOST_TEST(engine.decide(call("TCP x.test:4")).rule_name == "a");
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

BOOST_AUTO_TEST_CASE(the_address_that_is_dialled_is_judged) {
  const BothEngines engine(policy(kPolicy));
  const auto judge = [&](std::string_view what, std::string_view address) {
    const auto made = call(what);
    return engine.decide_address(made, engine.decide(made), *IpAddress::parse_strict(address))
        .rule_id;
  };
  BOOST_TEST(judge("TCP db.internal:5432", "10.0.0.7") == "tcp[0]");
  BOOST_TEST(judge("TCP db.internal:5432", "127.0.0.1") == "tcp[0]");
  BOOST_TEST(judge("TCP db.internal:5432", "169.254.169.254") == "guard.address.metadata");
  BOOST_TEST(judge("TCP kv.internal:6379", "10.0.0.7") == "guard.address.private");
  BOOST_TEST(judge("TCP anything.test:9418", "10.0.0.7") == "guard.address.private");
  BOOST_TEST(judge("TCP anything.test:9418", "9.9.9.9") == "tcp[11]");
  // A network in a block rule also stands for names that resolve into it.
  BOOST_TEST(judge("TCP anything.test:9418", "8.8.4.4") == "tcp[9]");
  BOOST_TEST(judge("TCP db.internal:5432", "10.1.9.1") == "tcp[9]");
  // … of its own section only.
  BOOST_TEST(judge("GET http://anything.test/", "8.8.4.4") == "egress[0]");
}

BOOST_AUTO_TEST_CASE(a_decision_says_what_a_record_needs) {
  const BothEngines engine(policy(kPolicy));
  const Decision blocked = engine.decide(call("TCP replica.db.internal:6379"));
  BOOST_TEST(blocked.rule_name == "no-replica");
  BOOST_TEST(blocked.explanation == "replicas are for people");
  const Decision allowed = engine.decide(call("TCP db.internal:5432"));
  BOOST_TEST((allowed.severity == sluice::model::Severity::low));
  BOOST_TEST(allowed.obligations.redact == std::vector<std::string>{"secrets"});
  BOOST_TEST(allowed.obligations.private_addresses);
  BOOST_TEST(!allowed.obligations.byte_limit.has_value());
  BOOST_TEST_REQUIRE(allowed.reported.size() == 1U);
  BOOST_TEST(allowed.reported[0].rule_id == "tcp[13]");
  BOOST_TEST((allowed.reported[0].verdict == Verdict::block));
  BOOST_TEST((engine.decide(call("TCP new.test:1")).reported.at(0).verdict == Verdict::allow));
}

BOOST_AUTO_TEST_CASE(obligations_add_up) {
  const BothEngines engine(policy(R"(
version: 1
defaults: {redact: [], tls: passthrough}
egress: [{allow: {hosts: [a.test]}, limits: {request_body: 1KiB}}]
tcp:
  - {allow: {hosts: [a.test], ports: [1-3]}, limits: {bytes: 10MiB}}
  - {allow: {hosts: ["*.test"], ports: [2]}, redact: [secrets], limits: {bytes: 1KiB}}
  - {allow: {hosts: ["**"], ports: [2, 3]}, limits: {bytes: 2KiB}}
  - {allow: {hosts: [a.test], ports: [3, 4]}}
  - {allow: {hosts: [a.test], ports: [2]}, limits: {bytes: 1}, mode: report}
)"));
  const auto duties = [&](std::string_view what) { return engine.decide(call(what)).obligations; };
  BOOST_TEST(duties("TCP a.test:1").byte_limit.value() == 10U << 20);
  BOOST_TEST(duties("TCP a.test:2").byte_limit.value() == 1024U);
  BOOST_TEST(duties("TCP a.test:3").byte_limit.value() == 2048U);
  BOOST_TEST(!duties("TCP a.test:4").byte_limit.has_value());
  BOOST_TEST(!duties("TCP a.test:1").request_body_limit.has_value());
  BOOST_TEST(!duties("GET http://a.test/").byte_limit.has_value());
  BOOST_TEST(duties("TCP a.test:1").redact.empty());
  BOOST_TEST(duties("TCP a.test:2").redact == std::vector<std::string>{"secrets"});
  // Nobody looks into raw TCP, whatever the default for tunnels is.
  BOOST_TEST((duties("TCP a.test:1").tls == TlsMode::intercept));
  BOOST_TEST((duties("CONNECT a.test:443").tls == TlsMode::passthrough));
}

BOOST_AUTO_TEST_CASE(an_explanation_names_the_rules_of_the_section_that_decided) {
  const BothEngines engine(policy(kPolicy));
  const auto made = call("TCP mail.test:587");
  const Explanation why = engine.explain(made);
  BOOST_TEST((why.decision == engine.decide(made)));
  BOOST_TEST_REQUIRE(why.rules.size() == 15U);
  BOOST_TEST(why.rules[0].rule_id == "tcp[0]");
  BOOST_TEST(why.rules[0].why_not == "host mail.test is not in hosts");
  BOOST_TEST(why.rules[3].why_not == "port 587 is not in ports");
  BOOST_TEST(why.rules[4].matched);
  BOOST_TEST(why.rules[5].matched);
  BOOST_TEST(engine.explain(call("GET http://mail.test/")).rules.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_broken_rule_is_refused_at_the_place_that_is_wrong) {
  const std::string ok = "{allow: {hosts: [a.test], ports: [5432]}";
  const std::pair<std::string, std::string_view> rows[] = {
      {"version: 1\ntcp: {a: 1}", "p:2:6: /tcp: expected a list, found a map (write it as [a, b])"},
      {"version: 1\ntpc: []", "p:2:1: /tpc: unknown key \"tpc\" (did you mean \"tcp\"?)"},
      {rule("x"), "p:3:5: /tcp/0: expected a map, found a string"},
      {rule("{name: x}"),
       "p:3:5: /tcp/0: a rule has exactly one of allow, block or require_approval"},
      {rule("{allow: {ports: [1]}}"), "p:3:13: /tcp/0/allow: the key \"hosts\" is missing"},
      {rule("{allow: x}"), "p:3:13: /tcp/0/allow: expected a map, found a string"},
      {rule("{allow: {hosts: [a.test]}}"),
       "p:3:13: /tcp/0/allow: an allow rule for raw TCP names its ports (write ports: [5432])"},
      {rule("{allow: {hosts: [a.test]}, mode: report}"),
       "p:3:13: /tcp/0/allow: an allow rule for raw TCP names its ports (write ports: [5432])"},
      {rule("{allow: {hosts: [a.test], ports: []}}"),
       "p:3:38: /tcp/0/allow/ports: the list is empty (fill it in or leave the key out)"},
      {rule("{allow: {hosts: [a.test], ports: [0]}}"),
       "p:3:39: /tcp/0/allow/ports/0: the number must be from 1 to 65535"},
      {rule("{allow: {hosts: [\"a.test:5432\"], ports: [5432]}}"),
       "p:3:22: /tcp/0/allow/hosts/0: \"a.test:5432\": not a host: not an IPv6 address (ports "
       "belong in ports:)"},
      {rule("{allow: {hosts: [10.0.0.1/8], ports: [5432]}}"),
       "p:3:22: /tcp/0/allow/hosts/0: \"10.0.0.1/8\": not the canonical form of this network "
       "(write "
       "\"10.0.0.0/8\")"},
      {rule("{allow: {hosts: [$none], ports: [1]}}"),
       "p:3:22: /tcp/0/allow/hosts/0: \"$none\" is not a group (define it under hosts:)"},
      {rule("{allow: {hosts: [a.test], ports: [1], methods: [GET]}}"),
       "p:3:52: /tcp/0/allow/methods: \"methods\" does not apply here (raw TCP shows a host and a "
       "port only)"},
      {rule("{block: {hosts: [a.test], paths: [/x]}}"),
       "p:3:38: /tcp/0/block/paths: \"paths\" does not apply here (raw TCP shows a host and a port "
       "only)"},
      {rule("{require_approval: {hosts: [a.test], schemes: [tcp]}}"),
       "p:3:51: /tcp/0/require_approval/schemes: \"schemes\" does not apply here (raw TCP shows a "
       "host and a port only)"},
      {rule("{block: {hosts: [a.test], sni: [a.test]}}"),
       "p:3:36: /tcp/0/block/sni: \"sni\" does not apply here (raw TCP shows a host and a port "
       "only)"},
      {rule("{block: {hosts: [a.test], time: {}}}"),
       "p:3:37: /tcp/0/block/time: expected a string, found a map"},
      {rule("{block: {hosts: [a.test], port: [1]}}"),
       "p:3:31: /tcp/0/block/port: unknown key \"port\" (did you mean \"ports\"?)"},
      {rule(ok + ", tls: passthrough}"),
       "p:3:52: /tcp/0/tls: \"tls\" does not apply here (raw TCP is relayed as it comes; egress "
       "rules decide TLS)"},
      {rule(ok + ", credential: x}"), "p:3:59: /tcp/0/credential: \"credential\" does not apply "
                                      "here (credentials are for HTTP, under egress)"},
      {rule(ok + ", limits: {request_body: 1MiB}}"),
       "p:3:70: /tcp/0/limits/request_body: \"request_body\" does not apply here (raw TCP has no "
       "requests; limit bytes)"},
      {rule(ok + ", limits: {requests_per_minute: 6}}"),
       "p:3:77: /tcp/0/limits/requests_per_minute: \"requests_per_minute\" does not apply here "
       "(raw "
       "TCP has no requests; limit bytes)"},
      {rule(ok + ", limits: {time: 1h}}"),
       "p:3:62: /tcp/0/limits/time: \"time\" is not supported in this version (limit bytes and "
       "bytes_per_day)"},
      {rule(ok + ", limits: {bites: 1}}"),
       "p:3:56: /tcp/0/limits/bites: unknown key \"bites\" (did you mean \"bytes\"?)"},
      {rule(ok + ", limits: {bytes: 0}}"), "p:3:63: /tcp/0/limits/bytes: the size must be from 1 "
                                           "to 18446744073709551615 bytes"},
      {rule(ok + ", limits: {bytes: 10 MiB}}"), "p:3:63: /tcp/0/limits/bytes: \"10 MiB\" is not a "
                                                "size (write bytes, or a number with a unit "
                                                "such as 10MiB)"},
      {rule(ok + ", limits: 5}"), "p:3:55: /tcp/0/limits: expected a map, found an integer"},
      {rule(ok + ", redact: [pi]}"), "p:3:56: /tcp/0/redact/0: \"pi\" is not one of secrets or "
                                     "pii (did you mean \"pii\"?)"},
      {rule(ok + ", approvers: [x]}"),
       "p:3:58: /tcp/0/approvers: only a require_approval rule has approvers"},
      {rule("{block: {hosts: [a.test]}, private: true}"),
       "p:3:41: /tcp/0/private: only an allow rule has duties (move it to the allow rule)"},
      {rule("{block: {hosts: [a.test]}, limits: {bytes: 1}}"),
       "p:3:40: /tcp/0/limits: only an allow rule has duties (move it to the allow rule)"},
      {rule("{require_approval: {hosts: [a.test]}, hold: 60}"),
       "p:3:49: /tcp/0/hold: \"60\" is not a duration (write a number with a unit such as 500ms, "
       "60s or 5m)"},
      {rule("{require_approval: {hosts: [a.test]}, hold: 25h}"),
       "p:3:49: /tcp/0/hold: the duration must be from 1000ms to 86400000ms"},
      {rule("{require_approval: {hosts: [a.test]}, hold: 999ms}"),
       "p:3:49: /tcp/0/hold: the duration must be from 1000ms to 86400000ms"},
      {rule("{block: {hosts: [a.test]}, hold: 60s}"),
       "p:3:38: /tcp/0/hold: only a require_approval rule holds a call"},
      {"version: 1\negress: [{name: a, block: {hosts: [a]}}]\ntcp: [{name: a, block: {hosts: "
       "[a]}}]",
       "p:3:14: /tcp/0/name: this name is already that of egress[0] (names are unique)"},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(first_error(text) == expected);
}

BOOST_AUTO_TEST_CASE(warnings_do_not_refuse) {
  const std::pair<std::string, std::string_view> rows[] = {
      {"version: 1\ntcp: []", ""},
      {rule("{block: {hosts: [a.test]}}"), ""},
      {rule("{allow: {hosts: [\"**\"], ports: [22]}}"),
       "p:3:5: warning: /tcp/0: this rule allows every host (name the hosts the agent needs)\n"},
      {rule("{block: {hosts: [\"*.test\"]}}\n  - {allow: {hosts: [a.test], ports: [1]}}"),
       "p:4:5: warning: /tcp/1: this rule never takes effect: tcp[0] covers it (remove one of the "
       "two)\n"},
      {rule("{allow: {hosts: [\"re:.*\"], ports: [1]}, private: true}"),
       "p:3:54: warning: /tcp/0/private: no host is named, so private addresses stay closed (name "
       "the hosts that are private)\n"},
      // Rules of two sections never meet.
      {"version: 1\negress: [{block: {hosts: [a.test]}}]\ntcp: [{allow: {hosts: [a.test], ports: "
       "[1]}}]",
       ""},
  };
  for (const auto& [text, expected] : rows) {
    const PolicyLoad loaded = load(text);
    BOOST_TEST(loaded.snapshot != nullptr, text);
    BOOST_TEST(format(loaded.diagnostics) == expected);
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_is_what_is_loaded) {
  const auto loaded =
      policy("version: 1\ntcp:\n  - {name: x, require_approval: {hosts: [a.test]}, "
             "approvers: [lead], reason: ask}\n  - {allow: {hosts: [b.test], ports: "
             "[1, 2-3]}, private: true, redact: [], limits: {bytes: 10MiB}}\n");
  BOOST_TEST(loaded->egress.empty());
  BOOST_TEST_REQUIRE(loaded->tcp.size() == 2U);
  BOOST_TEST(loaded->tcp[0].id == "tcp[0]");
  BOOST_TEST(loaded->tcp[0].approvers.at(0) == "lead");
  BOOST_TEST(loaded->tcp[0].reason == "ask");
  BOOST_TEST(loaded->tcp[1].match.ports.size() == 2U);
  BOOST_TEST(loaded->tcp[1].byte_limit.value() == 10U << 20);
  BOOST_TEST(loaded->tcp[1].private_addresses);
}

BOOST_AUTO_TEST_CASE(the_bound_on_rules_is_of_the_whole_policy) {
  std::string text = "version: 1\negress:\n";
  for (int i = 0; i < 5000; ++i) text += "  - {block: {hosts: [a]}, mode: report}\n";
  text += "tcp:\n";
  for (int i = 0; i <= 5000; ++i) text += "  - {block: {hosts: [a]}, mode: report}\n";
  BOOST_TEST(first_error(text) == "p:10004:5: /tcp/5000: the policy has more than 10000 rules");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
