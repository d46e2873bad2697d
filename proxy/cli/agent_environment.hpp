// The environment of a program behind a sidecar: what makes it trust our CA, what sends it to the
// proxy, and what it has besides. Never says a secret of the policy: its place-holders come from
// Runtime::placeholders(). Tested by tests/e2e/test_exec.py.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/runtime/config.hpp"

#include <map>
#include <string>
#include <vector>

namespace sluice::cli {

using Variables = std::map<std::string, std::string>;

Variables proxy_variables(const std::string& address, const std::string& exempt);
// `bundle` is set to the file that is written for it. Before a box is made, because it lies in a
// folder that the box hides.
Result<Variables> trust_environment(const runtime::Config& config, std::string& bundle);
// Ours over what this process has, as "NAME=value".
std::vector<std::string> merged_environment(const Variables& ours);

} // namespace sluice::cli
