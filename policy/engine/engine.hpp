// The reference engine: a plain interpreter of the document. Same snapshot and same call, same
// answer: no clock, no I/O, no state; noexcept because a throw here would be an unguarded byte.
// Tested by tests/unit/engine/engine_test.cpp and could_allow_test.cpp.
#pragma once

#include "policy/engine/snapshot.hpp"
#include "policy/model/decision.hpp"
#include "policy/model/egress_call.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::engine {

struct RuleTrace {
  std::string rule_id, rule_name;
  model::Verdict effect = model::Verdict::block;
  bool report_only = false;
  bool matched = false;
  std::string why_not; // which matcher said no, in words; "" when matched
};

struct Explanation {
  model::Decision decision;
  std::vector<RuleTrace> rules; // every rule of the section that decided, in source order
};

class Engine {
 public:
  explicit Engine(std::shared_ptr<const Snapshot> policy); // null blocks everything
  // By name, before resolving. A literal address is also judged by decide_address's guards.
  model::Decision decide(const model::EgressCall& call) const noexcept;
  // After resolving: guards on the address that will be dialled. Returns by_name unchanged when
  // the address may be dialled, otherwise the guard's refusal.
  model::Decision decide_address(const model::EgressCall& call, const model::Decision& by_name,
                                 const model::IpAddress& address) const noexcept;
  // Whether any call to this host could pass, now or once approved: what a name must have to be
  // resolved for an agent at all. True never promises that one does; false promises that none does.
  bool could_allow(const model::Host& host) const noexcept;
  Explanation explain(const model::EgressCall& call) const;
  const Snapshot& policy() const noexcept { return *policy_; }

 private:
  std::shared_ptr<const Snapshot> policy_;
};

} // namespace sluice::engine
