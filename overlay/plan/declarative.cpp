#include "overlay/plan/declarative.hpp"

#include "overlay/manifest/manifest_json.hpp"
#include "overlay/plan/request.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace sluice::overlay {
namespace {

EdgeFacts facts_of(const Scenario& scenario, const Scope& scope, const ScopeEdge& edge) {
  EdgeFacts out;
  out.capability = capability_of(scenario, edge.key);
  out.side = edge.side;
  const auto add = [&](ComponentId id) {
    std::string name = name_within(scenario.at(id).moniker, scenario.at(scope.root).moniker);
    out.components.push_back(std::move(name));
  };
  if (edge.side != EdgeSide::import) add(source_of(scenario, edge.key).component);
  if (edge.side != EdgeSide::export_) add(scenario.edges[edge.key.index].to.component);
  return out;
}

Program builtin_program(const DeclarativeOverlay& overlay) {
  Program out;
  out.form = Program::Form::builtin;
  out.builtin = overlay.builtin;
  out.builtin_config = overlay.config;
  Endpoint endpoint;
  endpoint.name = literal_template(std::string(kBuiltinEndpoint));
  endpoint.protocol = literal_template("http");
  out.endpoints.push_back(std::move(endpoint));
  return out;
}

// As an overlay that runs would have answered, with every default written out.
Json written_form(const Interposition& of) {
  const std::string slot(kBuiltinSlot), provide(kBuiltinProvide);
  Json out = Json::object();
  out["interposer"]["program"] = lowered_json(*of.interposer.program, 0);
  out["interposer"]["slots"][slot] = slot_json(of.interposer.slots.at(slot));
  out["interposer"]["provides"][provide] = provide_json(of.interposer.provides.at(provide));
  for (const Attachment& one : of.attachments) {
    out["attachments"].push_back({{"target", one.target},
                                  {"interposer_slot", one.slot},
                                  {"interposer_provide", one.provide}});
  }
  return out;
}

Interposition on_edge(const DeclarativeOverlay& overlay, std::uint64_t target,
                      const Capability& capability) {
  Interposition out;
  out.interposer.program = builtin_program(overlay);
  Slot slot;
  slot.capability = capability;
  out.interposer.slots.emplace(kBuiltinSlot, std::move(slot));
  Provide provide;
  provide.capability = capability;
  provide.endpoint = std::string(kBuiltinEndpoint);
  out.interposer.provides.emplace(kBuiltinProvide, std::move(provide));
  out.attachments.push_back({target, std::string(kBuiltinSlot), std::string(kBuiltinProvide)});
  out.written = written_form(out);
  return out;
}

} // namespace

InterpositionPlan declared_plan(const DeclarativeOverlay& overlay, const Scenario& scenario,
                                const Scope& scope) {
  InterpositionPlan out;
  for (const ScopeEdge& edge : scope.edges) {
    const EdgeFacts facts = facts_of(scenario, scope, edge);
    if (!is_http_like(facts.capability.kind) || !selects(overlay.select, facts)) continue;
    out.interpositions.push_back(on_edge(overlay, edge.id, facts.capability));
  }
  return out;
}

} // namespace sluice::overlay
