// What the two engines say differently about one call, for tests that hold them equal. Every field
// of a decision counts. Never says which of the two is right.
#pragma once

#include "policy/engine/engine.hpp"

#include <span>
#include <string>

namespace sluice::testing {

// "" when they say the same of the call, of the addresses its name might resolve to, and of its
// host.
inline std::string difference(const engine::Engine& reference, const engine::Engine& compiled,
                              const model::EgressCall& call,
                              std::span<const model::IpAddress> addresses) {
  const auto shown = [](const model::Decision& one) {
    return std::string(to_string(one.verdict)) + ' ' + one.rule_id;
  };
  const model::Decision decision = reference.decide(call);
  const model::Decision other = compiled.decide(call);
  if (decision != other) return "decide: " + shown(decision) + " and " + shown(other);
  for (const auto& address : addresses) {
    const auto judged = reference.decide_address(call, decision, address);
    const auto judged_other = compiled.decide_address(call, decision, address);
    if (judged == judged_other) continue;
    return "at " + address.text() + ": " + shown(judged) + " and " + shown(judged_other);
  }
  // One after the other, too, as the gate asks.
  model::Decision one = decision, two = decision;
  for (const auto& address : addresses) {
    one = reference.decide_address(call, one, address);
    two = compiled.decide_address(call, two, address);
    if (one != two) return "then at " + address.text() + ": " + shown(one) + " and " + shown(two);
  }
  const bool could = reference.could_allow(call.to.host, call.given);
  if (could == compiled.could_allow(call.to.host, call.given)) return "";
  return std::string("could_allow: the reference says ") + (could ? "yes" : "no");
}

} // namespace sluice::testing
