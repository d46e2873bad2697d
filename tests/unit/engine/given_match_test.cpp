// Matchers of agent, session, time, server name and class of address: what they say in words, what
// is no such matcher, what lint and inheritance make of them. Decisions are in
// tests/vectors/policy/given.yaml and classes.yaml.
#include "policy/engine/given_match.hpp"

#include "tests/unit/engine/fixture.hpp"

namespace {

using namespace sluice;
using namespace sluice::engine;
using namespace sluice::engine::testing;

std::string rule(const std::string& match) {
  return "version: 1\negress: [{allow: {hosts: [a.test], " + match + "}}]\n";
}

std::string first(const std::string& text) {
  const auto loaded = load(text);
  return loaded.diagnostics.empty() ? "" : format({loaded.diagnostics.front()});
}

model::EgressCall known() {
  auto out = testing::call("GET https://a.test/");
  out.given.actor = std::make_shared<const model::Actor>(model::Actor{"x", "s-1"});
  out.given.unix_seconds = 1'780'322'400; // Monday, 2026-06-01, 14:00
  out.sni = "a.test";
  return out;
}

BOOST_AUTO_TEST_SUITE(given_match)

BOOST_AUTO_TEST_CASE(why_a_rule_does_not_match_is_said) {
  const auto unknown = testing::call("GET https://a.test/");
  auto tunnel = testing::call("CONNECT a.test:443");
  tunnel.before_hello = true;
  const std::string block = "version: 1\negress: [{block: {hosts: [a.test], ";
  const struct {
    std::string text;
    model::EgressCall call;
    std::string why;
  } rows[] = {
      {rule("agents: [\"y*\"]"), known(), "agent x is not in agents"},
      {rule("agents: [x]"), unknown, "no agent is known"},
      {rule("sessions: ['re:s-[2-9]']"), known(), "session s-1 is not in sessions"},
      {rule("sessions: [s]"), unknown, "no session is known"},
      {rule("time: [\"mon 15:00-16:00\"]"), known(), "mon 14:00 is not in time"},
      {rule("time: \"mon 15:00-16:00\""), unknown, "the time is not known"},
      {rule("sni: [b.test]"), known(), "server name a.test is not in sni"},
      {rule("sni: [a.test]"), unknown, "no server name is known"},
      {block + "sni: [a.test]}}]\n", tunnel, "the TLS handshake has not begun"},
      {block + "address_classes: [private]}}]\n", known(), "the name is not resolved yet"},
      {rule("agents: [\"*\"], sessions: [s-1], time: [\"12:00-15:00\"], sni: [\"*.test\"]"),
       known(), ""},
  };
  for (const auto& row : rows) {
    const auto explained = BothEngines(policy(row.text)).explain(row.call);
    BOOST_TEST(explained.rules.at(0).why_not == row.why);
  }
  const auto address = *model::IpAddress::parse_strict("10.0.0.7");
  const auto explained = explain(policy(rule("address_classes: [global]")), known(), &address);
  BOOST_TEST(explained.rules.at(0).why_not == "address class private is not in address_classes");
  BOOST_TEST(!explained.decision.allowed());
}

BOOST_AUTO_TEST_CASE(what_is_no_such_matcher_is_refused) {
  const std::string at = "p:2:";
  const std::pair<std::string, std::string> rows[] = {
      {"agents: []", "/agents: the list is empty (fill it in or leave the key out)"},
      {"sessions: []", "/sessions: the list is empty (fill it in or leave the key out)"},
      {"time: []", "/time: the list is empty (fill it in or leave the key out)"},
      {"sni: []", "/sni: the list is empty (fill it in or leave the key out)"},
      {"address_classes: []", "/address_classes: the list is empty (fill it in or leave the key "
                              "out)"},
      {"agents: ['re:(']", "/agents/0: \"re:(\": not a valid regular expression (missing ))"},
      {"agents: [\"**\"]", "/agents/0: \"**\": two stars in a row (* is any run of bytes here)"},
      {"agents: ['']", "/agents/0: the string is empty"},
      {"time: [always]",
       "/time/0: \"always\": not a window of time (write mon-fri 08:00-18:00, in UTC)"},
      {"time: [\"08:00-08:00\"]", "/time/0: \"08:00-08:00\": this window has no time in it (write "
                                  "00:00-24:00 for the whole day)"},
      {"time: [5]", "/time/0: expected a string, found an integer (put it in quotes)"},
      {"sni: [10.0.0.1]", "/sni: a server name is never an address (match addresses by hosts or "
                          "address_classes)"},
      {"sni: [10.0.0.0/8]", "/sni: a server name is never an address (match addresses by hosts or "
                            "address_classes)"},
      {"sni: [A.test]", "/sni/0: \"A.test\": not the canonical form of this host (write "
                        "\"a.test\")"},
      {"address_classes: [public]",
       "/address_classes/0: \"public\" is not one of global, private, loopback, link_local, cgnat, "
       "metadata, multicast, reserved or embedded"},
  };
  for (const auto& [match, expected] : rows) {
    const auto said = first(rule(match));
    BOOST_TEST(said.substr(said.find(": /egress/0/allow") + 17, expected.size()) == expected, said);
  }
  const std::pair<std::string, std::string> sections[] = {
      {"agents: [{allow: {agents: [x]}}]",
       "\"agents\" does not apply here (whom it calls are peers; who calls is matched under "
       "egress)"},
      {"tcp: [{block: {hosts: [a.test], sni: [a.test]}}]",
       "\"sni\" does not apply here (raw TCP shows a host and a port only)"},
      {"tools: [{allow: {address_classes: [global]}}]", "unknown key \"address_classes\""},
      {"models: [{allow: {sni: [a.test]}}]", "unknown key \"sni\""},
  };
  for (const auto& [section, expected] : sections) {
    const auto said = first("version: 1\n" + section + "\n");
    BOOST_TEST(said.find(expected) != said.npos, said);
  }
}

BOOST_AUTO_TEST_CASE(what_can_never_take_effect_is_warned_of) {
  const std::string allow = "{allow: {hosts: [a.test], ";
  const std::string block = "{block: {hosts: [a.test], ";
  const std::tuple<std::string, std::string, bool> rows[] = {
      {"agents: [x]", "agents: [\"*\"]", true},
      {"agents: [x]", "agents: [\"x*\"]", true},
      {"agents: [\"x*\"]", "agents: [x]", false},
      {"ports: [443]", "agents: [x]", false},
      {"sessions: [x]", "sessions: [x, y]", true},
      {"sessions: [x, z]", "sessions: [x, y]", false},
      {"time: [\"mon 09:00-10:00\"]", "time: [\"08:00-18:00\"]", true},
      {"time: [\"mon,tue 09:00-10:00\"]", "time: [\"mon 08:00-18:00\", \"tue 09:00-10:00\"]", true},
      {"time: [\"mon,wed 09:00-10:00\"]", "time: [\"mon 08:00-18:00\", \"tue 09:00-10:00\"]",
       false},
      {"ports: [443]", "time: [\"08:00-18:00\"]", false},
      {"sni: [b.test]", "sni: [\"**\"]", true},
      {"sni: [\"*.b.test\"]", "sni: [b.test]", false},
      {"address_classes: [private]", "address_classes: [private, cgnat]", true},
      {"address_classes: [private, global]", "address_classes: [private]", false},
      {"ports: [443]", "address_classes: [private]", false},
  };
  for (const auto& [narrow, wide, shadowed] : rows) {
    const auto said =
        first("version: 1\negress:\n  - " + allow + narrow + "}}\n  - " + block + wide + "}}\n");
    BOOST_TEST((said.find("never takes effect: egress[1] covers it") != said.npos) == shadowed,
               narrow << " under " << wide << ": " << said);
  }
  BOOST_TEST(first(rule("address_classes: [global, metadata]"))
                 .find("addresses of the class metadata are never dialled (leave it out)") !=
             std::string::npos);
  BOOST_TEST(first(rule("address_classes: [global, private]")).empty());
}

// What a child says of its own calls: the parent's rule, and whether it is covered.
BOOST_AUTO_TEST_CASE(a_child_only_narrows) {
  const std::tuple<std::string, std::string, std::string, bool> rows[] = {
      {"agents: [x, y]", "allow", "agents: [x]", true},
      {"agents: [x]", "allow", "agents: [x, y]", false},
      {"agents: [x]", "allow", "ports: [443]", false},
      {"ports: [443]", "allow", "ports: [443], agents: [x]", true},
      {"sessions: [\"s-*\"]", "allow", "sessions: [s-1]", true},
      {"sessions: [s-1]", "allow", "sessions: [\"s-*\"]", false},
      {"time: [\"mon-fri 08:00-18:00\"]", "allow", "time: [\"mon-fri 09:00-17:00\"]", true},
      {"time: [\"mon-fri 08:00-18:00\"]", "allow", "time: [\"mon-sat 09:00-17:00\"]", false},
      {"time: [\"mon-fri 08:00-18:00\"]", "allow", "ports: [443]", false},
      {"sni: [\"*.test\"]", "allow", "sni: [a.test]", true},
      {"sni: [a.test]", "allow", "sni: [\"*.test\"]", false},
      {"address_classes: [global, private]", "allow", "address_classes: [private]", true},
      {"address_classes: [global]", "allow", "address_classes: [global, private]", false},
      {"address_classes: [global]", "allow", "ports: [443]", false},
      // Where the agent is not known an approval would be asked for what is blocked.
      {"agents: [x]", "require_approval", "agents: [x]", false},
      {"ports: [443]", "require_approval", "ports: [443], agents: [x]", true},
      {"ports: [443]", "require_approval", "ports: [443], time: [\"08:00-09:00\"]", true},
  };
  for (const auto& [above, effect, own, accepted] : rows) {
    const std::string base = rule(above);
    const std::string child = "version: 1\nmetadata: {inherits: [base.yaml]}\negress: [{" + effect +
                              ": {hosts: [a.test], " + own + "}}]\n";
    const auto loaded = load_policy_text(
        child, "p", [&](const std::string&) -> Result<std::string> { return base; });
    BOOST_TEST((loaded.snapshot != nullptr) == accepted, own << " under " << above);
  }
}

BOOST_AUTO_TEST_CASE(a_policy_says_what_it_asks_for) {
  const auto plain = policy(rule("ports: [443]"));
  BOOST_TEST(!plain->asks_for_time);
  BOOST_TEST(!plain->asks_for_class);
  BOOST_TEST(policy(rule("time: [\"08:00-09:00\"]"))->asks_for_time);
  BOOST_TEST(policy(rule("address_classes: [global]"))->asks_for_class);
  BOOST_TEST(policy("version: 1\ntools: [{allow: {time: [\"08:00-09:00\"]}}]\n")->asks_for_time);
}

// A name that only somebody else may call, or at another time, is not resolved either.
BOOST_AUTO_TEST_CASE(dns_answers_for_who_may_call) {
  const BothEngines engines(policy(R"(
version: 1
egress:
  - {allow: {hosts: [a.test], agents: [x]}}
  - {allow: {hosts: [b.test], time: ["mon 14:00-15:00"]}}
  - {allow: {hosts: [c.test]}}
  - {block: {hosts: [c.test], agents: [x]}}
  - {block: {hosts: [c.test], address_classes: [private]}}
  - {require_approval: {hosts: [d.test], sessions: [s-1]}}
)"));
  const auto may = [&](std::string_view host, const model::Given& given) {
    return engines.could_allow(model::Host::parse(host).value(), given);
  };
  const auto given = known().given;
  auto other = given;
  other.actor = std::make_shared<const model::Actor>(model::Actor{"y", "s-2"});
  other.unix_seconds = *given.unix_seconds + 3600;
  for (const std::string_view host : {"a.test", "b.test", "c.test", "d.test"})
    BOOST_TEST(may(host, given), host);
  BOOST_TEST(!may("a.test", other));
  BOOST_TEST(!may("b.test", other));
  BOOST_TEST(may("c.test", other));
  BOOST_TEST(!may("d.test", other));
  BOOST_TEST(!may("a.test", {}));
  BOOST_TEST(may("d.test", {})); // somebody would be asked
}

// What an allow gave that does not match at the address is taken back.
BOOST_AUTO_TEST_CASE(duties_are_those_of_the_rules_that_still_match) {
  const BothEngines engines(policy(R"(
version: 1
credentials: [{id: k, type: header, header: X-Key, value: {env: K}}, {id: l, type: header, header: X-L, value: {env: L}}]
egress:
  - {name: outside, allow: {hosts: [a.test], address_classes: [global]}, credential: k, redact: [pii], limits: {requests_per_day: 5}}
  - {name: inside, allow: {hosts: [a.test], address_classes: [private]}, credential: l, private: true}
)"));
  const auto by_name = engines.decide(known());
  BOOST_TEST(by_name.obligations.credentials.size() == 2U);
  const auto at = [&](const char* text, const model::Decision& before) {
    return engines.decide_address(known(), before, *model::IpAddress::parse_strict(text));
  };
  const auto outside = at("8.8.8.8", by_name), inside = at("10.0.0.1", by_name);
  BOOST_TEST(outside.rule_name == "outside");
  BOOST_TEST(outside.obligations.credentials == std::vector<std::string>{"k"});
  BOOST_TEST(outside.obligations.quotas.size() == 1U);
  BOOST_TEST(!outside.obligations.private_addresses);
  BOOST_TEST(inside.rule_name == "inside");
  BOOST_TEST(inside.obligations.credentials == std::vector<std::string>{"l"});
  BOOST_TEST(inside.obligations.quotas.empty());
  BOOST_TEST(inside.obligations.redacts("pii")); // what was asked for stays
  const auto both = at("10.0.0.1", outside);
  BOOST_TEST(both.allowed());
  BOOST_TEST(both.obligations.credentials.empty());
  BOOST_TEST((at("127.0.0.1", by_name).reason == model::Reason::address_loopback));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
