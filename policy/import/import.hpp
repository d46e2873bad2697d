// The policies of others as one of ours: AgentPaaS's policy.yaml and CAVRA's policy packs. What our
// language cannot say in this version is left closed and listed: nothing is allowed by the result
// that was not allowed by the original. Never gives a result that does not load, never shows a
// value that may be a secret. What is read how: policy/import/README.md. Tested by
// tests/unit/import/import_test.cpp on tests/vectors/import.
#pragma once

#include "policy/base/diagnostic.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::import {

enum class Source : std::uint8_t { agentpaas, cavra };

struct Lossy { // what the original says and the result does not
  int line = 0;
  std::string pointer; // into the original
  std::string what, hint;
};

struct Imported {
  std::string policy;       // YAML with comments
  std::vector<Lossy> lossy; // in the order of the original
};

// nullopt exactly when an error was added to `out`: a document that its own tool would refuse.
std::optional<Imported> import_policy(Source source, std::string_view text, const std::string& file,
                                      Diagnostics& out);

} // namespace sluice::import
