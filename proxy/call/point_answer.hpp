// What a decision point answered, read so that only a clear yes is one: of the wrong type, twice
// there, cut, or about a redaction that we do not have is a failure, and a failure is a no. A
// verdict can only tighten: it never opens anything, and removes no duty.
// Tested by tests/unit/call/point_answer_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/model/decision_point.hpp"
#include "proxy/wire/head.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::call {

struct PointVerdict {
  bool allowed = false;
  std::vector<std::string> redact; // packs, sorted; besides what the rules redact
  std::string reason;              // its words, the first 200 bytes in one line
};

// Fails (upstream, "point_lied"); the detail has nothing of the answer.
Result<PointVerdict> read_verdict(model::DecisionPoint::Kind kind, int status,
                                  const wire::Fields& fields, std::string_view body);

} // namespace sluice::call
