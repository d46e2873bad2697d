#include "policy/model/decision.hpp"

#include <utility>

namespace sluice::model {

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
  case Verdict::block: return "block";
  case Verdict::require_approval: return "require_approval";
  case Verdict::allow: return "allow";
  }
  return "block";
}

std::string_view to_string(TlsMode mode) noexcept {
  return mode == TlsMode::passthrough ? "passthrough" : "intercept";
}

Decision Decision::refuse(Reason reason, std::string explanation) {
  // `none` is not a reason to refuse; a caller who says so has a bug, and the call stays refused.
  if (reason == Reason::none) reason = Reason::internal_error;
  const ReasonRow& facts = row(reason);
  Decision out;
  out.verdict = Verdict::block;
  out.reason = reason;
  out.rule_id = facts.guard;
  out.severity = facts.severity;
  out.explanation = std::move(explanation);
  return out;
}

} // namespace sluice::model
