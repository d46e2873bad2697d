#include "policy/engine/engine.hpp"

#include "tests/unit/engine/fixture.hpp"

#include <random>
#include <vector>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;
using sluice::model::Host;
using sluice::model::Verdict;

bool could_allow(const BothEngines& engine, std::string_view host) {
  return engine.could_allow(Host::parse(host).value());
}

BOOST_AUTO_TEST_SUITE(could_allow_names)

BOOST_AUTO_TEST_CASE(a_host_that_some_rule_could_let_pass) {
  const BothEngines engine(policy(R"(
version: 1
egress:
  - {allow: {hosts: [a.test, "*.b.test"], ports: [443], methods: [POST], paths: ["/v1/**"]}}
  - {require_approval: {hosts: [ask.test]}}
  - {allow: {hosts: [tried.test]}, mode: report}
  - {allow: {hosts: [shut.test, "*.shut.test"]}}
  - {block: {hosts: [shut.test, only-blocked.test]}}
  - {block: {hosts: [ports.shut.test], ports: ["1-65535"]}}
  - {block: {hosts: [a.test], ports: [443]}}
  - {block: {hosts: [a.test], methods: [POST]}}
  - {block: {hosts: [a.test], paths: ["/**"]}}
  - {block: {hosts: [a.test], schemes: [http]}}
  - {block: {hosts: [a.test]}, mode: report}
  - {block: {hosts: [203.0.112.0/24]}}
  - {allow: {hosts: [8.8.8.8]}}
)"));
  const std::pair<std::string_view, bool> rows[] = {
      {"a.test", true},           {"A.Test.", true},       {"x.y.b.test", true},
      {"b.test", false},          {"ask.test", true},      {"tried.test", false},
      {"shut.test", false},       {"x.shut.test", true},   {"only-blocked.test", false},
      {"ports.shut.test", false}, {"unknown.test", false}, {"a.test.evil.test", false},
      {"203.0.112.9", false},     {"8.8.8.8", true},       {"8.8.4.4", false},
  };
  for (const auto& [host, expected] : rows) {
    BOOST_TEST(could_allow(engine, host) == expected, host);
  }
}

BOOST_AUTO_TEST_CASE(either_section_could_let_a_host_pass) {
  const BothEngines engine(policy(R"(
version: 1
egress:
  - {allow: {hosts: [web.test, both.test]}}
  - {block: {hosts: [sql.test]}}
tcp:
  - {allow: {hosts: [sql.test, both.test, 10.0.0.7], ports: [5432]}}
  - {require_approval: {hosts: [ask.test]}}
  - {allow: {hosts: [tried.test], ports: [1]}, mode: report}
  - {block: {hosts: [web.test, both.test]}}
)"));
  const std::pair<std::string_view, bool> rows[] = {
      {"web.test", true},    {"both.test", true},     {"sql.test", true}, {"ask.test", true},
      {"tried.test", false}, {"unknown.test", false}, {"10.0.0.7", true},
  };
  for (const auto& [host, expected] : rows) {
    BOOST_TEST(could_allow(engine, host) == expected, host);
  }
}

BOOST_AUTO_TEST_CASE(every_host_means_every_host_but_those_blocked) {
  const BothEngines engine(
      policy("version: 1\negress:\n  - {allow: {hosts: [\"**\"], methods: [GET]}}\n"
             "  - {block: {hosts: [\"*.evil.test\"]}}\n"));
  BOOST_TEST(could_allow(engine, "a.test"));
  BOOST_TEST(!could_allow(engine, "a.evil.test"));
}

BOOST_AUTO_TEST_CASE(without_a_policy_or_a_host_nothing_could_pass) {
  BOOST_TEST(!could_allow(BothEngines(nullptr), "a.test"));
  BOOST_TEST(
      !BothEngines(policy("version: 1\negress: [{allow: {hosts: [\"**\"]}}]")).could_allow(Host()));
}

// A policy of few rules over few words, so that rules meet often.
class RandomPolicy {
 public:
  explicit RandomPolicy(std::uint32_t seed) : random_(seed) {}

  std::string text() {
    std::string out = "version: 1\n";
    if (pick(4) > 0) out += section("egress", &RandomPolicy::egress_match);
    if (pick(4) > 0) out += section("tcp", &RandomPolicy::tcp_match);
    return out;
  }

 private:
  using MatchOf = std::string (RandomPolicy::*)(std::string_view effect);

  std::string section(std::string_view name, MatchOf match) {
    std::string out = std::string(name) + ":\n";
    for (int i = pick(5); i >= 0; --i) {
      const auto effect = one_of({"allow", "allow", "block", "require_approval"});
      out += "  - {" + effect + ": {hosts: [" + host() + ", " + host() + "]" +
             (this->*match)(effect) + "}" + maybe(", mode: report") + "}\n";
    }
    return out;
  }

  std::string egress_match(std::string_view) {
    return one_of({"", "", ", ports: [443]", ", ports: [1-65535]", ", ports: [80, 5432]"}) +
           maybe(", methods: [GET]", ", methods: [CONNECT]") +
           maybe(", paths: [\"/**\"]", ", paths: [/x]") +
           maybe(", schemes: [http, https]", ", schemes: [https]");
  }

  std::string tcp_match(std::string_view effect) {
    const std::string ports = one_of({", ports: [5432]", ", ports: [1-65535]", ", ports: [1, 80]"});
    return effect == "allow" ? ports : maybe(ports);
  }

  std::string host() {
    return one_of({"a.test", "b.test", "\"*.test\"", "\"**\"", "\"*\"", "\"re:[ab]\\\\.test\"",
                   "8.8.8.8", "8.0.0.0/8"});
  }

  std::string maybe(std::string_view some, std::string_view other = {}) {
    const int roll = pick(6);
    return std::string(roll == 0 ? some : roll == 1 ? other : std::string_view());
  }

  std::string one_of(const std::vector<std::string>& words) {
    return words[static_cast<std::size_t>(pick(static_cast<int>(words.size())))];
  }

  int pick(int below) { return static_cast<int>(random_() % static_cast<std::uint32_t>(below)); }

  std::mt19937 random_;
};

std::vector<std::string> calls_to(const std::string& host) {
  std::vector<std::string> out;
  for (const std::string port : {"1", "80", "443", "5432", "65535"}) {
    out.push_back("CONNECT " + host + ':' + port);
    out.push_back("TCP " + host + ':' + port);
    for (const std::string method : {"GET ", "POST ", "CONNECT-UDP "}) {
      for (const std::string scheme : {"http://", "https://"}) {
        for (const std::string path : {"/", "/x", "/y/z"}) {
          out.push_back(method + scheme + host + ':' + port + path);
        }
      }
    }
  }
  return out;
}

BOOST_AUTO_TEST_CASE(a_name_with_a_call_that_passes_is_never_refused) {
  int passed = 0;
  int refused = 0;
  for (std::uint32_t seed = 1; seed <= 400; ++seed) {
    const std::string text = RandomPolicy(seed).text();
    const BothEngines engine(policy(text));
    for (const std::string host : {"a.test", "b.test", "c.test", "single", "8.8.8.8", "9.9.9.9"}) {
      const bool could = could_allow(engine, host);
      (could ? passed : refused) += 1;
      for (const std::string& what : calls_to(host)) {
        const bool lets_pass = engine.decide(call(what)).verdict != Verdict::block;
        BOOST_TEST_REQUIRE((could || !lets_pass), what << " of\n" << text);
      }
    }
  }
  BOOST_TEST(passed > 200);
  BOOST_TEST(refused > 200);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
