#include "overlay/deploy/sidecar_files.hpp"

#include "overlay/deploy/sidecar_policy.hpp"
#include "overlay/deploy/url_maps.hpp"
#include "policy/model/destination.hpp"

#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::string_view kCapturePort = "15006", kProxyPort = "15001", kDnsPort = "15053";

std::string at(const std::string& host, std::uint16_t port) {
  return host + ':' + std::to_string(port);
}

Json list_of(const std::vector<UrlMap>& maps) {
  Json out = Json::array();
  for (const UrlMap& one : maps) out.push_back({{"from", one.from}, {"to", one.to}});
  return out;
}

// What one sidecar is told, put together edge by edge.
class Builder {
 public:
  Builder(const Scenario& scenario, const Deployment& deployment, const Layout& layout,
          const Sidecars& names, UnitId id, std::vector<DeployFault>& faults)
      : scenario_(scenario), deployment_(deployment), layout_(layout), names_(names), id_(id),
        unit_(deployment.units[id]), faults_(faults) {}

  Json listeners() {
    for (std::size_t i = 0; i < unit_.inlets.size(); ++i) inlet(i);
    if (!unit_.builtin) {
      for (std::size_t i = 0; i < unit_.outlets.size(); ++i) outlet(i);
    }
    for (const Export& one : unit_.exports) offer(one);
    if (layout_.captures && !unit_.builtin) capture();
    return std::move(listeners_);
  }
  std::vector<AllowedCall> take_allowed() { return std::move(allowed_); }

 private:
  Json listener(const std::string& name, bool http, const std::string& bind) {
    return {{"name", name}, {"kind", http ? "reverse" : "tcp"}, {"bind", bind}};
  }

  void put_urls(Json& listener, const UrlMaps& urls) const {
    if (urls.request.empty() && urls.response.empty()) return;
    listener["urls"] = {{"request", list_of(urls.request)},
                        {"response", list_of(urls.response)},
                        {"cards", "sign"},
                        {"card_key", layout_.identity(id_) + ".key"}};
  }

  // Of a built-in unit everything that comes in goes where its one slot leads to.
  void lead_to_program(Json& listener, const std::string& rule, bool http, std::uint16_t port) {
    if (unit_.builtin) return lead_over(listener, rule, unit_.outlets.front());
    listener["upstream"] = (http ? "http://" : "") + at(layout_.program_host, port);
    allowed_.push_back({rule, layout_.program_host, port, http});
  }

  void lead_over(Json& listener, const std::string& rule, const Outlet& outlet) {
    if (!outlet.to) return lead_outside(listener, rule, outlet);
    const auto host = layout_.host(outlet.to->unit);
    const auto port = layout_.mesh_port(*outlet.to);
    listener["upstream"] = (outlet.http ? "https://" : "") + at(host, port);
    listener["upstream_peer"] = names_.identity(outlet.to->unit);
    allowed_.push_back({rule, host, port, outlet.http});
  }

  // Who runs the scenario says where that is. When nobody did, no rule allows it.
  void lead_outside(Json& listener, const std::string& rule, const Outlet& outlet) {
    const auto url = layout_.external_url(outlet.external);
    if (url.empty()) {
      listener["upstream"] = "https://unset.invalid:443";
      return;
    }
    const auto target = model::parse_target(url);
    if (!target || !target.value().absolute || target.value().path != "/") {
      faults_.push_back({scenario_.at(unit_.stands.front()).moniker,
                         "the URL for the scenario's slot " + outlet.external + " cannot be used",
                         "write http://host:port or https://host:port"});
      return;
    }
    const auto& to = *target.value().absolute;
    listener["upstream"] = std::string(model::to_string(to.scheme)) + "://" + to.host_port();
    allowed_.push_back({rule, to.host.text(), to.port, true});
  }

  void inlet(std::size_t index) {
    const Inlet& one = unit_.inlets[index];
    Json made =
        listener(one.name, one.http, at(layout_.mesh_address, layout_.mesh_port({id_, index})));
    lead_to_program(made, one.name, one.http, one.program_port);
    made["peers"] = Json::array();
    for (const UnitId caller : one.callers) made["peers"].push_back(names_.identity(caller));
    put_urls(made, inlet_urls(scenario_, deployment_, id_, index));
    if (!one.callers.empty()) listeners_.push_back(std::move(made));
  }

  void outlet(std::size_t index) {
    const Outlet& one = unit_.outlets[index];
    Json made = listener(one.name, one.http, at("127.0.0.1", one.port));
    lead_over(made, one.name, one);
    put_urls(made, outlet_urls(scenario_, deployment_, id_, index));
    listeners_.push_back(std::move(made));
  }

  void offer(const Export& one) {
    const std::string name = "export-" + one.name;
    Json made = listener(name, one.http, at(layout_.export_address, layout_.export_port(one)));
    made["outside"] = true;
    lead_to_program(made, name, one.http, one.program_port);
    put_urls(made, export_urls(scenario_, deployment_, id_, one, layout_.export_url(one)));
    listeners_.push_back(std::move(made));
  }

  void capture() {
    const auto here = [](std::string_view port) { return "127.0.0.1:" + std::string(port); };
    listeners_.push_back(
        {{"name", "captured"}, {"kind", "transparent"}, {"bind", here(kCapturePort)}});
    listeners_.push_back({{"name", "egress"}, {"kind", "forward"}, {"bind", here(kProxyPort)}});
    listeners_.push_back({{"name", "names"}, {"kind", "dns"}, {"bind", here(kDnsPort)}});
  }

  const Scenario& scenario_;
  const Deployment& deployment_;
  const Layout& layout_;
  const Sidecars& names_;
  UnitId id_;
  const Unit& unit_;
  std::vector<DeployFault>& faults_;
  Json listeners_ = Json::array();
  std::vector<AllowedCall> allowed_;
};

Json secrets_of(const std::vector<BuiltinTask>& tasks) {
  Json out = Json::array();
  for (const BuiltinTask& task : tasks) {
    for (const std::string& file : task.term_files) {
      out.push_back({{"id", "term-" + std::to_string(out.size() + 1)},
                     {"allow_short", true},
                     {"value", {{"file", file}}}});
    }
  }
  return out;
}

} // namespace

Sidecars::Sidecars(const Scenario& scenario, const Deployment& deployment,
                   std::map<ComponentId, std::vector<BuiltinTask>> tasks, Layout layout)
    : scenario_(scenario), deployment_(deployment), tasks_(std::move(tasks)),
      layout_(std::move(layout)), domain_(trust_domain_of(scenario)) {}

std::string Sidecars::identity(UnitId unit) const {
  return identity_of(scenario_, deployment_.units[unit], domain_);
}

SidecarFiles Sidecars::files_of(UnitId id, std::vector<DeployFault>& faults) const {
  const Unit& unit = deployment_.units[id];
  std::vector<BuiltinTask> tasks;
  for (const ComponentId one : unit.stands) {
    const auto found = tasks_.find(one);
    if (found != tasks_.end())
      tasks.insert(tasks.end(), found->second.begin(), found->second.end());
  }
  Builder builder(scenario_, deployment_, layout_, *this, id, faults);
  SidecarFiles out;
  Json& config = out.config;
  config = {{"version", 1}, {"mode", "enforce"}, {"workers", 1}, {"policy", "policy.yaml"}};
  config["agent"] = {{"id", scenario_.at(unit.stands.front()).moniker}, {"session", domain_}};
  config["listeners"] = builder.listeners();
  const std::string identity = layout_.identity(id);
  config["identity"] = {
      {"certificate", identity + ".pem"}, {"key", identity + ".key"}, {"roots", layout_.roots}};
  if (!unit.builtin) config["tls"] = {{"ca_dir", layout_.ca_dir(id)}};
  config["evidence"] = {{"dir", layout_.evidence_dir}};
  if (!layout_.resolve.empty()) config["resolve"] = layout_.resolve;
  if (const Json terms = secrets_of(tasks); !terms.empty()) config["secrets"] = terms;
  const auto allowed = builder.take_allowed();
  std::vector<ConfigFault> wrong;
  if (unit.builtin) {
    out.policy = builtin_policy(allowed.empty() ? AllowedCall{} : allowed.front(), tasks);
  } else {
    out.policy = program_policy(allowed, tasks, wrong);
  }
  for (ConfigFault& one : wrong) {
    faults.push_back(
        {scenario_.at(unit.stands.front()).moniker, std::move(one.message), std::move(one.hint)});
  }
  return out;
}

} // namespace sluice::overlay
