// The answer a refused HTTP call gets (RFC 9457), one form for every refusal. The words come from
// the reason table; nothing the agent sent is echoed but the canonical host.
// Tested by tests/unit/call/problem_test.cpp.
#pragma once

#include "proxy/call/permit.hpp"
#include "proxy/wire/head.hpp"

#include <string>

namespace sluice::call {

struct ProblemResponse {
  wire::ResponseHead head; // framing length, with x-sluice-decision
  std::string body;
};

enum class AfterRefusal { keep_connection, close_connection };

ProblemResponse problem_response(const Refusal& refusal, const std::string& run_id,
                                 AfterRefusal after);

} // namespace sluice::call
