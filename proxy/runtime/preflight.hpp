// What a start needs beside a sluice.yaml that loads: the CA, the roots and the secrets it names.
// For `sluice check`: every problem at once, each where it stands in the file. Runs no helper and
// says so; never shows a value. Tested by tests/e2e/test_cli.py.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/base/diagnostic.hpp"
#include "proxy/runtime/config.hpp"

namespace sluice::runtime {

Diagnostics preflight(const Config& config, const Clock& clock);
// And of a policy, whose logins are read from somewhere.
Diagnostics preflight(const engine::Snapshot& policy, const std::string& file);
// Why Identity::load failed, at the file of sluice.yaml that is at fault.
Diagnostic identity_problem(const Config& config, const Error& error);

} // namespace sluice::runtime
