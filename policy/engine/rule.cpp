#include "policy/engine/rule.hpp"

#include "policy/engine/value_match.hpp"

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

bool has_head(const model::EgressCall& call) {
  return call.protocol == Protocol::http || call.protocol == Protocol::websocket;
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
  if (!has_head(call)) return waits_for_exchange(rule, call);
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

bool one_fits(const std::vector<TextPattern>& patterns, std::string_view value) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const TextPattern& pattern) { return pattern.matches(value); });
}

bool allows(const Rule& rule) {
  return rule.effect == model::Verdict::allow;
}

bool header_fits(const Rule& rule, const NamedMatch& wanted, const model::EgressCall& call) {
  const auto values = values_of_field(call, wanted.name);
  const auto fits = [&](std::string_view value) { return one_fits(wanted.values, value); };
  if (allows(rule)) return !values.empty() && std::all_of(values.begin(), values.end(), fits);
  return std::any_of(values.begin(), values.end(), [&](std::string_view value) {
    const auto elements = model::elements_of(value);
    return fits(value) || std::any_of(elements.begin(), elements.end(), fits);
  });
}

bool parameter_fits(const Rule& rule, const NamedMatch& wanted, const model::EgressCall& call) {
  const auto exact = values_of_parameter(call, wanted.name, model::Reading::exactly);
  const auto loose = values_of_parameter(call, wanted.name, model::Reading::perhaps);
  const auto fits = [&](const std::string& value) { return one_fits(wanted.values, value); };
  if (allows(rule)) {
    return !exact.empty() && std::all_of(exact.begin(), exact.end(), fits) &&
           std::all_of(loose.begin(), loose.end(), fits);
  }
  return std::any_of(exact.begin(), exact.end(), fits) ||
         std::any_of(loose.begin(), loose.end(), fits);
}

bool content_type_fits(const Rule& rule, const model::EgressCall& call) {
  const auto& wanted = rule.match.content_types;
  if (wanted.empty()) return true;
  if (allows(rule)) {
    const auto type = media_type(call);
    return !type.empty() && one_fits(wanted, type);
  }
  const auto types = media_types(call);
  return std::any_of(types.begin(), types.end(),
                     [&](const std::string& type) { return one_fits(wanted, type); });
}

const NamedMatch* missed_header(const Rule& rule, const model::EgressCall& call) {
  for (const NamedMatch& one : rule.match.headers) {
    if (!header_fits(rule, one, call)) return &one;
  }
  return nullptr;
}

const NamedMatch* missed_parameter(const Rule& rule, const model::EgressCall& call) {
  for (const NamedMatch& one : rule.match.query) {
    if (!parameter_fits(rule, one, call)) return &one;
  }
  return nullptr;
}

// A section of operations asks about what nobody could read as if it could be anything.
const model::Operation& seen_by(const Rule& rule, const Subject& subject) {
  const auto& content = subject.call.content;
  const bool longer = content && content->bytes > rule.inspect.value_or(subject.inspect);
  return longer ? model::unread_operation(subject.operation->kind) : *subject.operation;
}

bool operation_fits(const Rule& rule, const Subject& subject) {
  const Match& match = rule.match;
  if (!match.asks_for_operation()) return true;
  const auto& seen = seen_by(rule, subject);
  if (!seen.read) return !allows(rule);
  if (!match.operation_methods.empty() && !one_fits(match.operation_methods, seen.method))
    return false;
  const auto fits = [&](const std::string& name) { return one_fits(match.names, name); };
  const auto& names = seen.names;
  const bool named = allows(rule) ? !names.empty() && std::all_of(names.begin(), names.end(), fits)
                                  : std::any_of(names.begin(), names.end(), fits);
  if (!match.names.empty() && !named) return false;
  if (match.streaming && *match.streaming != seen.streaming) return false;
  if (match.values.empty()) return true;
  return seen.arguments != nullptr && values_fit(match.values, *seen.arguments, allows(rule));
}

bool body_fits(const Rule& rule, const Subject& subject) {
  const Match& match = rule.match;
  if (match.values.empty()) return true;
  using State = model::Content::State;
  const auto state = content_state(subject.call);
  if (state == State::head_only) return allows(rule); // it may turn out to
  if (state == State::unread || state == State::names_only) return !allows(rule);
  if (state != State::json) return false;
  const auto& content = *subject.call.content;
  if (content.bytes > rule.inspect.value_or(subject.inspect)) return !allows(rule);
  return values_fit(match.values, content.tree, allows(rule));
}

// What nobody knows satisfies no allow that asks for it, and every refusal.
bool name_fits(const Rule& rule, const std::vector<TextPattern>& wanted, std::string_view name) {
  if (wanted.empty()) return true;
  return name.empty() ? !allows(rule) : one_fits(wanted, name);
}

bool agent_fits(const Rule& rule, const model::Given& given) {
  return name_fits(rule, rule.match.agents, agent_of(given));
}

bool session_fits(const Rule& rule, const model::Given& given) {
  return name_fits(rule, rule.match.sessions, session_of(given));
}

bool time_fits(const Rule& rule, const model::Given& given) {
  const auto& windows = rule.match.time;
  if (windows.empty()) return true;
  if (!given.unix_seconds) return !allows(rule);
  return std::any_of(windows.begin(), windows.end(), [&](const TimeWindow& window) {
    return window.contains(*given.unix_seconds);
  });
}

// Before the first bytes of a tunnel there is no server name yet: an allow keeps it possible, a
// refusal waits. Without TLS there is none to come.
bool server_name_fits(const Rule& rule, const model::EgressCall& call) {
  const auto& wanted = rule.match.server_names;
  if (wanted.empty()) return true;
  const auto name = model::Host::parse(model::server_name(call));
  if (name) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const HostPattern& pattern) { return pattern.matches(name.value()); });
  }
  if (call.before_hello) return allows(rule);
  const bool has_tls = call.protocol == Protocol::connect || call.to.scheme == model::Scheme::https;
  return has_tls && !allows(rule);
}

std::optional<model::AddressClass> class_of(const Subject& subject) {
  if (subject.address != nullptr) return subject.address->classify();
  const auto& host = subject.call.to.host;
  if (host.is_address()) return host.address().classify();
  return std::nullopt;
}

// Before a name is resolved an allow keeps the call possible, and a refusal waits.
bool class_fits(const Rule& rule, const Subject& subject) {
  const auto& wanted = rule.match.address_classes;
  if (wanted.empty()) return true;
  const auto klass = class_of(subject);
  return klass ? std::find(wanted.begin(), wanted.end(), *klass) != wanted.end() : allows(rule);
}

enum class Miss {
  none,
  host,
  agent,
  session,
  time,
  address_class,
  server_name,
  port,
  scheme,
  method,
  path,
  header,
  query,
  content_type,
  body,
  operation
};

Miss miss_inside(const Rule& rule, const Subject& subject) {
  const auto& call = subject.call;
  if (!rule.match.looks_inside()) return Miss::none;
  if (!has_head(call)) return waits_for_exchange(rule, call) ? Miss::none : Miss::header;
  if (missed_header(rule, call) != nullptr) return Miss::header;
  if (missed_parameter(rule, call) != nullptr) return Miss::query;
  if (!content_type_fits(rule, call)) return Miss::content_type;
  return body_fits(rule, subject) ? Miss::none : Miss::body;
}

Miss miss_given(const Rule& rule, const model::Given& given) {
  if (!agent_fits(rule, given)) return Miss::agent;
  if (!session_fits(rule, given)) return Miss::session;
  return time_fits(rule, given) ? Miss::none : Miss::time;
}

Miss miss(const Rule& rule, const Subject& subject) {
  const auto& call = subject.call;
  if (!host_matches(rule.match, call.to.host)) return Miss::host;
  if (const Miss missed = miss_given(rule, call.given); missed != Miss::none) return missed;
  if (subject.operation != nullptr)
    return operation_fits(rule, subject) ? Miss::none : Miss::operation;
  if (!port_matches(rule.match, call.to.port)) return Miss::port;
  if (!scheme_matches(rule.match, call.to.scheme)) return Miss::scheme;
  if (!class_fits(rule, subject)) return Miss::address_class;
  if (!server_name_fits(rule, call)) return Miss::server_name;
  if (!method_matches(rule, call)) return Miss::method;
  if (!path_matches(rule, call)) return Miss::path;
  return miss_inside(rule, subject);
}

std::string why_not_operation(const Rule& rule, const Subject& subject) {
  const auto& seen = seen_by(rule, subject);
  if (!seen.read) return "what is called could not be read";
  const Match& match = rule.match;
  if (!match.operation_methods.empty() && !one_fits(match.operation_methods, seen.method))
    return "method " + seen.method + " is not in methods";
  if (match.streaming && *match.streaming != seen.streaming)
    return seen.streaming ? "the answer is streamed" : "the answer is not streamed";
  for (const std::string& name : seen.names) {
    if (!match.names.empty() && !one_fits(match.names, name))
      return std::string(to_string(seen.kind)) + ' ' + name + " is not in " +
             (seen.kind == model::Operation::Kind::agent ? "skills"
                                                         : std::string(to_string(seen.kind)) + 's');
  }
  if (!match.names.empty() && seen.names.empty()) return "nothing is named";
  return "the arguments are not as in arguments";
}

std::string why_not_name(const std::string& what, std::string_view name,
                         const std::string& key = "") {
  if (name.empty()) return "no " + what + " is known";
  return what + ' ' + std::string(name) + " is not in " + (key.empty() ? what + 's' : key);
}

// Requires: Miss::path.
const std::string& not_covered(const Rule& rule, const model::EgressCall& call) {
  const auto& others = call.other_paths;
  const auto missed =
      std::find_if_not(others.begin(), others.end(), [&](const std::string& reading) {
        return covers(rule.match.paths, reading);
      });
  const bool itself = missed == others.end() || !covers(rule.match.paths, call.path);
  return itself ? call.path : *missed;
}

} // namespace

bool matches(const Rule& rule, const Subject& subject) noexcept {
  return miss(rule, subject) == Miss::none;
}

bool ValueMatch::operator==(const ValueMatch& other) const noexcept {
  const auto same = [](const Node& a, const Node& b) {
    return a.kind == b.kind && a.text == b.text;
  };
  return pointer == other.pointer && globs == other.globs && min == other.min && max == other.max &&
         std::equal(equals.begin(), equals.end(), other.equals.begin(), other.equals.end(), same);
}

bool matches_host(const Rule& rule, const model::Host& host) noexcept {
  return host_matches(rule.match, host);
}

bool matches_given(const Rule& rule, const model::Given& given) noexcept {
  return miss_given(rule, given) == Miss::none;
}

bool asks_for_exchange(const Rule& rule) noexcept {
  const auto& methods = rule.match.methods;
  return rule.match.looks_inside() || !rule.match.paths.empty() ||
         std::any_of(methods.begin(), methods.end(),
                     [](const std::string& method) { return method != "CONNECT"; });
}

bool matches_destination(const Rule& rule, const model::EgressCall& call) noexcept {
  return host_matches(rule.match, call.to.host) && port_matches(rule.match, call.to.port) &&
         scheme_matches(rule.match, call.to.scheme);
}

bool asks_only_for_hosts(const Rule& rule) noexcept {
  const Match& match = rule.match;
  const bool every_port = match.ports.empty() || std::any_of(match.ports.begin(), match.ports.end(),
                                                             [](const PortRange& r) {
                                                               return r == PortRange{1, 65535};
                                                             });
  return every_port && match.methods.empty() && match.paths.empty() && match.schemes.empty() &&
         !match.looks_inside() && !match.asks_for_what_may_be_unknown() &&
         match.address_classes.empty();
}

std::string why_not(const Rule& rule, const Subject& subject) {
  const auto& call = subject.call;
  switch (miss(rule, subject)) {
  case Miss::none: return "";
  case Miss::host: return "host " + call.to.host.text() + " is not in hosts";
  case Miss::agent: return why_not_name("agent", agent_of(call.given));
  case Miss::session: return why_not_name("session", session_of(call.given));
  case Miss::time:
    return call.given.unix_seconds
               ? shown_minute(model::minute_of_week(*call.given.unix_seconds)) + " is not in time"
               : "the time is not known";
  case Miss::address_class: {
    const auto klass = class_of(subject);
    return klass ? "address class " + std::string(to_string(*klass)) + " is not in address_classes"
                 : "the name is not resolved yet";
  }
  case Miss::server_name:
    return call.before_hello ? "the TLS handshake has not begun"
                             : why_not_name("server name", model::server_name(call), "sni");
  case Miss::port: return "port " + std::to_string(call.to.port) + " is not in ports";
  case Miss::scheme:
    return "scheme " + std::string(model::to_string(call.to.scheme)) + " is not in schemes";
  case Miss::method:
    return call.method.empty() ? "the call has no method"
                               : "method " + call.method + " is not in methods";
  case Miss::path:
    return !has_head(call) || call.path.empty()
               ? "the call has no path"
               : "path " + not_covered(rule, call) + " is not in paths";
  case Miss::header: {
    const auto* missed = missed_header(rule, call);
    return missed == nullptr || !has_head(call)
               ? "the call has no header fields"
               : "header " + missed->name + " is not as in headers";
  }
  case Miss::query:
    return "parameter " + missed_parameter(rule, call)->name + " is not as in query";
  case Miss::content_type: return "the content type is not in content_types";
  case Miss::body:
    return content_state(call) == model::Content::State::unread ? "the body could not be read"
                                                                : "the body is not as in body";
  case Miss::operation: return why_not_operation(rule, subject);
  }
  return "it does not match";
}

} // namespace sluice::engine
