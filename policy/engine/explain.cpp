#include "policy/engine/explain.hpp"

#include "policy/engine/compiled_engine.hpp"

namespace sluice::engine {

model::Decision agreed(const model::Decision& reference, const model::Decision& compiled) {
  if (reference == compiled) return reference;
  return model::Decision::refuse(model::Reason::internal_error,
                                 "the engines disagree: reference says " + reference.rule_id +
                                     ", compiled says " + compiled.rule_id);
}

Explanation explain(const std::shared_ptr<const Snapshot>& policy, const model::EgressCall& call,
                    const model::IpAddress* address) {
  const ReferenceEngine reference(policy);
  const CompiledEngine compiled(policy);
  auto one = reference.decide(call), other = compiled.decide(call);
  if (address != nullptr) {
    one = reference.decide_address(call, one, *address);
    other = compiled.decide_address(call, other, *address);
  }
  return {agreed(one, other), reference.trace(call, address)};
}

} // namespace sluice::engine
