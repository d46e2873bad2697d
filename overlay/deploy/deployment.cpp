#include "overlay/deploy/deployment.hpp"

#include "overlay/rewrite/explain.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

bool is_builtin(const Component& one) {
  return one.program && one.program->form == Program::Form::builtin;
}

// What a name of services, folders and hosts may have.
std::string slug_of(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool plain = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9');
    if (plain) {
      out += low;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (out.ends_with('-')) out.pop_back();
  constexpr std::size_t kMost = 40; // of a label of a host name, with what comes around it
  if (out.size() > kMost) out.resize(kMost);
  return out;
}

std::string unit_name(const Component& one) {
  const auto slug = slug_of(one.moniker == "/" ? "root" : local_name(one.moniker));
  return "c" + std::to_string(one.id) + (slug.empty() ? "" : "-" + slug);
}

template <class T> void add_once(std::vector<T>& all, const T& one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

class Deployer {
 public:
  Deployer(const Scenario& scenario, const Endpoints& endpoints, std::vector<DeployFault>& faults)
      : scenario_(scenario), endpoints_(endpoints), faults_(faults),
        unit_of_(scenario.components.size()) {}

  std::optional<Deployment> run() {
    const auto before = faults_.size();
    check_builtins();
    if (faults_.size() != before) return std::nullopt;
    group_builtins();
    for (const Component& one : scenario_.components) make_unit(one);
    for (std::size_t i = 0; i < scenario_.edges.size(); ++i) connect(i);
    for (const ScenarioExport& one : scenario_.exports) offer(one);
    for (Unit& unit : made_.units) number_ports(unit);
    if (faults_.size() != before) return std::nullopt;
    return std::move(made_);
  }

 private:
  void fault(ComponentId where, std::string message, std::string hint = {}) {
    faults_.push_back({scenario_.at(where).moniker, std::move(message), std::move(hint)});
  }

  // ---- built-in interposers: which of them are one unit ----------------------------------------

  // An interposer of ours is a pipe: what comes in at its provide goes out at its slot.
  void check_builtins() {
    for (const Component& one : scenario_.components) {
      if (!is_builtin(one)) continue;
      const auto slots =
          std::count_if(scenario_.edges.begin(), scenario_.edges.end(),
                        [&](const Edge& edge) { return edge.to.component == one.id; });
      std::set<std::string> provides;
      for (const Edge& edge : scenario_.edges) {
        if (edge.from.kind == Source::Kind::component && edge.from.component == one.id)
          provides.insert(edge.from.name);
      }
      for (const ScenarioExport& exported : scenario_.exports) {
        if (exported.from.component == one.id) provides.insert(exported.from.name);
      }
      if (slots == 1 && provides.size() <= 1) {
        check_protocol(one);
        continue;
      }
      fault(one.id, "a built-in interposer is on one edge, and this one is on several",
            "let the overlay answer with one interposer for each edge");
    }
  }

  void check_protocol(const Component& builtin) {
    const Edge* edge = edge_into(builtin.id);
    if (edge == nullptr || edge->from.kind != Source::Kind::component) return;
    const Component& provider = scenario_.at(edge->from.component);
    const auto provide = provider.provides.find(edge->from.name);
    if (is_builtin(provider) || provide == provider.provides.end()) return;
    for (const ExpandedEndpoint& one : endpoints_.at(provider.id)) {
      if (one.name != provide->second.endpoint || one.protocol != Protocol::tcp) continue;
      fault(builtin.id,
            "a built-in interposer reads http, and " + provider.moniker + "'s endpoint " +
                one.name + " is tcp",
            "select other edges, or write protocol: \"http\"");
    }
  }

  const Edge* edge_into(ComponentId consumer) const {
    for (const Edge& edge : scenario_.edges) {
      if (edge.to.component == consumer) return &edge;
    }
    return nullptr;
  }

  // The interposer of ours to which a request goes next, when nobody else sends to that one.
  const Component* next_builtin(const Component& from) const {
    const Edge* edge = edge_into(from.id);
    if (edge == nullptr || edge->from.kind != Source::Kind::component) return nullptr;
    const Component& next = scenario_.at(edge->from.component);
    if (!is_builtin(next)) return nullptr;
    std::size_t senders = 0;
    for (const Edge& other : scenario_.edges) {
      senders += other.from.kind == Source::Kind::component && other.from.component == next.id;
    }
    for (const ScenarioExport& one : scenario_.exports) senders += one.from.component == next.id;
    return senders == 1 ? &next : nullptr;
  }

  // A sidecar decides first and redacts then. What a policy is to see redacted, and a second
  // policy, is for the next one; so is a limit, which is of the edge and not of a policy's rules.
  bool fits(const std::vector<ComponentId>& unit, const Component& next) const {
    const auto added = next.program->builtin;
    return std::none_of(unit.begin(), unit.end(), [&](ComponentId id) {
      const auto what = scenario_.at(id).program->builtin;
      return (added == Builtin::policy && what != Builtin::record) ||
             (added == Builtin::limit && what == Builtin::policy);
    });
  }

  // By the first that a request meets.
  void group_builtins() {
    std::set<ComponentId> followers;
    for (const Component& one : scenario_.components) {
      const Component* next = is_builtin(one) ? next_builtin(one) : nullptr;
      if (next != nullptr) followers.insert(next->id);
    }
    for (const Component& one : scenario_.components) {
      if (!is_builtin(one) || followers.count(one.id) > 0) continue;
      ComponentId head = one.id;
      for (const Component* at = &one; at != nullptr; at = next_builtin(*at)) {
        const bool begins = at == &one || !fits(groups_.at(head), *at);
        if (begins) head = at->id;
        groups_[head].push_back(at->id);
      }
    }
  }

  // ---- units and what is between them ----------------------------------------------------------

  void make_unit(const Component& one) {
    if (!one.program) return;
    Unit unit;
    unit.builtin = is_builtin(one);
    unit.stands = {one.id};
    if (unit.builtin) {
      const auto group = groups_.find(one.id);
      if (group == groups_.end()) return; // another takes it along
      unit.stands = group->second;
    }
    unit.name = unit_name(one);
    for (const ComponentId id : unit.stands) unit_of_[id] = made_.units.size();
    made_.units.push_back(std::move(unit));
  }

  struct Reached { // of a provide
    bool http = true;
    std::uint16_t port = 0;
  };

  std::optional<Reached> reached(const Source& from) {
    const Component& provider = scenario_.at(from.component);
    if (is_builtin(provider)) return Reached{};
    const auto provide = provider.provides.find(from.name);
    const auto name = provide == provider.provides.end() ? std::nullopt : provide->second.endpoint;
    for (const ExpandedEndpoint& one : endpoints_.at(from.component)) {
      if (!name || one.name != *name) continue;
      if (one.protocol != Protocol::https) return Reached{one.protocol == Protocol::http, one.port};
      fault(provider.id, "the endpoint " + one.name + " is https, which is not carried here",
            "let the program speak http: between components it goes over mutual TLS in any case");
      return std::nullopt;
    }
    fault(provider.id, "the provide " + from.name + " has no endpoint when the program runs",
          "its endpoint is left out by `when`");
    return std::nullopt;
  }

  std::optional<InletRef> inlet_for(const Source& from, const Capability& capability) {
    const UnitId unit = unit_of_[from.component].value();
    auto& inlets = made_.units[unit].inlets;
    const auto known = std::find_if(inlets.begin(), inlets.end(),
                                    [&](const Inlet& one) { return one.from == from; });
    if (known != inlets.end())
      return InletRef{unit, static_cast<std::size_t>(known - inlets.begin())};
    const auto how = reached(from);
    if (!how) return std::nullopt;
    Inlet inlet;
    inlet.name = "in-" + from.name;
    inlet.from = from;
    inlet.capability = capability;
    inlet.http = how->http;
    inlet.program_port = how->port;
    inlets.push_back(std::move(inlet));
    return InletRef{unit, inlets.size() - 1};
  }

  // The hops of a chain stand one behind the other.
  std::string passed_on(std::size_t index) const {
    const ComponentId id = scenario_.edges[index].to.component;
    if (!scenario_.at(id).provenance) return "";
    if (index + 1 < scenario_.edges.size()) {
      const Source& next = scenario_.edges[index + 1].from;
      if (next.kind == Source::Kind::component && next.component == id) return next.name;
    }
    for (const ScenarioExport& one : scenario_.exports) {
      if (one.from.kind == Source::Kind::component && one.from.component == id)
        return one.from.name;
    }
    return "";
  }

  void connect(std::size_t index) {
    const Edge& edge = scenario_.edges[index];
    const auto consumer = unit_of_[edge.to.component];
    const bool networked =
        edge.from.kind == Source::Kind::component || edge.from.kind == Source::Kind::external;
    if (!consumer || !networked) return;
    Outlet outlet;
    outlet.slot = edge.to.name;
    outlet.capability = edge.capability;
    outlet.passes_on = passed_on(index);
    if (edge.from.kind == Source::Kind::external) {
      outlet.external = edge.from.name;
    } else {
      const auto provider = unit_of_[edge.from.component];
      if (!provider || provider == consumer) return; // inside of a run of interposers
      outlet.to = inlet_for(edge.from, edge.capability);
      if (!outlet.to) return;
      outlet.http = made_.units[*provider].inlets[outlet.to->inlet].http;
      add_once(made_.units[*provider].inlets[outlet.to->inlet].callers, *consumer);
      if (!edge.weak) add_once(made_.units[*consumer].needs, *provider);
    }
    auto& outlets = made_.units[*consumer].outlets;
    const auto same = std::count_if(outlets.begin(), outlets.end(),
                                    [&](const Outlet& one) { return one.slot == edge.to.name; });
    outlet.name = "slot-" + edge.to.name + (same == 0 ? "" : "#" + std::to_string(same));
    outlets.push_back(std::move(outlet));
  }

  void offer(const ScenarioExport& one) {
    if (one.from.kind != Source::Kind::component) return;
    const auto unit = unit_of_[one.from.component];
    if (!unit) return;
    const auto how = reached(one.from);
    if (!how) return;
    made_.units[*unit].exports.push_back(
        {one.name, one.from.name, one.capability, how->http, how->port});
  }

  void number_ports(Unit& unit) const {
    std::set<std::uint16_t> taken;
    for (const ComponentId id : unit.stands) {
      for (const ExpandedEndpoint& one : endpoints_.at(id)) taken.insert(one.port);
    }
    const auto next_free = [&taken](std::uint16_t& port) {
      while (taken.count(port) > 0) ++port;
      return port++;
    };
    std::uint16_t slot = kFirstSlotPort, mesh = kFirstMeshPort;
    if (!unit.builtin) {
      for (Outlet& one : unit.outlets) one.port = next_free(slot);
    }
    for (Inlet& one : unit.inlets) one.mesh_port = next_free(mesh);
  }

  const Scenario& scenario_;
  const Endpoints& endpoints_;
  std::vector<DeployFault>& faults_;
  std::vector<std::optional<UnitId>> unit_of_; // by component
  std::map<ComponentId, std::vector<ComponentId>> groups_;
  Deployment made_;
};

void visit(const Deployment& of, UnitId unit, std::vector<bool>& seen, std::vector<UnitId>& out) {
  if (seen[unit]) return;
  seen[unit] = true;
  for (const UnitId needed : of.units[unit].needs) visit(of, needed, seen, out);
  out.push_back(unit);
}

} // namespace

std::optional<Deployment> deploy(const Scenario& rewritten, const Endpoints& endpoints,
                                 std::vector<DeployFault>& faults) {
  return Deployer(rewritten, endpoints, faults).run();
}

std::vector<std::string> slot_urls(const Unit& unit, const std::string& slot) {
  std::vector<std::string> out;
  for (const Outlet& one : unit.outlets) {
    if (one.slot != slot) continue;
    out.push_back((one.http ? "http" : "tcp") + std::string("://127.0.0.1:") +
                  std::to_string(one.port));
  }
  return out;
}

// No deeper than there are components: their strong edges have no cycle.
std::vector<UnitId> starting_order(const Deployment& deployment) {
  std::vector<bool> seen(deployment.units.size());
  std::vector<UnitId> out;
  for (UnitId unit = 0; unit < deployment.units.size(); ++unit) visit(deployment, unit, seen, out);
  return out;
}

// SPIFFE-ID, §2.2: letters, digits, '.', '-' and '_' between slashes, and no segment of dots alone.
std::string identity_of(const Scenario& scenario, const Unit& unit, const std::string& domain) {
  const std::string& moniker = scenario.at(unit.stands.front()).moniker;
  const bool usable = std::all_of(moniker.begin(), moniker.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '/';
  });
  const std::string name = moniker == "/" ? "" : usable ? moniker : "/" + unit.name;
  return "spiffe://" + domain + (usable ? "/component" : "/unit") + name;
}

std::string trust_domain_of(const Scenario& scenario) {
  constexpr std::size_t kDigits = 16;
  const auto digest = to_hex(sha256(canonical_json(scenario_json(scenario))));
  return "scenario-" + digest.substr(0, kDigits);
}

} // namespace sluice::overlay
