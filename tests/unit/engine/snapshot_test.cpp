#include "tests/unit/engine/fixture.hpp"

#include <string>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;

BOOST_AUTO_TEST_SUITE(snapshot)

std::string first(std::string_view text) {
  const PolicyLoad loaded = load(text);
  BOOST_TEST(loaded.snapshot == nullptr, text);
  for (const auto& one : loaded.diagnostics) {
    if (one.level == sluice::Diagnostic::Level::error) return format(one);
  }
  return "no error";
}

std::string rule(std::string_view body) {
  return "version: 1\negress:\n  - " + std::string(body);
}

BOOST_AUTO_TEST_CASE(a_broken_document_is_refused_at_the_place_that_is_wrong) {
  const std::string ok = "{allow: {hosts: [a.test]}";
  const std::pair<std::string, std::string_view> rows[] = {
      {"", "p:1:1: expected a map, found nothing (fill it in or leave the key out)"},
      {"- 1", "p:1:1: expected a map, found a list"},
      {"egress: []", "p:1:1: the key \"version\" is missing"},
      {"version: 2", "p:1:10: /version: this version of Sluice reads version 1 (write version: 1)"},
      {"version: \"1\"",
       "p:1:10: /version: this version of Sluice reads version 1 (write version: 1)"},
      {"versions: 1", "p:1:1: the key \"version\" is missing"},
      {"version: 1\negresss: []",
       "p:2:1: /egresss: unknown key \"egresss\" (did you mean \"egress\"?)"},
      {"version: 1\napprovals: []", "p:2:12: /approvals: \"approvals\" is not supported in this "
                                    "version (limits are a rule's; approvals cannot be given)"},
      {"version: 1\nmetadata: {inherits: [base.yaml]}",
       "p:2:23: /metadata/inherits/0: a policy that is read by itself inherits nothing (load it "
       "from its file)"},
      {"version: 1\nmetadata: {inherits: []}",
       "p:2:22: /metadata/inherits: the list is empty (fill it in or leave the key out)"},
      {"version: 1\nmetadata: {children: maybe}",
       "p:2:22: /metadata/children: \"maybe\" is not one of covered or free"},
      {"version: 1\ndefaults: {override: true}",
       "p:2:22: /defaults/override: this file inherits nothing (remove it, or name parents in "
       "metadata.inherits)"},
      {"version: 1\ndefaults: {decision: allow}",
       "p:2:22: /defaults/decision: the default is block and cannot be anything else (write an "
       "allow rule for hosts: [\"**\"] if that is what you want)"},
      {"version: 1\ndefaults: {tls: none}",
       "p:2:17: /defaults/tls: \"none\" is not one of intercept or passthrough"},
      {"version: 1\ndefaults: {redact: [pi]}",
       "p:2:21: /defaults/redact/0: \"pi\" is not one of secrets or pii (did you mean \"pii\"?)"},
      {"version: 1\ndefaults: {private: no}",
       "p:2:21: /defaults/private: expected true or false, found a string"},
      {"version: 1\nhosts: {a b: [x]}",
       "p:2:14: /hosts/a b: a group's name is letters, digits, - and _"},
      {"version: 1\nhosts: {a: []}",
       "p:2:12: /hosts/a: the list is empty (fill it in or leave the key out)"},
      {"version: 1\nhosts: {a: [x], b: [$a]}",
       "p:2:21: /hosts/b/0: \"$a\" is not a group (define it under hosts:)"},
      {"version: 1\nredaction: {placeholder: \"a\\nb\"}",
       "p:2:26: /redaction/placeholder: expected one line of at most 64 bytes"},
      {"version: 1\negress: {a: 1}",
       "p:2:9: /egress: expected a list, found a map (write it as [a, b])"},
      {rule("x"), "p:3:5: /egress/0: expected a map, found a string"},
      {rule("{name: x}"),
       "p:3:5: /egress/0: a rule has exactly one of allow, block or require_approval"},
      {rule(ok + ", block: {hosts: [b.test]}}"),
       "p:3:5: /egress/0: a rule has exactly one of allow, block or require_approval"},
      {rule("{alow: {hosts: [a.test]}}"),
       "p:3:5: /egress/0: a rule has exactly one of allow, block or require_approval"},
      {rule("{allow: {ports: [1]}}"), "p:3:13: /egress/0/allow: the key \"hosts\" is missing"},
      {rule("{allow: {hosts: []}}"),
       "p:3:21: /egress/0/allow/hosts: the list is empty (fill it in or leave the key out)"},
      {rule("{allow: {hosts: a.test}}"),
       "p:3:21: /egress/0/allow/hosts: expected a list, found a string (write it as [a, b])"},
      {rule("{allow: {hosts: [$none]}}"),
       "p:3:22: /egress/0/allow/hosts/0: \"$none\" is not a group (define it under hosts:)"},
      {rule("{allow: {hosts: [A.test]}}"), "p:3:22: /egress/0/allow/hosts/0: \"A.test\": not the "
                                           "canonical form of this host (write \"a.test\")"},
      {rule("{allow: {hosts: [5]}}"),
       "p:3:22: /egress/0/allow/hosts/0: expected a string, found an integer (put it in quotes)"},
      {rule("{allow: {hosts: [a.test], port: [1]}}"),
       "p:3:31: /egress/0/allow/port: unknown key \"port\" (did you mean \"ports\"?)"},
      {rule("{allow: {hosts: [a.test], ports: []}}"),
       "p:3:38: /egress/0/allow/ports: the list is empty (fill it in or leave the key out)"},
      {rule("{allow: {hosts: [a.test], ports: [0]}}"),
       "p:3:39: /egress/0/allow/ports/0: the number must be from 1 to 65535"},
      {rule("{allow: {hosts: [a.test], ports: [65536]}}"),
       "p:3:39: /egress/0/allow/ports/0: the number must be from 1 to 65535"},
      {rule("{allow: {hosts: [a.test], ports: [-1]}}"),
       "p:3:39: /egress/0/allow/ports/0: the number must be from 1 to 65535"},
      {rule("{allow: {hosts: [a.test], ports: [\"443\"]}}"),
       "p:3:39: /egress/0/allow/ports/0: \"443\" is not a range of ports (write the number without "
       "quotes)"},
      {rule("{allow: {hosts: [a.test], ports: [9-8]}}"),
       "p:3:39: /egress/0/allow/ports/0: \"9-8\" is not a range of ports (write it as 8000-8100)"},
      {rule("{allow: {hosts: [a.test], ports: [1.5]}}"),
       "p:3:39: /egress/0/allow/ports/0: expected an integer, found a number"},
      {rule("{allow: {hosts: [a.test], methods: [post]}}"),
       "p:3:41: /egress/0/allow/methods/0: \"post\" is not a method (write upper case, or leave "
       "methods out for all)"},
      {rule("{allow: {hosts: [a.test], methods: [\"*\"]}}"),
       "p:3:41: /egress/0/allow/methods/0: \"*\" is not a method (write upper case, or leave "
       "methods out for all)"},
      {rule("{allow: {hosts: [a.test], methods: }}"),
       "p:3:31: /egress/0/allow/methods: expected a list, found nothing (fill it in or leave the "
       "key out)"},
      {rule("{allow: {hosts: [a.test], paths: [v1]}}"),
       "p:3:39: /egress/0/allow/paths/0: \"v1\": a path begins with /"},
      {rule("{allow: {hosts: [a.test], paths: [\"re:(\"]}}"),
       "p:3:39: /egress/0/allow/paths/0: \"re:(\": not a valid regular expression (missing ))"},
      {rule("{allow: {hosts: [a.test], schemes: [ftp]}}"),
       "p:3:41: /egress/0/allow/schemes/0: \"ftp\" is not one of http or https (did you mean "
       "\"http\"?)"},
      {rule("{allow: {hosts: [a.test], schemes: [tcp]}}"),
       "p:3:41: /egress/0/allow/schemes/0: egress rules do not decide raw TCP (write the rule "
       "under "
       "tcp:)"},
      {rule(ok + ", credential: x}"), "p:3:44: /egress/0/credential: there is no credential of "
                                      "this id (define it under credentials:)"},
      {rule(ok + ", limits: {response_body: 5}}"),
       "p:3:56: /egress/0/limits/response_body: \"response_body\" is not supported in this "
       "version (limit request_body, requests_per_*, bytes_per_day, tokens_per_day)"},
      {rule(ok + ", limits: {request_body: 10 MiB}}"),
       "p:3:55: /egress/0/limits/request_body: \"10 MiB\" is not a size (write bytes, or a number "
       "with a unit such as 10MiB)"},
      {rule(ok + ", redact: [everything]}"), "p:3:41: /egress/0/redact/0: \"everything\" is not "
                                             "one of secrets or pii"},
      {rule(ok + ", mode: dry}"),
       "p:3:38: /egress/0/mode: \"dry\" is not one of enforce or report"},
      {rule(ok + ", approvers: [x]}"),
       "p:3:43: /egress/0/approvers: only a require_approval rule has approvers"},
      {rule("{block: {hosts: [a.test]}, private: true}"),
       "p:3:41: /egress/0/private: only an allow rule has duties (move it to the allow rule)"},
      {rule("{require_approval: {hosts: [a.test]}, hold: 60}"),
       "p:3:49: /egress/0/hold: \"60\" is not a duration (write a number with a unit such as "
       "500ms, "
       "60s or 5m)"},
      {rule("{require_approval: {hosts: [a.test]}, hold: 25h}"),
       "p:3:49: /egress/0/hold: the duration must be from 1000ms to 86400000ms"},
      {rule("{require_approval: {hosts: [a.test]}, hold: 999ms}"),
       "p:3:49: /egress/0/hold: the duration must be from 1000ms to 86400000ms"},
      {rule("{block: {hosts: [a.test]}, hold: 60s}"),
       "p:3:38: /egress/0/hold: only a require_approval rule holds a call"},
      {rule("{allow: {hosts: [a.test], paths: [/x]}, tls: passthrough}"),
       "p:3:50: /egress/0/tls: a tunnel that is passed through shows no methods, paths and "
       "fields (remove what is inside, or intercept)"},
      {rule("{name: a, block: {hosts: [a.test]}}\n  - {name: a, block: {hosts: [b.test]}}"),
       "p:4:12: /egress/1/name: this name is already that of egress[0] (names are unique)"},
      {rule("{allow: {hosts: [a.test]}, allow: {hosts: [\"**\"]}}"),
       "p:3:32: /egress/0: the key \"allow\" is written twice"},
      {rule("{<<: {allow: {hosts: [a.test]}}}"),
       "p:3:5: /egress/0: a rule has exactly one of allow, block or require_approval"},
      {"version: 1\n---\nversion: 1",
       "p:2:1: a second document begins here (keep one document per file)"},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(first(text) == expected);
}

BOOST_AUTO_TEST_CASE(all_problems_come_at_once) {
  const PolicyLoad loaded =
      load(rule("{allow: {hosts: [A.test], ports: [0]}, mod: x}\n  - {blok: 1}"));
  BOOST_TEST(loaded.snapshot == nullptr);
  BOOST_TEST(loaded.diagnostics.size() == 5U, format(loaded.diagnostics));
}

BOOST_AUTO_TEST_CASE(warnings_do_not_refuse) {
  const std::pair<std::string, std::string_view> rows[] = {
      {"version: 1", "p:1:1: warning: /egress: there are no egress rules: every call is blocked\n"},
      {rule("{allow: {hosts: [\"**\"]}}"),
       "p:3:5: warning: /egress/0: this rule allows every host (name the hosts the agent needs)\n"},
      {rule("{block: {hosts: [\"*.a.test\"]}}\n  - {allow: {hosts: [b.a.test], ports: [1]}}"),
       "p:4:5: warning: /egress/1: this rule never takes effect: egress[0] covers it (remove one "
       "of the two)\n"},
      {rule("{allow: {hosts: [b.a.test]}}\n  - {block: {hosts: [\"*.a.test\"]}}"),
       "p:3:5: warning: /egress/0: this rule never takes effect: egress[1] covers it (remove one "
       "of the two)\n"},
      {rule("{block: {hosts: [a.test], paths: [\"/a/**\"]}}\n  - {block: {hosts: [a.test], paths: "
            "[/a/b]}}"),
       "p:4:5: warning: /egress/1: this rule never takes effect: egress[0] covers it (remove one "
       "of the two)\n"},
      {rule("{block: {hosts: [a.test], methods: [GET]}}\n  - {allow: {hosts: [a.test]}}"), ""},
      {rule("{require_approval: {hosts: [a.test]}, hold: 60s}\n  - {require_approval: {hosts: "
            "[a.test]}, hold: 5s}"),
       ""},
      {rule("{require_approval: {hosts: [a.test]}, hold: 5s}\n  - {require_approval: {hosts: "
            "[a.test]}, hold: 60s}"),
       "p:4:5: warning: /egress/1: this rule never takes effect: egress[0] covers it (remove one "
       "of the two)\n"},
      {rule("{block: {hosts: [a.test]}, mode: report}\n  - {allow: {hosts: [a.test]}}"), ""},
      {rule("{allow: {hosts: [\"re:.*\"]}, private: true}"),
       "p:3:42: warning: /egress/0/private: no host is named, so private addresses stay closed "
       "(name the hosts that are private)\n"},
      {"version: 1\nhosts: {a: [x]}\negress: []",
       "p:2:12: warning: /hosts/a: no rule uses this group\n"},
      {"version: 1\ndefaults: {redact: []}\negress: []",
       "p:2:20: warning: /defaults/redact: nothing is redacted unless a rule says so\n"},
  };
  for (const auto& [text, expected] : rows) {
    const PolicyLoad loaded = load(text);
    BOOST_TEST(loaded.snapshot != nullptr, text);
    BOOST_TEST(format(loaded.diagnostics) == expected);
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_is_what_is_loaded) {
  const auto loaded = policy(
      "version: 1\nmetadata: {id: a, title: b, version: 1.2}\nredaction: {placeholder: \"[R]\"}\n"
      "egress:\n  - {name: x, require_approval: {hosts: [a.test]}, approvers: [lead], reason: "
      "ask}\n");
  BOOST_TEST(loaded->id == "a");
  BOOST_TEST(loaded->version == "1.2");
  BOOST_TEST(loaded->redaction.placeholder == "[R]");
  BOOST_TEST(loaded->egress.at(0).approvers.at(0) == "lead");
  BOOST_TEST(loaded->egress.at(0).reason == "ask");
  BOOST_TEST(loaded->egress.at(0).id == "egress[0]");
}

BOOST_AUTO_TEST_CASE(size_is_bounded) {
  std::string many = "version: 1\nhosts: {g: [";
  for (int i = 0; i < 1000; ++i) many += "h" + std::to_string(i) + ".test, ";
  many += "]}\negress:\n";
  for (int i = 0; i < 251; ++i) many += "  - {block: {hosts: [$g]}}\n";
  BOOST_TEST(first(many).find("more than 250000 hosts") != std::string::npos);
  std::string paths = "version: 1\negress: [{block: {hosts: [a.test], paths: [";
  for (int i = 0; i <= 50'000; ++i) paths += "/a, ";
  BOOST_TEST(first(paths + "]}}]").find("more than 50000 patterns") != std::string::npos);
  std::string regexes = "version: 1\negress: [{block: {hosts: [";
  for (int i = 0; i <= 1000; ++i) regexes += "\"re:a\", ";
  BOOST_TEST(first(regexes + "]}}]").find("more than 1000 regular") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(two_thousand_rules_load) {
  std::string text = "version: 1\negress:\n";
  for (int i = 0; i < 2000; ++i) {
    const std::string n = std::to_string(i);
    text +=
        "  - {name: r" + n + ", allow: {hosts: [h" + n + ".test], paths: [\"/a/*/" + n + "\"]}}\n";
  }
  BOOST_TEST(policy(text)->egress.size() == 2000U);
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_an_error) {
  const PolicyLoad loaded = load_policy_file("/nonexistent/policy.yaml");
  BOOST_TEST(loaded.snapshot == nullptr);
  BOOST_TEST(has_errors(loaded.diagnostics));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
