// The sections tools, agents and models, and `body`: how they are written, and what may stand in
// their way. What they decide is in tests/vectors/policy.
#include "policy/content/read_content.hpp"
#include "tests/unit/engine/fixture.hpp"

#include <set>

namespace {

using namespace sluice;
using namespace sluice::engine;
using namespace sluice::engine::testing;

std::string first(std::string_view text) {
  const auto loaded = load(text);
  return loaded.diagnostics.empty() ? "" : format(loaded.diagnostics.front());
}

std::string tool(std::string_view rule) {
  return "version: 1\negress: [{allow: {hosts: [a.test]}}]\ntools:\n  - " + std::string(rule);
}

std::string arguments(std::string_view test) {
  return tool("{allow: {servers: [a.test], arguments: " + std::string(test) + "}}");
}

model::EgressCall post(std::string_view url, std::string_view body) {
  auto out = call("POST " + std::string(url));
  out.content = content::read_content(out, body, content::Ended::yes);
  return out;
}

BOOST_AUTO_TEST_SUITE(operations)

BOOST_AUTO_TEST_CASE(a_wrong_rule_is_refused_where_it_is_wrong) {
  const std::pair<std::string, std::string_view> rows[] = {
      {tool("{allow: {hosts: [a.test]}}"),
       "p:4:21: /tools/0/allow/hosts: \"hosts\" does not apply here (the hosts of tools are "
       "servers)"},
      {tool("{allow: {servers: []}}"),
       "p:4:23: /tools/0/allow/servers: the list is empty (fill it in or leave the key out)"},
      {tool("{allow: {tools: [\"a**b\"]}}"),
       "p:4:22: /tools/0/allow/tools/0: \"a**b\": two stars in a row (* is any run of bytes here)"},
      {tool("{allow: {ports: [443]}}"), "p:4:14: /tools/0/allow/ports: unknown key \"ports\""},
      {tool("{allow: {tools: [x]}, credential: k}"),
       "p:4:39: /tools/0/credential: \"credential\" does not apply here (it is for the egress rule "
       "that allows the host)"},
      {tool("{allow: {tools: [x]}, private: true}"),
       "p:4:36: /tools/0/private: \"private\" does not apply here (it is for the egress rule that "
       "allows the host)"},
      {tool("{allow: {tools: [x]}, inspect: 65MiB}"), "p:4:36: /tools/0/inspect: "},
      {tool("{block: {tools: [x]}, redact: [pii]}"),
       "p:4:35: /tools/0/redact: only an allow rule has duties (move it to the allow rule)"},
      {arguments("{}"), "p:4:44: /tools/0/allow/arguments: the map is empty (leave the key out)"},
      {arguments("{path: {glob: x}}"), "p:4:51: /tools/0/allow/arguments/path: this is not a JSON "
                                       "pointer (write /path or /options/depth (RFC 6901))"},
      {arguments("{/a~2: {glob: x}}"), "p:4:51: /tools/0/allow/arguments/~1a~02: this is not a "
                                       "JSON pointer (write /path or /options/depth (RFC 6901))"},
      {arguments("{/a: {}}"), "p:4:49: /tools/0/allow/arguments/~1a: a value has exactly one of "
                              "glob, equals or range"},
      {arguments("{/a: {glob: x, equals: y}}"), "p:4:49: /tools/0/allow/arguments/~1a: a value has "
                                                "exactly one of glob, equals or range"},
      {arguments("{/a: {glob: []}}"), "p:4:56: /tools/0/allow/arguments/~1a/glob: the list is "
                                      "empty (fill it in or leave the key out)"},
      {arguments("{/a: {glob: \"a***\"}}"), "p:4:56: /tools/0/allow/arguments/~1a/glob: \"a***\": "
                                            "more than two stars in a row"},
      {arguments("{/a: {glob: \"re:(\"}}"),
       "p:4:56: /tools/0/allow/arguments/~1a/glob: \"re:(\": not a valid regular expression"},
      {arguments("{/a: {equals: {x: 1}}}"), "p:4:58: /tools/0/allow/arguments/~1a/equals: a value "
                                            "is a string, a number, true, false or null"},
      {arguments("{/a: {range: {}}}"),
       "p:4:57: /tools/0/allow/arguments/~1a/range: a range has min, max or both"},
      {arguments("{/a: {range: {min: 2, max: 1}}}"),
       "p:4:57: /tools/0/allow/arguments/~1a/range: min is above max"},
      {arguments("{/a: {range: {min: two}}}"),
       "p:4:63: /tools/0/allow/arguments/~1a/range/min: expected a number"},
      {"version: 1\negress: [{allow: {hosts: [a.test], tools: [x]}}]",
       "p:2:43: /egress/0/allow/tools: \"tools\" does not apply here (write a rule under tools:, "
       "agents: or models:)"},
      {"version: 1\negress: [{allow: {hosts: [a.test]}, inspect: 5}]",
       "p:2:46: /egress/0/inspect: this rule does not ask for the body (remove it, or match by "
       "body)"},
      {"version: 1\nmodels: [{allow: {streaming: maybe}}]",
       "p:2:30: /models/0/allow/streaming: expected true or false"},
      {"version: 1\nagents: [{allow: {methods: [re:(]}}]",
       "p:2:29: /agents/0/allow/methods/0: \"re:(\": not a valid regular expression"},
      {"version: 1\ntcp: [{allow: {hosts: [a.test], ports: [1]}, inspect: 5}]",
       "p:2:55: /tcp/0/inspect: \"inspect\" does not apply here (raw TCP has no bodies)"},
  };
  for (const auto& [text, expected] : rows)
    BOOST_TEST(first(text).substr(0, expected.size()) == expected, first(text) << "\nof " << text);
}

// A rule about nobody blocks nothing, so that a name misspelt is told.
BOOST_AUTO_TEST_CASE(a_provider_that_nobody_knows_is_told) {
  const auto of = [](std::string_view provider) {
    return first("version: 1\negress: [{allow: {hosts: [a.test]}}]\n"
                 "models: [{block: {providers: [" +
                 std::string(provider) + "]}}]");
  };
  BOOST_TEST(of("opeani").starts_with(
      "p:3:31: warning: /models/0/block/providers/0: \"opeani\" is no provider we know, so that "
      "it is taken for a host (known are openai, anthropic, "));
  for (const auto* fine : {"openai", "llm.internal", "\"*\"", "10.0.0.1", "\"::1\"", "localhost"}) {
    BOOST_TEST(of(fine) == "", fine);
  }
}

BOOST_AUTO_TEST_CASE(whatever_changes_a_decision_changes_the_digest) {
  constexpr std::string_view kBase =
      "version: 1\n"
      "egress: [{allow: {hosts: [a.test], body: {/x: {glob: y}}}}]\n"
      "tools: [{name: t, allow: {servers: [a.test], tools: [r], "
      "arguments: {/p: {equals: [1, 2]}, /q: {range: {min: 1}}}}}]\n"
      "agents: [{allow: {peers: [a.test], methods: [m], skills: [s]}}]\n"
      "models: [{allow: {providers: [openai], models: [m], "
      "streaming: false}}]\n";
  const std::pair<std::string_view, std::string_view> mutations[] = {
      {"/x:", "/z:"},
      {"glob: y", "glob: z"},
      {"glob: y", "equals: y"},
      {"servers: [a.test]", "servers: [b.test]"},
      {"tools: [r]", "tools: [s]"},
      {", tools: [r]", ""},
      {"/p:", "/pp:"},
      {"[1, 2]", "[1]"},
      {"[1, 2]", "['1', 2]"},
      {"min: 1", "max: 1"},
      {"min: 1", "min: 2"},
      {"name: t, allow", "name: t, mode: report, allow"},
      {"name: t", "name: u"},
      {"name: t, allow", "name: t, inspect: 2MiB, allow"},
      {"allow: {servers", "block: {servers"},
      {"}}}}}]\nagents", "}}}}, redact: [pii]}]\nagents"},
      {"methods: [m]", "methods: [n]"},
      {"skills: [s]", "skills: [t]"},
      {"peers: [a.test]", "peers: [b.test]"},
      {"[openai]", "[anthropic]"},
      {"models: [m]", "models: [n]"},
      {"streaming: false", "streaming: true"},
      {", streaming: false", ""},
      {"version: 1\n", "version: 1\ndefaults: {inspect: 2MiB}\n"},
      {"}}}}}]\nagents", "}}}}, limits: {requests_per_day: 1}}]\nagents"},
  };
  std::set<std::string> digests = {policy(kBase)->digest};
  for (const auto& [from, to] : mutations) {
    std::string text(kBase);
    const auto at = text.find(from);
    BOOST_TEST_REQUIRE(at != std::string::npos, from);
    text.replace(at, from.size(), to);
    BOOST_TEST(digests.insert(policy(text)->digest).second, from << " -> " << to);
  }
  // What is not there, and what is empty, are two policies; how it is written is not.
  const std::string plain = "version: 1\negress: [{allow: {hosts: [a.test]}}]\n";
  BOOST_TEST(policy(plain)->digest != policy(plain + "tools: []\n")->digest);
  BOOST_TEST(policy(arguments("{/a: {equals: [2, 1]}, /b: {glob: x}}"))->digest ==
             policy(arguments("{/b: {glob: [x]}, /a: {equals: [1, 2.0]}}"))->digest);
}

BOOST_AUTO_TEST_CASE(a_body_is_asked_for_only_where_a_rule_asks_what_is_in_it) {
  const auto needed = [](std::string_view text, const model::EgressCall& of) {
    const auto loaded = policy(text);
    auto head = of;
    head.content = content::head_only();
    const auto reference = ReferenceEngine(loaded).body_needed(head);
    BOOST_TEST(CompiledEngine(loaded).body_needed(head) == reference);
    // What was not read where it had to be is never let through.
    if (reference > 0) {
      BOOST_TEST(!ReferenceEngine(loaded).decide(head).allowed());
      BOOST_TEST(!CompiledEngine(loaded).decide(head).allowed());
    }
    return reference;
  };
  const auto plain = call("POST https://a.test/x"), other = call("POST https://b.test/x");
  BOOST_TEST(needed("version: 1\negress: [{allow: {hosts: [a.test]}}]", plain) == 0U);
  const std::string by_body = "version: 1\negress: [{allow: {hosts: [b.test]}}, {allow: {hosts: "
                              "[a.test], body: {/x: {equals: 1}}}}]";
  BOOST_TEST(needed(by_body, plain) == std::uint64_t{1} << 20);
  BOOST_TEST(needed(by_body, other) == 0U);
  BOOST_TEST(needed(by_body, call("POST https://c.test/x")) == 0U); // it is refused already
  BOOST_TEST(needed(tool("{allow: {tools: [x]}, inspect: 3MiB}"), plain) == std::uint64_t{3} << 20);
  BOOST_TEST(needed(tool("{allow: {tools: [x]}}"), call("CONNECT a.test:443")) == 0U);
  // A rule that needs approval may turn out a refusal, so it is not left at that.
  BOOST_TEST(
      needed("version: 1\negress: [{require_approval: {hosts: [a.test]}}]\ntools: []", plain) > 0U);
}

BOOST_AUTO_TEST_CASE(a_rule_sees_only_as_much_as_it_may) {
  const auto loaded = policy("version: 1\ndefaults: {inspect: 100}\n"
                             "egress: [{allow: {hosts: [a.test]}}]\n"
                             "tools:\n  - {allow: {tools: [short]}}\n"
                             "  - {allow: {tools: [long]}, inspect: 1KiB}\n"
                             "  - {block: {tools: [never]}, inspect: 1KiB}\n");
  const BothEngines engines(loaded);
  const auto calls = [&](std::string_view name, std::size_t pad) {
    return engines
        .decide(post("https://a.test/", R"({"method":"tools/call","params":{"name":")" +
                                            std::string(name) + R"(","arguments":{"x":")" +
                                            std::string(pad, 'x') + R"("}}})"))
        .allowed();
  };
  BOOST_TEST(calls("short", 1));
  BOOST_TEST(!calls("short", 200));
  BOOST_TEST(calls("long", 200));
  BOOST_TEST(!calls("long", 2'000));
}

// A stream is judged again when a policy comes, and its body is gone by then.
BOOST_AUTO_TEST_CASE(what_is_gone_satisfies_every_block_and_no_allow) {
  const auto kept = [](std::string_view body) {
    auto out = post("https://a.test/", body);
    out.content = content::without_large_tree(out.content);
    return out;
  };
  std::string pad = "{\"pad\":[0";
  for (int i = 0; i < 1'000; ++i) pad += ",0";
  const auto light = [&](std::string_view body) {
    return kept(pad + "]," + std::string(body.substr(1)));
  };
  const BothEngines block(policy("version: 1\negress: [{allow: {hosts: [a.test]}}, {block: {hosts: "
                                 "[a.test], body: {/x: {equals: 1}}}}]"));
  BOOST_TEST(!block.decide(light("{\"x\":2}")).allowed());
  const BothEngines allow(policy("version: 1\negress: [{allow: {hosts: [a.test], body: {/x: "
                                 "{equals: 1}}}}]"));
  BOOST_TEST(!allow.decide(light("{\"x\":1}")).allowed());
  // A short one is kept, so that a stream that it asked for goes on under a new policy.
  BOOST_TEST(allow.decide(kept("{\"x\":1}")).allowed());
  BOOST_TEST(block.decide(kept("{\"x\":2}")).allowed());
  const BothEngines models(policy("version: 1\negress: [{allow: {hosts: [a.test]}}]\nmodels: "
                                  "[{allow: {models: [m]}}]"));
  BOOST_TEST(models.decide(light(R"({"model":"m","messages":[]})")).allowed());
  BOOST_TEST(!models.decide(light(R"({"model":"n","messages":[]})")).allowed());
}

// A call is dialled to one of them, and nobody knows yet to which.
BOOST_AUTO_TEST_CASE(over_all_addresses_what_counts_adds_up_and_what_is_given_does_not) {
  const auto snapshot =
      policy("version: 1\n"
             "credentials: [{id: k, type: header, header: x-k, value: {env: K}, plaintext: true}]\n"
             "egress:\n"
             "  - {name: l, allow: {hosts: [a.test], address_classes: [loopback]}, private: true, "
             "limits: {requests_per_day: 1}, credential: k}\n"
             "  - {name: p, allow: {hosts: [a.test], address_classes: [private]}, private: true, "
             "limits: {requests_per_day: 2}}\n"
             "  - {name: g, allow: {hosts: [a.test], address_classes: [global]}, "
             "limits: {requests_per_day: 3}}\n");
  const auto asked = call("GET https://a.test/");
  const auto loopback = *model::IpAddress::parse_strict("127.0.0.1");
  const auto inside = *model::IpAddress::parse_strict("10.0.0.1");
  const auto cgnat = *model::IpAddress::parse_strict("100.64.0.1");
  const ReferenceEngine reference(snapshot);
  const CompiledEngine compiled(snapshot);
  for (const Engine* engine :
       {static_cast<const Engine*>(&reference), static_cast<const Engine*>(&compiled)}) {
    const auto by_name = engine->decide(asked);
    BOOST_TEST_REQUIRE(by_name.allowed());
    const auto at = [&](std::vector<model::IpAddress> all) {
      return engine->decide_addresses(asked, by_name, all);
    };
    const auto rules = [](const model::Decision& of) {
      std::string out;
      for (const auto& one : of.obligations.quotas) out += one->rule_name + ' ';
      return out;
    };
    BOOST_TEST(rules(at({loopback}).decision) == "l ");
    BOOST_TEST(at({loopback}).decision.obligations.credentials.size() == 1U);
    BOOST_TEST(rules(at({inside}).decision) == "p ");
    for (const auto& both : {at({loopback, inside}), at({inside, loopback})}) {
      BOOST_TEST(both.decision.allowed());
      BOOST_TEST(rules(both.decision) == "l p ");
      BOOST_TEST(both.decision.obligations.credentials.empty());
    }
    const auto refused = at({loopback, inside, cgnat});
    BOOST_TEST(!refused.decision.allowed());
    BOOST_TEST(refused.at == 2U);
    BOOST_TEST(rules(at({}).decision) == rules(by_name));
  }
}

BOOST_AUTO_TEST_CASE(an_address_of_a_refusing_rule_is_one_of_a_name_too) {
  const BothEngines engines(policy("version: 1\negress: [{allow: {hosts: [a.test]}}]\n"
                                   "tools:\n  - {allow: {tools: [x]}}\n"
                                   "  - {block: {servers: [9.9.9.0/24], tools: [x]}}\n"));
  const auto asked = post("https://a.test/", R"({"method":"tools/call","params":{"name":"x"}})");
  const auto by_name = engines.decide(asked);
  BOOST_TEST(by_name.allowed());
  const auto at = [&](std::string_view address) {
    return engines.decide_address(asked, by_name, *model::IpAddress::parse_strict(address)).rule_id;
  };
  BOOST_TEST(at("9.9.9.9") == "tools[1]");
  BOOST_TEST(at("8.8.8.8") == "egress[0]");
}

BOOST_AUTO_TEST_CASE(a_child_only_tightens) {
  const auto with = [](std::string_view parent, std::string_view child) {
    return load_policy_text("version: 1\nmetadata: {inherits: [base.yaml]}\n" + std::string(child),
                            "p", [&](const std::string&) { return std::string(parent); });
  };
  constexpr std::string_view kBase = "version: 1\ndefaults: {inspect: 1KiB}\n"
                                     "egress: [{allow: {hosts: [a.test]}}]\n"
                                     "tools: [{allow: {servers: [a.test], tools: [\"read_*\"]}}]\n";
  const auto fits = [&](std::string_view child) { return with(kBase, child).snapshot != nullptr; };
  BOOST_TEST(fits("tools: [{allow: {servers: [a.test], tools: [read_file]}}]"));
  BOOST_TEST(fits("tools: [{block: {tools: [read_file]}}]"));
  BOOST_TEST(fits("models: [{allow: {models: [x]}}]")); // nobody asked before
  BOOST_TEST(fits("defaults: {inspect: 1B}"));
  BOOST_TEST(!fits("tools: [{allow: {servers: [a.test]}}]"));
  BOOST_TEST(!fits("tools: [{allow: {servers: [b.test], tools: [read_file]}}]"));
  BOOST_TEST(!fits("tools: [{allow: {servers: [a.test], tools: [write_file]}}]"));
  BOOST_TEST(!fits("tools: [{allow: {servers: [a.test], tools: [read_x]}, inspect: 2KiB}]"));
  BOOST_TEST(!fits("defaults: {inspect: 2KiB}"));
  BOOST_TEST(fits("tools: [{allow: {servers: [b.test]}, override: true}]"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
