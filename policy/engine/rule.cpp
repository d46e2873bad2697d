#include "policy/engine/rule.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

using model::Protocol;

// What a matcher can say of a call. A CONNECT is judged before the exchanges inside it exist: an
// allow rule about methods or paths may match one of them, so it keeps the tunnel possible, and a
// refusing rule waits for the exchange it is about.
bool waits_for_exchange(const Rule& rule, const model::EgressCall& call) {
  return call.protocol == Protocol::connect && rule.effect == model::Verdict::allow;
}

bool method_matches(const Rule& rule, const model::EgressCall& call) {
  const auto& methods = rule.match.methods;
  if (methods.empty()) return true;
  if (std::find(methods.begin(), methods.end(), call.method) != methods.end()) return true;
  return waits_for_exchange(rule, call);
}

bool covers(const std::vector<PathPattern>& paths, const std::string& reading) {
  return std::any_of(paths.begin(), paths.end(),
                     [&](const PathPattern& path) { return path.matches(reading); });
}

bool path_matches(const Rule& rule, const model::EgressCall& call) {
  const auto& paths = rule.match.paths;
  if (paths.empty()) return true;
  const bool has_path = call.protocol == Protocol::http || call.protocol == Protocol::websocket;
  if (!has_path) return waits_for_exchange(rule, call);
  const auto covered = [&](const std::string& reading) { return covers(paths, reading); };
  // Allowed is what is allowed however the server reads it; refused, what is refused in one
  // reading.
  const auto& others = call.other_paths;
  return rule.effect == model::Verdict::allow
             ? covered(call.path) && std::all_of(others.begin(), others.end(), covered)
             : covered(call.path) || std::any_of(others.begin(), others.end(), covered);
}

bool port_matches(const Match& match, std::uint16_t port) {
  return match.ports.empty() ||
         std::any_of(match.ports.begin(), match.ports.end(),
                     [&](const PortRange& r) { return r.first <= port && port <= r.last; });
}

bool scheme_matches(const Match& match, model::Scheme scheme) {
  return match.schemes.empty() ||
         std::find(match.schemes.begin(), match.schemes.end(), scheme) != match.schemes.end();
}

bool host_matches(const Match& match, const model::Host& host) {
  return std::any_of(match.hosts.begin(), match.hosts.end(),
                     [&](const HostPattern& pattern) { return pattern.matches(host); });
}

enum class Miss { none, host, port, scheme, method, path };

Miss miss(const Rule& rule, const model::EgressCall& call) {
  if (!host_matches(rule.match, call.to.host)) return Miss::host;
  if (!port_matches(rule.match, call.to.port)) return Miss::port;
  if (!scheme_matches(rule.match, call.to.scheme)) return Miss::scheme;
  if (!method_matches(rule, call)) return Miss::method;
  if (!path_matches(rule, call)) return Miss::path;
  return Miss::none;
}

// Requires: Miss::path.
const std::string& not_covered(const Rule& rule, const model::EgressCall& call) {
  const auto& others = call.other_paths;
  if (!covers(rule.match.paths, call.path)) return call.path;
  return *std::find_if_not(others.begin(), others.end(), [&](const std::string& reading) {
    return covers(rule.match.paths, reading);
  });
}

} // namespace

bool matches(const Rule& rule, const model::EgressCall& call) noexcept {
  return miss(rule, call) == Miss::none;
}

bool matches_host(const Rule& rule, const model::Host& host) noexcept {
  return host_matches(rule.match, host);
}

bool asks_only_for_hosts(const Rule& rule) noexcept {
  const Match& match = rule.match;
  const bool every_port = match.ports.empty() || std::any_of(match.ports.begin(), match.ports.end(),
                                                             [](const PortRange& r) {
                                                               return r == PortRange{1, 65535};
                                                             });
  return every_port && match.methods.empty() && match.paths.empty() && match.schemes.empty();
}

std::string why_not(const Rule& rule, const model::EgressCall& call) {
  switch (miss(rule, call)) {
  case Miss::none: return "";
  case Miss::host: return "host " + call.to.host.text() + " is not in hosts";
  case Miss::port: return "port " + std::to_string(call.to.port) + " is not in ports";
  case Miss::scheme:
    return "scheme " + std::string(model::to_string(call.to.scheme)) + " is not in schemes";
  case Miss::method:
    return call.method.empty() ? "the call has no method"
                               : "method " + call.method + " is not in methods";
  case Miss::path:
    return call.path.empty() ? "the call has no path"
                             : "path " + not_covered(rule, call) + " is not in paths";
  }
  return "it does not match";
}

} // namespace sluice::engine
