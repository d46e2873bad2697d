// Why a call is decided as it is: the decision that `sluice run` would make, and every rule tried.
// Never explains a decision on which the two engines do not agree: that is ours to mend, so it is
// a refusal. Tested by tests/unit/engine/explain_test.cpp.
#pragma once

#include "policy/engine/reference_engine.hpp"

namespace sluice::engine {

struct Explanation {
  model::Decision decision;
  std::vector<RuleTrace> rules; // every rule of the section that decided, in source order
};

// `address`: that the call's name resolved to; null: nobody resolved it.
Explanation explain(const std::shared_ptr<const Snapshot>& policy, const model::EgressCall& call,
                    const model::IpAddress* address = nullptr);

// What both say, or internal_error when they differ.
model::Decision agreed(const model::Decision& reference, const model::Decision& compiled);

} // namespace sluice::engine
