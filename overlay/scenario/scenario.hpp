// A linked scenario: the tree of components and the edges between them, with every reference
// followed to its end. An edge goes from who provides a capability to who consumes it; its requests
// go the other way. Plain values: the linker makes one, the rewrite makes another of it, and nobody
// edits one that others read. Tested by tests/unit/overlay/scenario_test.cpp.
#pragma once

#include "overlay/manifest/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

using ComponentId = std::size_t; // place in Scenario::components

struct Source {
  enum class Kind : std::uint8_t {
    component, // a provide of the component
    resource,  // of the component that owns it
    framework, // in the realm of the component
    external   // a slot of the root, filled by whoever runs the scenario; `component` is the root
  };
  Kind kind = Kind::component;
  ComponentId component = 0;
  std::string name;
  bool operator==(const Source&) const = default;
};

struct SlotEnd {
  ComponentId component = 0;
  std::string name;
  bool operator==(const SlotEnd&) const = default;
};

struct Edge {
  Source from;
  SlotEnd to;
  Capability capability; // as the consumer's slot declares it
  bool weak = false;     // no order of starting follows from it
  bool operator==(const Edge&) const = default;
};

struct ScenarioExport { // what the scenario offers to the outside
  std::string name;
  Source from;
  Capability capability;
  bool operator==(const ScenarioExport&) const = default;
};

// Who put an interposer where it is, and over what the answer was given.
struct Provenance {
  ComponentId scope = 0;
  std::string use;         // name in the scope's `use`
  std::string export_name; // of the overlay
  std::size_t overlay = 0; // place in the scope's `overlays`
  std::size_t index = 0;   // of the interposition in the plan
  std::string overlay_digest, request_digest, plan_digest;
  std::string alias; // a name that does not change with the places in lists
  bool operator==(const Provenance&) const = default;
};

struct Component {
  ComponentId id = 0;
  std::optional<ComponentId> parent; // the root has none
  std::string moniker;               // "/", "/a", "/a/b"
  std::string digest;                // of its manifest; an interposer's own
  std::optional<Json> config;        // as its author wrote it, templates and all
  std::optional<ConfigSchema> config_schema;
  std::optional<Program> program;
  std::map<std::string, Slot> slots;
  std::map<std::string, Provide> provides;
  std::map<std::string, Resource> resources;
  std::map<std::string, Json> child_templates;
  std::optional<Json> metadata;
  std::vector<ComponentId> children; // by moniker
  std::string folder; // of its manifest's file, where relative paths of programs begin; "" for none
  std::shared_ptr<const Manifest> manifest; // null: an interposer
  std::optional<Provenance> provenance;     // exactly an interposer's
};

struct Scenario {
  std::vector<Component> components; // parents before children; the root is the first
  std::vector<Edge> edges;
  std::vector<ScenarioExport> exports; // by name

  const Component& at(ComponentId id) const { return components[id]; }
};

// "/a/b" of "/a" and "b"; "/b" of "/" and "b".
std::string child_moniker(std::string_view parent, std::string_view name);
std::size_t moniker_depth(std::string_view moniker) noexcept; // 0 for the root
// Whether `moniker` is `scope` or below it.
bool is_within(std::string_view moniker, std::string_view scope) noexcept;
// As selectors name it: "a/b" of "/s/a/b" in "/s", "." of the scope itself. Requires: is_within.
std::string name_within(std::string_view moniker, std::string_view scope);
std::string_view local_name(std::string_view moniker) noexcept; // "" for the root

// For messages: "/a.api -> /b.in".
std::string to_string(const Scenario& scenario, const Source& source);
std::string to_string(const Scenario& scenario, const SlotEnd& end);
std::string to_string(const Scenario& scenario, const Edge& edge);

// A cycle of edges that are not weak, in which each begins where the one before it ends; empty when
// there is none. Programs of such a scenario could not be started in any order.
std::vector<std::size_t> strong_cycle(const Scenario& scenario);

} // namespace sluice::overlay
