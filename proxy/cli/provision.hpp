// What the containers of a compose project get before they start, in a container of its own that
// may give files to others (CAP_CHOWN) and nothing else: an identity and an interception CA for
// each sidecar, roots for each program, and the binary that starts programs. Keys are made here and
// are in no image and no other volume than their sidecar's. What is whole and still good is kept.
// Tested by tests/e2e/test_overlay_compose.py.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/base/diagnostic.hpp"
#include "policy/base/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct ProvisionedUnit {
  std::string name, id;
  bool program = false;
};

struct ProvisionOrder {
  std::string digest; // of the order
  std::string trust_domain;
  std::vector<ProvisionedUnit> units;
  std::vector<std::string> storage; // volumes that belong to programs
  bool tools = false;
};

// nullopt exactly when an error was added.
std::optional<ProvisionOrder> parse_provision_order(const std::string& text,
                                                    const std::string& file, Diagnostics& out);

enum class Provisioned : bool { kept, anew };
// Below `root`: keys/<unit>, trust/<unit>, storage/<volume>, tools.
Result<Provisioned> provision(const ProvisionOrder& order, const std::string& root,
                              const Clock& clock);

} // namespace sluice::cli
