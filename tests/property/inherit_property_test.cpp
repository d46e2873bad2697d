// Whatever a policy inherits is a ceiling: what its own rules let pass without `override`, its
// parents let pass, too, and no duty of a call is less than theirs.
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/reference_engine.hpp"
#include "tests/property/random_policy.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <string>

namespace {

using namespace sluice;
using engine::CompiledEngine;
using engine::ReferenceEngine;
using testing::RandomPolicy;

struct Child { // as a document: its rules one by one, so that each is accepted or not
  std::string egress, tcp, defaults;
  std::string text() const {
    return "version: 1\nmetadata: {inherits: [base]}\n" + defaults +
           (egress.empty() ? "" : "egress:\n" + egress) + (tcp.empty() ? "" : "tcp:\n" + tcp);
  }
};

std::shared_ptr<const engine::Snapshot> load(const Child& child, const std::string& base) {
  return engine::load_policy_text(child.text(), "child",
                                  [&](const std::string&) -> Result<std::string> { return base; })
      .snapshot;
}

std::string nameless(std::string rule) { // names are unique, and say nothing here
  const auto name = rule.find(", name: n");
  if (name != rule.npos) rule.erase(name, rule.find_first_of(",}", name + 2) - name);
  return rule;
}

// A rule of the parent about a part of its calls, with other duties: "" when there is none.
std::string narrowed(const std::string& base, int number) {
  static const std::string kDuties[] = {"",
                                        ", private: true",
                                        ", redact: [pii]",
                                        ", credential: k",
                                        ", restore: [request]",
                                        ", limits: {request_body: 1}"};
  std::size_t at = 0;
  for (int skip = number % 5; skip >= 0; --skip) at = base.find("  - {allow: {", at + 1);
  if (at == base.npos) return "";
  std::string out = base.substr(at, base.find('}', at) - at);
  const bool tcp = base.find("tcp:\n") < at;
  if (tcp) return out + "}, limits: {bytes: 2}}\n";
  if (out.find("schemes") == out.npos) out += ", schemes: [https]";
  static const std::string kMatchers[] = {"agents: [x]", "sessions: [x]",
                                          "time: [\"mon 09:00-11:00\"]", "sni: [a.test]",
                                          "address_classes: [private]"};
  const auto& matcher = kMatchers[number % 5];
  if (out.find(matcher.substr(0, matcher.find(':'))) == out.npos) out += ", " + matcher;
  return out + '}' + kDuties[number % 6] + "}\n";
}

bool contains(const std::vector<std::string>& all, const std::vector<std::string>& part) {
  return std::includes(all.begin(), all.end(), part.begin(), part.end());
}

std::vector<std::string> texts(const model::DecisionPoints& points) {
  std::vector<std::string> out;
  for (const auto& one : points) out.push_back(one->rule_id + one->text());
  std::sort(out.begin(), out.end());
  return out;
}

bool at_most(const std::optional<std::uint64_t>& limit, const std::optional<std::uint64_t>& other) {
  return !other || (limit && *limit <= *other);
}

// "" or what is looser than in `base`.
std::string looser(const model::Decision& one, const model::Decision& base,
                   const model::EgressCall& call) {
  // A refusing rule takes any reading of a path, an allowing one all of them.
  const bool clear = call.other_paths.empty();
  if (one.verdict > base.verdict && (clear || one.allowed())) return "verdict";
  if (!one.allowed()) return "";
  const auto &a = one.obligations, &b = base.obligations;
  if (!contains(a.redact, b.redact)) return "redact";
  if (!contains(b.credentials, a.credentials)) return "credential";
  if (!contains(texts(a.ask), texts(b.ask))) return "ask";
  if (!contains(b.restore, a.restore)) return "restore";
  if (a.private_addresses && !b.private_addresses) return "private";
  if (a.tls > b.tls) return "tls";
  if (!at_most(a.request_body_limit, b.request_body_limit)) return "request_body";
  return at_most(a.byte_limit, b.byte_limit) ? "" : "bytes";
}

template <class Engine>
void hold(const std::shared_ptr<const engine::Snapshot>& child,
          const std::shared_ptr<const engine::Snapshot>& base, RandomPolicy random, int calls,
          const std::string& said, std::map<std::string, int>& tally) {
  const Engine above(base), below(child);
  for (int i = 0; i < calls; ++i) {
    const auto call = random.call();
    const auto one = below.decide(call), other = above.decide(call);
    auto what = looser(one, other, call);
    for (const auto& address : random.addresses(2)) {
      if (!what.empty() || call.to.host.is_address()) break;
      what = looser(below.decide_address(call, one, address),
                    above.decide_address(call, other, address), call);
    }
    const bool could = above.could_allow(call.to.host, call.given);
    if (below.could_allow(call.to.host, call.given) && !could) what = "could_allow";
    BOOST_TEST_REQUIRE(what.empty(), what << " of " << to_string(call.protocol) << ' '
                                          << call.method << ' ' << call.to.authority() << call.path
                                          << " in\n"
                                          << said);
    tally["calls"] += one.allowed() ? 1 : 0;
    tally["tightened"] += one != other ? 1 : 0;
  }
}

BOOST_AUTO_TEST_SUITE(inherit_property)

BOOST_AUTO_TEST_CASE(no_child_is_looser_than_its_parent) {
  std::map<std::string, int> tally;
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    RandomPolicy random(50'000 + seed);
    const std::string text = random.document(1 + static_cast<int>(seed % 10));
    const auto base = engine::load_policy_text(text, "base").snapshot;
    BOOST_TEST_REQUIRE(base != nullptr);
    Child child;
    for (const char* defaults :
         {"defaults: {redact: [pii]}\n", "defaults: {tls: passthrough}\n",
          "defaults: {private: true}\n", "defaults: {redact: [pii, secrets], tls: intercept}\n"}) {
      child.defaults = defaults;
      if (load(child, text) != nullptr) break;
      child.defaults.clear();
      ++tally["refused"];
    }
    for (int i = 0; i < 16; ++i) {
      Child next = child;
      const auto part = i % 2 == 0 ? "" : narrowed(text, i / 2 + static_cast<int>(seed));
      const bool tcp = part.empty() ? i % 4 == 2 : part.find("{bytes: 2}") != part.npos;
      const auto rule = part.empty() ? nameless(random.child_rule(tcp)) : part;
      (tcp ? next.tcp : next.egress) += rule;
      const bool accepted = load(next, text) != nullptr;
      if (accepted) child = std::move(next);
      const bool reaches = rule.find("block:") == rule.npos && rule.find("report") == rule.npos;
      if (reaches) ++tally[accepted ? "accepted" : "refused"];
    }
    const auto whole = load(child, text);
    BOOST_TEST_REQUIRE(whole != nullptr);
    const auto said = text + "and\n" + child.text();
    hold<ReferenceEngine>(whole, base, random, 150, said, tally);
    hold<CompiledEngine>(whole, base, random, 150, said, tally);
  }
  // A property of nothing but refusals would prove little.
  const std::pair<const char*, int> least[] = {
      {"accepted", 300}, {"refused", 500}, {"calls", 3'000}, {"tightened", 2'000}};
  for (const auto& [kind, wanted] : least)
    BOOST_TEST(tally[kind] >= wanted, kind << ' ' << tally[kind]);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
