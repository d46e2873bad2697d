// sluice policy test: a file of calls, what the policy is expected to decide about each, and what
// is expected of the text that it carries. The same engine and the same redaction as in a call, but
// nothing is sent, no name is resolved and no known secret is read. Tested by
// tests/e2e/test_policy_test.py.
#pragma once

#include "policy/engine/snapshot.hpp"
#include "proxy/cli/output.hpp"

#include <memory>
#include <string>

namespace sluice::cli {

// 0 when every case is as expected, 1 when not, 2 for a file that is not one.
int run_policy_test(const Output& out, const std::string& file,
                    const std::shared_ptr<const engine::Snapshot>& policy);

} // namespace sluice::cli
