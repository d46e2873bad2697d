// From a request head and where it came in to the facts of a call: every name the agent gave
// (CONNECT target, SNI, absolute target, Host) must be the same name, in the one canonical form.
// Never lets the agent's Host choose where a reverse listener's call goes.
// Tested by tests/unit/call/assemble_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/model/egress_call.hpp"
#include "policy/model/reason.hpp"
#include "proxy/wire/head.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::call {

enum class ListenerKind : std::uint8_t { forward, reverse, transparent, tcp, dns };
std::string_view to_string(ListenerKind kind) noexcept;

// What is known of a downstream connection before its first request.
struct Origination {
  std::string listener;
  ListenerKind kind = ListenerKind::forward;
  // forward: the CONNECT target once inside a tunnel. reverse, tcp: the listener's fixed upstream.
  // transparent: the name the TLS handshake gave, with the port connected to.
  std::optional<model::Destination> fixed;
  // Where the agent connected to, when that is known: a captured connection, or SOCKS by address.
  std::optional<model::IpAddress> original;
  std::uint16_t original_port = 0; // of `original`
  std::string sni;                 // of the intercepted handshake; "" when none was sent
  std::string peer;                // the sidecar that proved to be there; "" when none has to
  bool outside = false;            // not from the program beside us, and nobody proved who
  std::string upstream_peer;       // the sidecar that has to be there; "" when a name says who
};

struct Assembled {
  model::EgressCall call;
  std::string upstream_target; // origin-form, path normalised
};
struct AssemblyFault {
  model::Reason reason = model::Reason::internal_error;
  std::string detail;             // a fixed phrase
  std::optional<Assembled> facts; // what could be read, for the record
};
using Assembly = std::variant<AssemblyFault, Assembled>;

// For every request but CONNECT. `call_id` is ours.
Assembly assemble(const Origination& from, const wire::RequestHead& head, std::string call_id);

// For CONNECT on a forward listener: the facts of the tunnel (protocol connect, scheme https).
Assembly assemble_connect(const Origination& from, const wire::RequestHead& head,
                          std::string call_id);

} // namespace sluice::call
