// The policy that a log says was needed: shared by `policy learn` and `run --learn`. Reads the log
// as a verifier does, and never learns from one that is broken. Tested by
// tests/e2e/test_policy_learn.py.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/query.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace sluice::cli {

struct Learned {
  std::string policy;
  std::uint64_t calls = 0;
  std::map<std::string, std::uint64_t> left_out; // why -> how many
};

// From the calls that a log says were let go, never from a refusal. Fails (config) when the log
// cannot be read, or ("broken_log") its chain breaks.
Result<Learned> learn_from(const std::string& directory, const evidence::Filter& filter);
// Fails (config, "cannot_write"). Whole or not at all.
Result<> write_learned(const std::string& file, const std::string& policy);

} // namespace sluice::cli
