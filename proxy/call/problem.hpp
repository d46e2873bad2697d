// The answer a refused HTTP call gets: RFC 9457, or, where a policy refused a message of JSON-RPC
// (MCP, A2A), the error that its client waits for, with the same members as its data. The words
// come from the reason table; nothing the agent sent is echoed but the canonical host and the ids.
// Tested by tests/unit/call/problem_test.cpp.
#pragma once

#include "proxy/call/permit.hpp"
#include "proxy/wire/head.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::call {

struct ProblemResponse {
  wire::ResponseHead head; // framing length, with x-sluice-decision
  std::string body;
};

enum class AfterRefusal { keep_connection, close_connection };

ProblemResponse problem_response(const Refusal& refusal, const std::string& run_id,
                                 AfterRefusal after);

// Whether that reason is told to JSON-RPC as an error of its own: the policy's word, and not that
// of a proxy in trouble.
bool is_rpc_error(model::Reason reason) noexcept;
enum class RpcForm : std::uint8_t { json, events };
// `ids`: of the requests, as JSON; not empty. `batch`: they came in a list.
ProblemResponse rpc_response(const Refusal& refusal, const std::string& run_id, AfterRefusal after,
                             const std::vector<std::string>& ids, bool batch, RpcForm form);

} // namespace sluice::call
