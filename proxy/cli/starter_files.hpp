// What `sluice init` writes: a commented sluice.yaml and policy.yaml that load without a warning.
// Tested by tests/e2e/test_cli.py.
#pragma once

#include <string_view>

namespace sluice::cli {

extern const std::string_view kStarterConfig;
extern const std::string_view kStarterPolicy;

} // namespace sluice::cli
