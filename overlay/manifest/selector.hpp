// Which edges of a scope a declarative overlay attaches to. Each list narrows the choice and an
// empty one does not; nothing written selects every edge that can be interposed, and no egress.
//
//   select: {kind: ["a2a", "mcp"], profile: null, component: ["agent", "tools/**"], edge:
//   "binding"}
//
// A component is named from the scope's own, `.`: `agent` is its child; `*` is a run of characters
// between two slashes, `**` also crosses them. An edge is selected by either of its ends in the
// scope. Tested by tests/unit/overlay/selector_test.cpp.
#pragma once

#include "overlay/manifest/capability.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

// As a scope sees it: both ends inside, only the consumer, only the provider.
enum class EdgeSide : std::uint8_t { binding, import, export_ };

inline constexpr std::array kEdgeSides = {Word<EdgeSide>{"binding", EdgeSide::binding},
                                          Word<EdgeSide>{"import", EdgeSide::import},
                                          Word<EdgeSide>{"export", EdgeSide::export_}};

struct Selector {
  std::vector<Kind> kinds;
  std::vector<std::optional<std::string>> profiles; // nullopt: none
  std::vector<std::string> components;              // globs
  std::vector<EdgeSide> sides;
  bool operator==(const Selector&) const = default;
};

struct EdgeFacts {
  Capability capability;
  EdgeSide side = EdgeSide::binding;
  std::vector<std::string> components; // its ends in the scope: ".", "agent", "team/agent"
};

bool selects(const Selector& selector, const EdgeFacts& edge);
bool matches_component(std::string_view glob, std::string_view component) noexcept;

} // namespace sluice::overlay
