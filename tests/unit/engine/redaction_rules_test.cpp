// The section `redaction` of a policy: what is refused, where, and why; what it means; and that the
// digest covers it.
#include "tests/unit/engine/fixture.hpp"

#include "policy/redact/redactor.hpp"

#include <set>

namespace {

using namespace sluice;
using namespace sluice::engine;
using namespace sluice::engine::testing;

std::string document(std::string_view rules) {
  return "version: 1\nredaction:\n  rules:\n    - " + std::string(rules) + "\n";
}

std::string first_error(std::string_view text) {
  const PolicyLoad loaded = load(text);
  for (const auto& one : loaded.diagnostics) {
    if (one.level == Diagnostic::Level::error) return format(one);
  }
  return "no error";
}

BOOST_AUTO_TEST_SUITE(redaction_rules)

BOOST_AUTO_TEST_CASE(a_broken_rule_is_refused_at_the_place_that_is_wrong) {
  const std::pair<std::string, std::string_view> rows[] = {
      {"{pattern: abc}", "p:4:7: /redaction/rules/0: the key \"id\" is missing"},
      {"{id: A_b, pattern: abc}",
       "p:4:12: /redaction/rules/0/id: an id is lower case letters, digits and dashes, at most 64"},
      {"{id: a, pattern: abc}\n    - {id: a, pattern: abd}",
       "p:5:12: /redaction/rules/1/id: two rules have this id"},
      {"{id: payment-card, pattern: abc}",
       "p:4:12: /redaction/rules/0/id: a built-in rule has this id"},
      {"{id: a, pattern: \"a[b\"}", "p:4:24: /redaction/rules/0/pattern: not a regular expression "
                                    "of RE2: missing ]: [b"},
      {"{id: a, pattern: \"a(?=b)\"}",
       "p:4:24: /redaction/rules/0/pattern: not a regular expression of RE2: invalid perl "
       "operator: (?="},
      {"{id: a, pattern: \"(a)\\\\1\"}", "p:4:24: /redaction/rules/0/pattern: not a regular "
                                         "expression of RE2: invalid escape sequence: \\1"},
      {"{id: a, pattern: \"[a-z]+\"}",
       "p:4:24: /redaction/rules/0/pattern: it begins with fewer than three fixed bytes and has no "
       "bound of 512 bytes or less, so it cannot be streamed (give max_length, or write {0,40} for "
       "* and +)"},
      {"{id: a, pattern: \"abc.*d\"}", "p:4:24: /redaction/rules/0/pattern: a part without bound "
                                       "before the match is certain (give max_length, or write "
                                       "{0,40} for * and +)"},
      {"{id: a, pattern: \"^abc\"}",
       "p:4:24: /redaction/rules/0/pattern: pattern, byte 1: '^' is not possible: a stream has no "
       "line that begins or ends"},
      {"{id: a, pattern: \"[a-z]+\", max_length: 600}",
       "p:4:46: /redaction/rules/0/max_length: a pattern that begins with fewer than three fixed "
       "bytes is looked for everywhere, so it may be 512 bytes long at most"},
      {"{id: a, pattern: abc, max_length: 0}",
       "p:4:41: /redaction/rules/0/max_length: the number must be from 1 to 4096"},
      {"{id: a, pattern: \"abcd[0-9]\", anchor: abd}",
       "p:4:45: /redaction/rules/0/anchor: not every match begins with it"},
      {"{id: a, pattern: abc, action: hide}",
       "p:4:37: /redaction/rules/0/action: \"hide\" is not one of mask, block, report or tokenize"},
      {"{id: pem-private-key, action: tokenize}",
       "p:4:37: /redaction/rules/0/action: what it finds is too long for a token to stand for "
       "(mask it)"},
      {"{id: a, pattern: abc, locations: []}",
       "p:4:40: /redaction/rules/0/locations: the list is empty (fill it in or leave the key out)"},
      {"{id: a, pattern: abc, validation: crc}",
       "p:4:41: /redaction/rules/0/validation: \"crc\" is not one of luhn, mod97 or base62-crc32"},
      {"{id: a, pattern: abc, validation: {entropy: 9}}",
       "p:4:51: /redaction/rules/0/validation/entropy: expected a number from 0 to 8 (bits per "
       "byte; tokens have 3 and more)"},
      {"{id: a, patern: abc}",
       "p:4:12: /redaction/rules/0/id: no built-in rule is called that, and this one has no "
       "pattern (write a pattern, or the id of a format in policy/redact/packs)"},
      {"{id: email, max_length: 5}",
       "p:4:31: /redaction/rules/0/max_length: \"max_length\" does not apply here (a built-in rule "
       "has its own; only action and locations can be set)"},
      {"{id: email, locations: [credential]}",
       "p:4:30: /redaction/rules/0/locations: built-in formats are not looked for in credentials "
       "(the agent's own login belongs there)"},
      {"{id: a, pattern: \"[A-Z]{8}\"}",
       "p:3:3: /redaction/placeholder: the placeholder of a matches a rule (choose another "
       "placeholder, or a narrower pattern)"},
      {"{id: a, pattern: \"aws-[a-z]{6}\"}",
       "p:3:3: /redaction/placeholder: the rule a matches the placeholder of aws-access-key-id "
       "(choose another placeholder, or a narrower pattern)"},
  };
  for (const auto& [text, expected] : rows) {
    BOOST_TEST(first_error(document(text)) == expected, text);
  }
  BOOST_TEST(first_error("version: 1\nredaction: {length: long}") ==
             "p:2:21: /redaction/length: \"long\" is not one of placeholder or keep");
}

BOOST_AUTO_TEST_CASE(what_is_written_is_what_is_done) {
  const auto loaded = policy(document(
      "{id: employee, pattern: '\\bEMP-\\d{6}\\b', action: report, locations: [request.body]}\n"
      "    - {id: code, pattern: 'falcon', title: Code name}\n"
      "    - {id: email, action: block}\n"
      "egress: [{allow: {hosts: [a.test]}, redact: [pii]}]"));
  const auto config = redaction_of(*loaded);
  BOOST_TEST(config.pii);
  const auto rules = redact::RuleSet::build(config).value();
  const auto in = [&](redact::Place place, std::string_view text, bool pii = false) {
    return redact::redact_whole(rules, text, redact::Scope::in_call(place, pii));
  };
  using redact::Place;
  BOOST_TEST(in(Place::request_body, "EMP-123456 falcon").text == "EMP-123456 [REDACTED:code]");
  BOOST_TEST(in(Place::request_body, "EMP-123456").findings.total() == 1U);
  BOOST_TEST(in(Place::response_body, "EMP-123456").findings.total() == 0U);
  BOOST_TEST(in(Place::request_credential, "falcon").text == "falcon");
  BOOST_TEST(in(Place::request_body, "jane@example.com").blocked_by == "");
  BOOST_TEST(in(Place::request_body, "jane@example.com", true).blocked_by == "email");
}

BOOST_AUTO_TEST_CASE(without_personal_data_nothing_of_it_is_compiled) {
  BOOST_TEST(!redaction_of(*policy("version: 1")).pii);
  BOOST_TEST(redaction_of(*policy("version: 1\ndefaults: {redact: [secrets, pii]}")).pii);
  BOOST_TEST(redaction_of(*policy("version: 1\ntcp: [{allow: {hosts: [a], ports: [1]}, redact: "
                                  "[pii]}]"))
                 .pii);
}

BOOST_AUTO_TEST_CASE(the_digest_covers_all_of_it) {
  const std::string base =
      document("{id: a, pattern: 'abcd[0-9]{4}', title: t, anchor: abc, max_length: 50, action: "
               "mask, locations: [body], validation: {check: luhn, entropy: 1.5}}");
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"id: a", "id: b"},
      {"{4}", "{5}"},
      {"title: t", "title: u"},
      {"anchor: abc", "anchor: abcd"},
      {": 50", ": 51"},
      {"action: mask", "action: block"},
      {"[body]", "[request.body]"},
      {", locations: [body]", ""},
      {"luhn", "mod97"},
      {"1.5", "1.6"},
      {"  rules:", "  length: keep\n  rules:"},
  };
  std::set<std::string> digests = {policy(base)->digest, policy("version: 1")->digest};
  for (const auto& [from, to] : mutations) {
    std::string text = base;
    const auto at = text.find(from);
    BOOST_TEST_REQUIRE(at != std::string::npos, from);
    BOOST_TEST(digests.insert(policy(text.replace(at, from.size(), to))->digest).second, from);
  }
  BOOST_TEST(policy("version: 1\nredaction: {rules: []}")->digest == policy("version: 1")->digest);
  const std::string two = document("{id: a, pattern: abc}\n    - {id: b, pattern: abd}");
  BOOST_TEST(digests.insert(policy(two)->digest).second);
}

BOOST_AUTO_TEST_CASE(where_tokens_cannot_be_it_is_said) {
  const std::string rules = document("{id: x, pattern: \"EMP-[0-9]{6}\", action: tokenize}");
  BOOST_TEST(first_error(rules + "egress: [{allow: {hosts: [a.test]}, restore: [request]}]\n") ==
             "no error");
  const std::pair<std::string, std::string_view> rows[] = {
      {"  length: keep\n", "/redaction/length: a token does not have the length"},
      {"egress: [{allow: {hosts: [a.test]}, restore: []}]\n", "/restore: the list is empty"},
      {"egress: [{allow: {hosts: [a.test]}, restore: [both]}]\n",
       "/restore/0: \"both\" is not one"},
      {"egress: [{block: {hosts: [a.test]}, restore: [request]}]\n",
       "/restore: only an allow rule has duties"},
      {"egress: [{allow: {hosts: [a.test]}, restore: [request], tls: passthrough}]\n",
       "/restore: nothing can be put back in a tunnel"},
      {"tcp: [{allow: {hosts: [a.test], ports: [1]}, restore: [request]}]\n", "/tcp/0/restore: "},
  };
  for (const auto& [more, error] : rows) {
    const auto got = first_error(rules + more);
    BOOST_TEST(got.find(error) != std::string::npos, got);
  }
  const auto warned = [&](const std::string& text) {
    std::string out;
    for (const auto& one : load(text).diagnostics) out += format(one) + "\n";
    return out;
  };
  const auto egress = std::string("egress: [{allow: {hosts: [a.test]}, restore: [request]}]\n");
  BOOST_TEST(warned("version: 1\n" + egress).find("no redaction rule makes tokens") !=
             std::string::npos);
  BOOST_TEST(warned(rules + "defaults: {redact: []}\n" + egress).find("nothing is put back") !=
             std::string::npos);
  BOOST_TEST(warned(rules + egress).empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
