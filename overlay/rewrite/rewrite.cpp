#include "overlay/rewrite/rewrite.hpp"

#include "overlay/rewrite/identity.hpp"

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

// How far from the provider an interposer stands; less is nearer. What is equal in all of it stays
// in the order of application.
struct ChainOrder {
  enum class Side : std::uint8_t { source, common, target };
  Side side = Side::source;
  std::ptrdiff_t depth = 0; // of the scope; negative where the deepest comes first
  std::size_t overlay = 0;
  std::string scope; // moniker
  auto operator<=>(const ChainOrder&) const = default;
};

ChainOrder order_of(const Scenario& scenario, const Application& by, EdgeSide side) {
  const std::string& scope = scenario.at(by.scope).moniker;
  const auto depth = static_cast<std::ptrdiff_t>(moniker_depth(scope));
  switch (side) {
  case EdgeSide::export_: return {ChainOrder::Side::source, -depth, by.overlay, scope};
  case EdgeSide::binding: return {ChainOrder::Side::common, -depth, by.overlay, scope};
  case EdgeSide::import: return {ChainOrder::Side::target, depth, by.overlay, scope};
  }
  return {};
}

struct Link { // of a chain
  ChainOrder order;
  ComponentId interposer = 0;
  std::string slot, provide;
};

using Links = std::map<EdgeKey, std::vector<Link>>;

// Builds the components, and notes where each is attached.
class Interposers {
 public:
  Interposers(const Scenario& before, Scenario& after) : before_(before), after_(after) {
    for (const Component& one : before.components) taken_.insert(one.moniker);
  }

  void add(const Application& by, std::size_t application) {
    const Scope scope = scope_of(before_, by.scope);
    for (std::size_t i = 0; i < by.plan.interpositions.size(); ++i) {
      const Interposition& one = by.plan.interpositions[i];
      const ComponentId id = add_component(by, application, i);
      for (const Attachment& attached : one.attachments) {
        const ScopeEdge* edge = scope.find(attached.target);
        if (edge == nullptr) continue; // no plan that was validated
        links_[edge->key].push_back(
            {order_of(before_, by, edge->side), id, attached.slot, attached.provide});
      }
    }
  }

  Links take_links() {
    for (auto& [key, links] : links_) {
      std::stable_sort(links.begin(), links.end(),
                       [](const Link& a, const Link& b) { return a.order < b.order; });
    }
    return std::move(links_);
  }

 private:
  ComponentId add_component(const Application& by, std::size_t application, std::size_t index) {
    const Interposition& one = by.plan.interpositions[index];
    const Component& scope = before_.at(by.scope);
    Component out;
    out.id = after_.components.size();
    out.parent = by.scope;
    out.moniker = free_moniker(child_moniker(
        scope.moniker, "__overlay_" + std::to_string(application) + '_' + std::to_string(index)));
    out.config = one.interposer.config;
    if (one.interposer.config_schema) {
      std::vector<SchemaFault> none;
      out.config_schema = ConfigSchema::parse(*one.interposer.config_schema, none);
    }
    out.program = one.interposer.program;
    out.slots = one.interposer.slots;
    out.provides = one.interposer.provides;
    out.resources = one.interposer.resources;
    out.metadata = one.interposer.metadata;
    out.folder = scope.folder;
    out.digest = interposer_digest(by.overlay_digest, by.request_digest, one.written);
    out.provenance = provenance_of(by, index);
    after_.components[by.scope].children.push_back(out.id);
    after_.components.push_back(std::move(out));
    return after_.components.back().id;
  }

  Provenance provenance_of(const Application& by, std::size_t index) {
    Provenance out;
    out.scope = by.scope;
    out.use = by.use;
    out.export_name = by.export_name;
    out.overlay = by.overlay;
    out.index = index;
    out.overlay_digest = by.overlay_digest;
    out.request_digest = by.request_digest;
    out.plan_digest = plan_digest(by.plan);
    out.alias = free_name(aliases_, interposer_alias(before_.at(by.scope).moniker, by.use,
                                                     by.plan.interpositions[index].written));
    return out;
  }

  std::string free_moniker(const std::string& wanted) { return free_name(taken_, wanted); }

  // Itself, or with the first of _1, _2, … that nobody has.
  static std::string free_name(std::set<std::string>& taken, const std::string& wanted) {
    std::string out = wanted;
    for (std::size_t i = 1; !taken.insert(out).second; ++i) out = wanted + '_' + std::to_string(i);
    return out;
  }

  const Scenario& before_;
  Scenario& after_;
  std::set<std::string> taken_, aliases_;
  Links links_;
};

// The hops of a chain, without the last one to the consumer; the source of that is returned.
Source append_hops(std::vector<Edge>& out, Source from, const Capability& capability, bool weak,
                   const std::vector<Link>& chain) {
  for (const Link& link : chain) {
    out.push_back({std::move(from), {link.interposer, link.slot}, capability, weak});
    from = {Source::Kind::component, link.interposer, link.provide};
  }
  return from;
}

void rewire(const Scenario& before, const Links& links, Scenario& after) {
  after.edges.clear();
  const auto chain_of = [&links](EdgeKey key) -> const std::vector<Link>& {
    static const std::vector<Link> none;
    const auto found = links.find(key);
    return found == links.end() ? none : found->second;
  };
  // In place of the edge: a slot that takes several keeps their order.
  for (std::size_t i = 0; i < before.edges.size(); ++i) {
    const Edge& edge = before.edges[i];
    Source last = append_hops(after.edges, edge.from, edge.capability, edge.weak,
                              chain_of({EdgeKey::Of::edges, i}));
    after.edges.push_back({std::move(last), edge.to, edge.capability, edge.weak});
  }
  for (std::size_t i = 0; i < before.exports.size(); ++i) {
    const ScenarioExport& one = before.exports[i];
    after.exports[i].from = append_hops(after.edges, one.from, one.capability, false,
                                        chain_of({EdgeKey::Of::exports, i}));
  }
}

void sort_children(Scenario& scenario) {
  for (Component& one : scenario.components) {
    std::sort(one.children.begin(), one.children.end(), [&scenario](ComponentId a, ComponentId b) {
      return scenario.components[a].moniker < scenario.components[b].moniker;
    });
  }
}

// The edges of the scenario as it was that an interposer is attached to: "x, y".
std::string attached_to(const Scenario& before, const Links& links, ComponentId interposer) {
  std::string out;
  for (const auto& [key, chain] : links) {
    const bool here = std::any_of(chain.begin(), chain.end(), [interposer](const Link& link) {
      return link.interposer == interposer;
    });
    if (here) out += (out.empty() ? "" : ", ") + to_string(before, key);
  }
  return out;
}

// One program attached to x -> y and to y -> z waits for y, which waits for it.
std::vector<RewriteFault> cycle_faults(const Scenario& before, const Links& links,
                                       const Scenario& after) {
  std::vector<RewriteFault> out;
  for (const std::size_t edge : strong_cycle(after)) {
    const ComponentId id = after.edges[edge].from.component;
    const auto& provenance = after.at(id).provenance;
    if (!provenance) continue;
    out.push_back({after.at(id).moniker + " (of " + before.at(provenance->scope).moniker +
                   "'s overlay #" + provenance->use + '.' + provenance->export_name +
                   ") is attached to edges in series, so that it would wait for itself: " +
                   attached_to(before, links, id)});
  }
  return out;
}

} // namespace

RewriteResult rewrite(const Scenario& scenario, std::span<const Application> applications) {
  RewriteResult out;
  Scenario& after = out.rewritten.scenario;
  after = scenario;
  const bool nothing = std::all_of(applications.begin(), applications.end(),
                                   [](const auto& one) { return one.plan.interpositions.empty(); });
  if (nothing) return out;
  Interposers interposers(scenario, after);
  for (std::size_t i = 0; i < applications.size(); ++i) interposers.add(applications[i], i);
  const Links links = interposers.take_links();
  rewire(scenario, links, after);
  sort_children(after);
  for (const auto& [key, chain] : links) {
    Chain told{key, {}};
    for (const Link& link : chain) told.interposers.push_back(link.interposer);
    out.rewritten.chains.push_back(std::move(told));
  }
  out.faults = cycle_faults(scenario, links, after);
  return out;
}

} // namespace sluice::overlay
