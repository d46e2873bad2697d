// What a decision point is asked about one call, as the bytes of a request: facts, never a body, a
// header or a value of the query, and every fact that somebody else wrote passes the redactor. A
// fact is never cut: what cannot be said whole is not asked.
// Tested by tests/unit/call/point_question_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/record.hpp"
#include "policy/model/decision_point.hpp"
#include "policy/model/egress_call.hpp"
#include "policy/redact/rule_set.hpp"
#include "proxy/wire/head.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace sluice::call {

struct PointQuestion {
  wire::RequestHead head;
  std::string body;
  std::string key; // equal for questions that deserve one answer: all facts but the call's id
};

struct AskedBy {
  const evidence::RunIdentity& who;
  std::string_view policy_digest;
  bool pii; // the rules redact personal data in this call
  const std::shared_ptr<const redact::RuleSet>& rules; // null: nothing is masked (tests)
};

// `path` is one reading of the call's path. Fails (internal, "cannot_ask"): a method or a host that
// holds a secret, or no path, where these make the request.
Result<PointQuestion> make_question(const model::DecisionPoint& point,
                                    const model::EgressCall& call, std::string_view path,
                                    const AskedBy& by);

} // namespace sluice::call
