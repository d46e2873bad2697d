#include "tests/unit/engine/fixture.hpp"

#include <string>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;
using sluice::model::Verdict;

struct Sent {
  std::string line; // METHOD URL
  std::vector<std::pair<std::string, std::string>> fields;
};

sluice::model::EgressCall made(const Sent& sent) {
  auto out = call(sent.line);
  const auto query = sent.line.find('?');
  if (query != std::string::npos) out.query = sent.line.substr(query + 1);
  for (const auto& [name, value] : sent.fields) sluice::model::add_field(out, name, value);
  return out;
}

std::string decided(const std::string& rules, const Sent& sent) {
  const auto decision = BothEngines(policy("version: 1\negress:\n" + rules)).decide(made(sent));
  return decision.rule_id + ' ' + std::string(to_string(decision.verdict));
}

std::string first(const std::string& match) {
  const PolicyLoad loaded =
      load("version: 1\negress: [{allow: {hosts: [a.test], " + match + "}}]\n");
  BOOST_TEST(loaded.snapshot == nullptr, match);
  for (const auto& one : loaded.diagnostics) {
    if (one.level == sluice::Diagnostic::Level::error) return format(one);
  }
  return "no error";
}

const std::string kAllow = "  - allow: {hosts: [a.test], ";
const std::string kBlock = "  - {allow: {hosts: [a.test]}}\n  - block: {hosts: [a.test], ";
const std::string kGet = "GET https://a.test/p";

BOOST_AUTO_TEST_SUITE(matchers_of_fields)

BOOST_AUTO_TEST_CASE(an_allow_wants_each_value_and_a_block_one) {
  const std::string match = "headers: {X-Team: [blue, \"red-*\"]}}\n";
  struct Row {
    std::vector<std::pair<std::string, std::string>> fields;
    std::string_view allow, block;
  };
  const Row rows[] = {
      {{}, "default_deny block", "egress[0] allow"},
      {{{"x-team", "blue"}}, "egress[0] allow", "egress[1] block"},
      {{{"X-TEAM", " red-7 "}}, "egress[0] allow", "egress[1] block"},
      {{{"X-Team", "blue"}, {"x-team", "green"}}, "default_deny block", "egress[1] block"},
      {{{"X-Team", "Blue"}}, "default_deny block", "egress[0] allow"},
      {{{"X-Teams", "blue"}}, "default_deny block", "egress[0] allow"},
      {{{"X_Team", "green"}, {"X-Team", "blue"}}, "default_deny block", "egress[1] block"},
      {{{"X_Team", "blue"}}, "egress[0] allow", "egress[1] block"},
      {{{"X-Team", "green, blue"}}, "default_deny block", "egress[1] block"},
  };
  for (const auto& [fields, allow, block] : rows) {
    BOOST_TEST(decided(kAllow + match, {kGet, fields}) == allow);
    BOOST_TEST(decided(kBlock + match, {kGet, fields}) == block);
  }
}

BOOST_AUTO_TEST_CASE(so_it_is_with_parameters_in_every_spelling) {
  const std::string match = "query: {mode: [read, \"re:l(ist)?\"]}}\n";
  const std::tuple<std::string, std::string_view, std::string_view> rows[] = {
      {"", "default_deny block", "egress[0] allow"},
      {"?mode=read", "egress[0] allow", "egress[1] block"},
      {"?m%6Fde=%72ead&x=1", "egress[0] allow", "egress[1] block"},
      {"?mode=read&mode=write", "default_deny block", "egress[1] block"},
      {"?mode=list&mode=l", "egress[0] allow", "egress[1] block"},
      {"?mode=lists", "default_deny block", "egress[0] allow"},
      {"?mode", "default_deny block", "egress[0] allow"},
      {"?mode=read&MODE=write", "default_deny block", "egress[1] block"},
      {"?x=1;mode=read", "default_deny block", "egress[1] block"},
      {"?MODE=read", "default_deny block", "egress[1] block"},
  };
  for (const auto& [query, allow, block] : rows) {
    BOOST_TEST(decided(kAllow + match, {kGet + query, {}}) == allow, query);
    BOOST_TEST(decided(kBlock + match, {kGet + query, {}}) == block, query);
  }
}

BOOST_AUTO_TEST_CASE(the_content_type_is_the_media_type) {
  const std::string match = "content_types: [application/json, \"text/*\"]}\n";
  const std::tuple<std::string, std::string_view> rows[] = {
      {"application/json", "egress[0] allow"},
      {"Application/JSON; charset=utf-8", "egress[0] allow"},
      {"text/html", "egress[0] allow"},
      {"multipart/form-data; boundary=x", "default_deny block"},
      {"", "default_deny block"},
  };
  for (const auto& [type, expected] : rows)
    BOOST_TEST(decided(kAllow + match, {kGet, {{"Content-Type", type}}}) == expected, type);
  BOOST_TEST(decided(kAllow + match, {kGet, {}}) == "default_deny block");
  BOOST_TEST(decided(kAllow + "content_types: [\"*\"]}\n", {kGet, {}}) == "default_deny block");
}

BOOST_AUTO_TEST_CASE(a_block_on_a_content_type_is_not_talked_out_of_it) {
  const std::string match = "content_types: [application/x]}\n";
  for (const char* type : {"application/x, text/plain", "text/plain,application/x",
                           "Application/X;a", "\"application/x\"", "application/x charset=y"})
    BOOST_TEST(decided(kBlock + match, {kGet, {{"Content-Type", type}}}) == "egress[1] block",
               type);
  BOOST_TEST(decided(kBlock + match,
                     {kGet, {{"Content-Type", "text/plain"}, {"Content-Type", "application/x"}}}) ==
             "egress[1] block");
}

BOOST_AUTO_TEST_CASE(what_asks_for_an_exchange_is_looked_into) {
  const auto tls = [](const std::string& text) {
    return BothEngines(policy("version: 1\n" + text))
        .decide(call("CONNECT a.test:443"))
        .obligations.tls;
  };
  using sluice::model::TlsMode;
  const std::string pass = "defaults: {tls: passthrough}\negress:\n  - allow: {hosts: [a.test]";
  BOOST_TEST((tls(pass + "}\n") == TlsMode::passthrough));
  for (const char* inside : {", methods: [GET]", ", paths: [/a]", ", headers: {a: b}",
                             ", query: {a: b}", ", content_types: [a/b]"}) {
    BOOST_TEST((tls(pass + inside + "}\n") == TlsMode::intercept), inside);
    for (const char* effect : {"block", "require_approval"}) {
      const auto refusal = std::string(effect) + ": {hosts: [\"*.test\", a.test]" + inside + "}";
      BOOST_TEST((tls(pass + "}\n  - " + refusal + "\n") == TlsMode::intercept), refusal);
      BOOST_TEST((tls(pass + "}\n  - {" + refusal + ", mode: report}\n") == TlsMode::passthrough));
    }
    const auto elsewhere = std::string("block: {hosts: [b.test]") + inside + "}\n";
    BOOST_TEST((tls(pass + "}\n  - " + elsewhere) == TlsMode::passthrough));
    const auto other_port = std::string("block: {hosts: [a.test], ports: [8443]") + inside + "}\n";
    BOOST_TEST((tls(pass + "}\n  - " + other_port) == TlsMode::passthrough));
  }
}

BOOST_AUTO_TEST_CASE(who_asks_for_a_passthrough_is_told_that_there_is_none) {
  const auto loaded = load("version: 1\negress:\n  - {allow: {hosts: [a.test]}, tls: passthrough}\n"
                           "  - block: {hosts: [\"**\"], methods: [DELETE]}\n");
  BOOST_TEST_REQUIRE(loaded.diagnostics.size() == 1U);
  BOOST_TEST(format(loaded.diagnostics.front()) ==
             "p:3:5: warning: /egress/0: its tunnels are intercepted: egress[1] asks for what they "
             "would not show (leave these hosts out of egress[1] if they must pass through)");
}

BOOST_AUTO_TEST_CASE(all_of_them_must_fit) {
  const std::string match = "headers: {a: x, b: y}, query: {c: z}}\n";
  BOOST_TEST(decided(kAllow + match, {kGet + "?c=z", {{"a", "x"}, {"b", "y"}}}) ==
             "egress[0] allow");
  BOOST_TEST(decided(kAllow + match, {kGet + "?c=z", {{"a", "x"}}}) == "default_deny block");
  BOOST_TEST(decided(kAllow + match, {kGet, {{"a", "x"}, {"b", "y"}}}) == "default_deny block");
}

BOOST_AUTO_TEST_CASE(a_tunnel_shows_none_of_it) {
  const std::string match = "headers: {a: x}}\n";
  BOOST_TEST(decided(kAllow + match, {"CONNECT a.test:443", {}}) == "egress[0] allow");
  BOOST_TEST(decided(kBlock + match, {"CONNECT a.test:443", {}}) == "egress[0] allow");
}

BOOST_AUTO_TEST_CASE(a_block_that_asks_for_fields_closes_no_host) {
  const BothEngines engines(policy("version: 1\negress:\n" + kBlock + "query: {a: b}}\n"));
  BOOST_TEST(engines.could_allow(sluice::model::Host::parse("a.test").value()));
}

BOOST_AUTO_TEST_CASE(why_not_names_what_is_missed_and_no_value) {
  const auto why = [](const std::string& match, const Sent& sent) {
    return explain(policy("version: 1\negress:\n" + kAllow + match + "}\n"), made(sent))
        .rules.front()
        .why_not;
  };
  BOOST_TEST(why("headers: {x-a: b}", {kGet, {{"x-a", "secret"}}}) ==
             "header x-a is not as in headers");
  BOOST_TEST(why("query: {q: b}", {kGet + "?q=secret", {}}) == "parameter q is not as in query");
  BOOST_TEST(why("content_types: [a/b]", {kGet, {}}) == "the content type is not in content_types");
}

BOOST_AUTO_TEST_CASE(what_can_never_match_is_refused) {
  const std::pair<std::string, std::string_view> rows[] = {
      {"headers: {}", "p:2:45: /egress/0/allow/headers: the map is empty (leave the key out)"},
      {"headers: {'a b': c}",
       "p:2:53: /egress/0/allow/headers/a b: this is not the name of a header"},
      {"headers: {Host: c}",
       "p:2:52: /egress/0/allow/headers/Host: the host is matched by hosts (move it there)"},
      {"headers: {A: c, a: d}", "p:2:55: /egress/0/allow/headers/a: this name is there twice"},
      {"headers: {a: []}", "p:2:49: /egress/0/allow/headers/a: the list is empty (fill it in or "
                           "leave the key out)"},
      {"headers: {Range: c}",
       "p:2:53: /egress/0/allow/headers/Range: this header does not leave as "
       "it came, so it decides nothing"},
      {"query: {a: '**'}", "p:2:47: /egress/0/allow/query/a: \"**\": two stars in a row (* is any "
                           "run of bytes here)"},
      {"query: {a: 're:('}",
       "p:2:47: /egress/0/allow/query/a: \"re:(\": not a valid regular expression (missing ))"},
      {"content_types: [Text/Html]", "p:2:51: /egress/0/allow/content_types: media types are "
                                     "compared in lower case (write application/json)"},
      {"content_types: ['a/b; c=d']", "p:2:51: /egress/0/allow/content_types: a media type is "
                                      "matched without its parameters (leave out what follows ;)"},
  };
  for (const auto& [match, expected] : rows)
    BOOST_TEST(first(match).substr(0, expected.size()) == expected);
}

BOOST_AUTO_TEST_CASE(a_tunnel_that_is_passed_through_cannot_ask_for_them) {
  const auto loaded = load("version: 1\negress: [{allow: {hosts: [a.test], query: {a: b}}, tls: "
                           "passthrough}]\n");
  BOOST_TEST(loaded.snapshot == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
