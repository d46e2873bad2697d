#include "overlay/scenario/scope.hpp"

#include <optional>

namespace sluice::overlay {
namespace {

// Where an edge stands to those inside; nullopt: neither end is there. An external source belongs
// to nobody, so its edges are imports for the root, too.
std::optional<EdgeSide> side_of(const Edge& edge, const std::vector<bool>& inside) {
  const bool provider = edge.from.kind != Source::Kind::external && inside[edge.from.component];
  const bool consumer = inside[edge.to.component];
  if (provider && consumer) return EdgeSide::binding;
  if (consumer) return EdgeSide::import;
  if (provider) return EdgeSide::export_;
  return std::nullopt;
}

} // namespace

Scope scope_of(const Scenario& scenario, ComponentId root) {
  Scope out;
  out.root = root;
  std::vector<bool> inside(scenario.components.size(), false);
  for (const Component& one : scenario.components) {
    inside[one.id] = one.id == root || (one.parent && inside[*one.parent]);
    if (inside[one.id]) out.components.push_back(one.id);
  }
  const auto add = [&out](EdgeKey key, EdgeSide side) {
    out.edges.push_back({out.edges.size(), key, side});
  };
  for (std::size_t i = 0; i < scenario.edges.size(); ++i) {
    if (const auto side = side_of(scenario.edges[i], inside)) add({EdgeKey::Of::edges, i}, *side);
  }
  for (std::size_t i = 0; i < scenario.exports.size(); ++i) {
    const Source& from = scenario.exports[i].from;
    const bool here = from.kind != Source::Kind::external && inside[from.component];
    if (here) add({EdgeKey::Of::exports, i}, EdgeSide::export_);
  }
  return out;
}

const Capability& capability_of(const Scenario& scenario, EdgeKey key) {
  return key.of == EdgeKey::Of::edges ? scenario.edges[key.index].capability
                                      : scenario.exports[key.index].capability;
}

const Source& source_of(const Scenario& scenario, EdgeKey key) {
  return key.of == EdgeKey::Of::edges ? scenario.edges[key.index].from
                                      : scenario.exports[key.index].from;
}

std::string to_string(const Scenario& scenario, EdgeKey key) {
  if (key.of == EdgeKey::Of::edges) return to_string(scenario, scenario.edges[key.index]);
  const ScenarioExport& out = scenario.exports[key.index];
  return to_string(scenario, out.from) + " -> export " + out.name;
}

} // namespace sluice::overlay
