// The rules.nft of one unit's network namespace, which its sidecar and its program share: the
// program's only way out is the sidecar, and nobody calls the program but the sidecar, so that no
// interposer is walked around. Loading them again replaces them. The program must be neither uid
// 1337, the sidecar, nor uid 0, which is dockerd when it forwards what its name server is asked.
// Tested by tests/unit/overlay/capture_rules_test.cpp and tests/e2e/test_overlay_compose.py.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::overlay {

inline constexpr int kSidecarUid = 1337;
inline constexpr int kProgramUid = 1000;

struct Entrances {
  bool program = false;               // else nobody but the sidecar is in there
  std::vector<std::uint16_t> mesh;    // where other sidecars call
  std::vector<std::uint16_t> exports; // where Docker leads what is published
};

// With exports the variable $outside is the device they come in by (nft -D).
std::string capture_rules(const Entrances& of);

} // namespace sluice::overlay
