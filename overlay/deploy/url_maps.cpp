#include "overlay/deploy/url_maps.hpp"

#include "policy/base/bytes.hpp"

#include <map>
#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

bool speaks_a2a(const Capability& capability, bool http) {
  return http && capability.kind == Kind::a2a;
}

std::string local_url(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

// Built-in interposers speak for nobody: who answers behind them.
InletRef answering(const Deployment& of, InletRef at) {
  for (;;) {
    const Unit& unit = of.units[at.unit];
    if (!unit.builtin || !unit.outlets.front().to) return at;
    at = *unit.outlets.front().to;
  }
}

// Both directions of one unit: its own addresses, and what they are called between sidecars.
class UnitUrls {
 public:
  UnitUrls(const Scenario& scenario, const Deployment& of, UnitId id)
      : scenario_(scenario), of_(of), unit_(of.units[id]) {}

  std::string route(const InletRef& to) const {
    const InletRef at = answering(of_, to);
    return route_url(route_id(scenario_, of_.units[at.unit].inlets[at.inlet]));
  }
  std::string route(const Inlet& of) const { return route_url(route_id(scenario_, of)); }

  // What the program's address of a provide, or of a slot, is to others. `before`: the listener is
  // of this provide; `through`: of this slot.
  void add_up(std::vector<UrlMap>& out, const Inlet* before, const Outlet* through) const {
    std::map<std::string, std::string> names;
    std::set<std::string> unclear; // two names for one address: nobody knows which
    const auto name = [&](const std::string& url, const std::string& as) {
      const auto [known, added] = names.emplace(url, as);
      if (!added && known->second != as) unclear.insert(url);
    };
    for (const Inlet& one : unit_.inlets) {
      if (!speaks_a2a(one.capability, one.http)) continue;
      const bool stands = through != nullptr && through->passes_on == one.from.name && through->to;
      name(local_url(one.program_port), stands ? route(*through->to) : route(one));
    }
    for (const Outlet& one : unit_.outlets) {
      if (!speaks_a2a(one.capability, one.http) || !one.to) continue;
      const bool stands = before != nullptr && one.passes_on == before->from.name;
      name(local_url(one.port), stands ? route(*before) : route(*one.to));
    }
    // To who called it as this provide, it is this provide.
    if (before != nullptr) {
      const auto own = local_url(before->program_port);
      names[own] = route(*before);
      unclear.erase(own);
    }
    for (const auto& [url, as] : names) {
      if (unclear.count(url) == 0) out.push_back({url, as});
    }
  }

  void add_down(std::vector<UrlMap>& out, const Outlet* over) const {
    std::map<std::string, std::string> urls; // a provide of ours before a slot that leads to it
    if (over != nullptr) urls.emplace(route(*over->to), local_url(over->port));
    for (const Inlet& one : unit_.inlets) {
      if (speaks_a2a(one.capability, one.http))
        urls.emplace(route(one), local_url(one.program_port));
    }
    for (const Outlet& one : unit_.outlets) {
      if (speaks_a2a(one.capability, one.http) && one.to)
        urls.emplace(route(*one.to), local_url(one.port));
    }
    for (const auto& [from, to] : urls) out.push_back({from, to});
  }

 private:
  const Scenario& scenario_;
  const Deployment& of_;
  const Unit& unit_;
};

} // namespace

std::string route_id(const Scenario& scenario, const Inlet& inlet) {
  return "component:" + scenario.at(inlet.from.component).moniker + ':' + inlet.from.name +
         (inlet.http ? ":http" : ":tcp");
}

// RFC 4648 §5, without padding.
std::string route_url(const std::string& route_id) {
  std::string text = to_base64(route_id);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return "amber://route/" + text;
}

UrlMaps inlet_urls(const Scenario& scenario, const Deployment& of, UnitId unit, std::size_t inlet) {
  UrlMaps out;
  const Unit& here = of.units[unit];
  const Inlet& at = here.inlets[inlet];
  if (here.builtin || !speaks_a2a(at.capability, at.http)) return out;
  const UnitUrls urls(scenario, of, unit);
  urls.add_down(out.request, nullptr);
  urls.add_up(out.response, &at, nullptr);
  return out;
}

UrlMaps outlet_urls(const Scenario& scenario, const Deployment& of, UnitId unit,
                    std::size_t outlet) {
  UrlMaps out;
  const Unit& here = of.units[unit];
  const Outlet& at = here.outlets[outlet];
  if (here.builtin || !speaks_a2a(at.capability, at.http) || !at.to) return out;
  const UnitUrls urls(scenario, of, unit);
  urls.add_up(out.request, nullptr, &at);
  urls.add_down(out.response, &at);
  return out;
}

UrlMaps export_urls(const Scenario& scenario, const Deployment& of, UnitId unit,
                    const Export& offered, const std::string& shown) {
  UrlMaps out;
  const Unit& here = of.units[unit];
  if (!speaks_a2a(offered.capability, offered.http)) return out;
  if (here.builtin) {
    if (!here.outlets.front().to) return out;
    const auto route = UnitUrls(scenario, of, unit).route(*here.outlets.front().to);
    out.request.push_back({shown, route});
    out.response.push_back({route, shown});
    return out;
  }
  if (offered.program_port == 0) return out;
  out.request.push_back({shown, local_url(offered.program_port)});
  out.response.push_back({local_url(offered.program_port), shown});
  for (const Outlet& one : here.outlets) {
    if (one.passes_on == offered.provide) out.response.push_back({local_url(one.port), shown});
  }
  return out;
}

} // namespace sluice::overlay
