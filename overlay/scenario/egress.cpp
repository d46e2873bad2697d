#include "overlay/scenario/egress.hpp"

namespace sluice::overlay {
std::vector<EgressEdge> egress_edges(const Scenario& scenario) {
  std::vector<EgressEdge> out;
  for (const Component& one : scenario.components) {
    if (!one.program || one.program->form == Program::Form::builtin) continue;
    out.push_back({one.id, one.program->vm && one.program->vm->egress});
  }
  return out;
}

std::vector<ComponentId> selected_egress(const Scenario& scenario, ComponentId scope,
                                         const Selector& selector) {
  std::vector<ComponentId> out;
  const std::string& root = scenario.at(scope).moniker;
  for (const EgressEdge& edge : egress_edges(scenario)) {
    const std::string& moniker = scenario.at(edge.component).moniker;
    if (!is_within(moniker, root)) continue;
    EdgeFacts facts;
    facts.capability.kind = Kind::egress;
    facts.side = EdgeSide::import;
    facts.components = {name_within(moniker, root)};
    if (selects(selector, facts)) out.push_back(edge.component);
  }
  return out;
}

} // namespace sluice::overlay
