// What one scope sees of a scenario: its component and all below it, and the edges that touch them,
// numbered as Amber numbers them. The numbers are the scope's own: another scope has others for the
// same edge. Never says what is at the far end of an edge that leaves the scope.
// Tested by tests/unit/overlay/scope_test.cpp.
#pragma once

#include "overlay/manifest/selector.hpp"
#include "overlay/scenario/scenario.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::overlay {

// An edge of the scenario, or an export of it, by its place in the list.
struct EdgeKey {
  enum class Of : std::uint8_t { edges, exports };
  Of of = Of::edges;
  std::size_t index = 0;
  auto operator<=>(const EdgeKey&) const = default;
};

struct ScopeEdge {
  std::uint64_t id = 0; // in the scope
  EdgeKey key;
  EdgeSide side = EdgeSide::binding;
};

struct Scope {
  ComponentId root = 0;
  std::vector<ComponentId> components; // by id
  std::vector<ScopeEdge> edges;        // by id: 0, 1, 2, …

  const ScopeEdge* find(std::uint64_t id) const noexcept {
    return id < edges.size() ? &edges[id] : nullptr;
  }
};

Scope scope_of(const Scenario& scenario, ComponentId root);

// Of the capability that goes over it; a slot's declaration, or the export's.
const Capability& capability_of(const Scenario& scenario, EdgeKey key);
const Source& source_of(const Scenario& scenario, EdgeKey key);
// For messages: "/a.api -> /b.in", "/a.api -> export chat".
std::string to_string(const Scenario& scenario, EdgeKey key);

} // namespace sluice::overlay
