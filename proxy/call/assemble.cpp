#include "proxy/call/assemble.hpp"

#include <utility>

namespace sluice::call {
namespace {

using model::Reason;

AssemblyFault fault(Reason reason, std::string detail, std::optional<Assembled> facts = {}) {
  return AssemblyFault{reason, std::move(detail), std::move(facts)};
}

Reason reason_of(const Error& error) {
  if (error.code == "path_ambiguous") return Reason::path_ambiguous;
  return error.code == "protocol_unsupported" ? Reason::protocol_unsupported : Reason::host_invalid;
}

// Query keys are facts, values are not: a value may be anything, a secret included.
std::vector<std::string> query_keys(std::string_view query) {
  std::vector<std::string> keys;
  while (!query.empty() && keys.size() < 64) {
    const auto amp = query.find('&');
    const auto pair = query.substr(0, amp);
    if (!pair.empty()) keys.emplace_back(pair.substr(0, pair.find('=')));
    if (amp == std::string_view::npos) break;
    query.remove_prefix(amp + 1);
  }
  return keys;
}

// RFC 9112 §3.2.2: with an absolute target, Host must say the same. We refuse instead of
// overriding, since a difference is how two readers are made to disagree.
bool host_agrees(const wire::RequestHead& head, const model::Destination& to) {
  const auto field = head.fields.only("host");
  if (!field) return head.fields.count("host") == 0 && head.version == wire::Version::http10;
  const auto parsed = model::parse_host_port(*field);
  return parsed && parsed.value().host == to.host &&
         parsed.value().port.value_or(model::default_port(to.scheme)) == to.port;
}

// A captured request names its host in Host alone; the port is the one connected to.
std::variant<AssemblyFault, model::Destination> captured_destination(const Origination& from,
                                                                     const wire::RequestHead& head,
                                                                     const model::Target& target) {
  model::Destination to;
  to.scheme = model::Scheme::http;
  to.port = from.original_port;
  const auto field = head.fields.only("host");
  if (!field) {
    // HTTP/1.0 needs no Host: then the address is all that is known.
    if (head.fields.count("host") > 0 || head.version != wire::Version::http10) {
      return fault(Reason::framing_invalid, "RFC 9112 §3.2: exactly one Host");
    }
    const auto literal = model::Host::parse(from.original->text());
    if (!literal) return fault(Reason::host_invalid, literal.error().detail);
    to.host = literal.value();
  } else {
    const auto named = model::parse_host_port(*field);
    if (!named) return fault(Reason::host_invalid, named.error().detail);
    if (named.value().port.value_or(model::default_port(to.scheme)) != to.port) {
      return fault(Reason::name_mismatch, "the port in Host is not the one connected to");
    }
    to.host = named.value().host;
  }
  if (target.absolute && !(*target.absolute == to)) {
    return fault(Reason::name_mismatch, "the absolute target differs from Host");
  }
  return to;
}

std::string origin_form(const model::Target& target) {
  std::string out = target.path;
  if (target.has_query) out.append("?").append(target.query);
  return out;
}

// Where the call goes, or why that cannot be said.
std::variant<AssemblyFault, model::Destination>
destination(const Origination& from, const wire::RequestHead& head, const model::Target& target) {
  if (from.kind == ListenerKind::reverse) return *from.fixed;
  if (from.fixed) {
    if (target.absolute && !(*target.absolute == *from.fixed)) {
      return fault(Reason::name_mismatch, "the absolute target differs from the CONNECT target");
    }
    if (!from.sni.empty() && from.sni != from.fixed->host.text()) {
      return fault(Reason::name_mismatch, "SNI differs from the CONNECT target");
    }
    if (!host_agrees(head, *from.fixed)) {
      return fault(Reason::name_mismatch, "Host differs from the CONNECT target");
    }
    return *from.fixed;
  }
  if (from.original) return captured_destination(from, head, target);
  if (!target.absolute) {
    return fault(Reason::protocol_unsupported,
                 "a forward listener needs an absolute target or CONNECT");
  }
  if (target.absolute->scheme != model::Scheme::http) {
    return fault(Reason::protocol_unsupported, "use CONNECT for https targets");
  }
  if (!host_agrees(head, *target.absolute)) {
    return fault(Reason::name_mismatch, "Host differs from the request target");
  }
  return *target.absolute;
}

} // namespace

std::string_view to_string(ListenerKind kind) noexcept {
  switch (kind) {
  case ListenerKind::forward: return "forward";
  case ListenerKind::reverse: return "reverse";
  case ListenerKind::transparent: return "transparent";
  case ListenerKind::tcp: return "tcp";
  case ListenerKind::dns: return "dns";
  }
  return "?";
}

Assembly assemble(const Origination& from, const wire::RequestHead& head, std::string call_id) {
  Assembled out;
  out.call.call_id = std::move(call_id);
  out.call.listener = from.listener;
  out.call.protocol = model::Protocol::http;
  out.call.method = head.method;
  out.call.sni = from.sni;
  const wire::HopByHop hop(head.fields); // what does not leave satisfies no rule
  for (const auto& field : head.fields.all()) {
    if (!hop.ends(field.name)) model::add_field(out.call, field.name, field.value);
  }
  out.call.original = from.original;
  out.call.chain.peer = from.peer;
  out.call.chain.upstream_peer = from.upstream_peer;
  if (from.fixed) out.call.to = *from.fixed;

  auto target = model::parse_target(head.target);
  if (!target) return fault(reason_of(target.error()), target.error().detail, std::move(out));
  if (target.value().absolute && !from.fixed) out.call.to = *target.value().absolute;
  out.call.path = target.value().path;
  out.call.other_paths = target.value().other_paths;
  out.call.query_keys = query_keys(target.value().query);
  out.call.query = target.value().query;
  out.upstream_target = origin_form(target.value());

  auto to = destination(from, head, target.value());
  if (auto* failed = std::get_if<AssemblyFault>(&to)) {
    failed->facts = std::move(out);
    return std::move(*failed);
  }
  out.call.to = std::move(std::get<model::Destination>(to));
  if (target.value().path == "*" && head.method != "OPTIONS") {
    return fault(Reason::framing_invalid, "RFC 9112 §3.2.4: asterisk-form is for OPTIONS",
                 std::move(out));
  }
  return out;
}

Assembly assemble_connect(const Origination& from, const wire::RequestHead& head,
                          std::string call_id) {
  Assembled out;
  out.call.call_id = std::move(call_id);
  out.call.listener = from.listener;
  out.call.protocol = model::Protocol::connect;
  out.call.method = head.method;
  out.call.to.scheme = model::Scheme::https;
  out.call.before_hello = true;
  if (from.kind != ListenerKind::forward || from.fixed) {
    return fault(Reason::protocol_unsupported, "CONNECT is for forward listeners, once",
                 std::move(out));
  }
  auto authority = model::parse_host_port(head.target);
  if (!authority) {
    return fault(Reason::host_invalid, authority.error().detail, std::move(out));
  }
  out.call.to.host = authority.value().host;
  // RFC 9110 §9.3.6: the port is not optional here.
  if (!authority.value().port) {
    return fault(Reason::host_invalid, "RFC 9110 §9.3.6: CONNECT needs host:port", std::move(out));
  }
  out.call.to.port = *authority.value().port;
  // Host in CONNECT repeats the authority (RFC 9112 §3.2.3); some clients leave the port out.
  if (const auto host = head.fields.only("host")) {
    const auto named = model::parse_host_port(*host);
    if (!named || !(named.value().host == out.call.to.host) ||
        (named.value().port && *named.value().port != out.call.to.port)) {
      return fault(Reason::name_mismatch, "Host differs from the CONNECT target", std::move(out));
    }
  }
  return out;
}

} // namespace sluice::call
