#include "policy/engine/explain.hpp"

#include "policy/engine/compiled_engine.hpp"

namespace sluice::engine {

model::Decision agreed(const model::Decision& reference, const model::Decision& compiled) {
  if (reference == compiled) return reference;
  return model::Decision::refuse(model::Reason::internal_error,
                                 "the engines disagree: reference says " + reference.rule_id +
                                     ", compiled says " + compiled.rule_id);
}

Explanation explain(const std::shared_ptr<const Snapshot>& policy, const model::EgressCall& call) {
  const ReferenceEngine reference(policy);
  return {agreed(reference.decide(call), CompiledEngine(policy).decide(call)),
          reference.trace(call)};
}

} // namespace sluice::engine
