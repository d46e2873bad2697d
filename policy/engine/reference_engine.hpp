// The reference engine: a plain interpreter of the document, which tries every rule. Never made
// faster at the price of being obvious: it is what the compiled engine is held to.
// Tested by tests/unit/engine/engine_test.cpp and could_allow_test.cpp.
#pragma once

#include "policy/engine/engine.hpp"

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

class ReferenceEngine final : public Engine {
 public:
  explicit ReferenceEngine(std::shared_ptr<const Snapshot> policy)
      : Engine(EngineKind::reference, std::move(policy)) {}
  model::Decision decide(const model::EgressCall& call) const noexcept override;
  model::Decision decide_address(const model::EgressCall& call, const model::Decision& by_name,
                                 const model::IpAddress& address) const noexcept override;
  bool could_allow(const model::Host& host, const model::Given& given = {}) const noexcept override;
  // Every rule of the sections that decide the call, in source order; those of operations once for
  // each operation. `address`: that the name resolved to, when it is.
  std::vector<RuleTrace> trace(const model::EgressCall& call,
                               const model::IpAddress* address = nullptr) const;

 private:
  model::Decision by_rules(const model::EgressCall& call, bool& opened,
                           const model::IpAddress* address) const noexcept override;
};

} // namespace sluice::engine
