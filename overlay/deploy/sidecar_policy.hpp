// The policy.yaml of a sidecar: a rule for each of its edges and, where overlays say so, what they
// say. What no edge and no overlay allows is refused. Never widens a policy that an overlay
// brings: a rule that names no host is for the edge alone.
// Tested by tests/unit/overlay/sidecar_files_test.cpp.
#pragma once

#include "overlay/deploy/sidecar_files.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::overlay {

struct AllowedCall { // by an edge
  std::string rule;  // its name
  std::string host;
  std::uint16_t port = 0;
  bool http = true;
};

// Of a program's sidecar: its edges pass as they are, `tasks` are about its egress. Faults when
// they contain more than one policy.
Json program_policy(const std::vector<AllowedCall>& edges, const std::vector<BuiltinTask>& tasks,
                    std::vector<ConfigFault>& faults);
// Of built-in interposers: what they do to the calls of their one edge.
Json builtin_policy(const AllowedCall& edge, const std::vector<BuiltinTask>& tasks);

} // namespace sluice::overlay
