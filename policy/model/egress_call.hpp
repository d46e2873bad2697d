// The facts a decision may use, fixed before anyone decides. Everything in it is canonical; it is
// passed as const& from here on and never edited. Never holds a body or a header value with a
// secret.
#pragma once

#include "policy/model/destination.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::model {

enum class Protocol : std::uint8_t { http, connect, tcp, websocket };
std::string_view to_string(Protocol protocol) noexcept;

struct EgressCall {
  std::string call_id;  // ours
  std::string listener; // name of the listener it came in by
  Protocol protocol = Protocol::http;
  Destination to;
  std::string method;                   // "" for tcp; "CONNECT" for a tunnel
  std::string path;                     // normalised, no query; "" for tunnels
  std::vector<std::string> other_paths; // what else a server may take the path for
  std::vector<std::string> query_keys;  // values are never a fact in this version
  std::string sni;                      // "" when there was no TLS
  // Captured connections: where the agent connected to. It is the only address that is dialled.
  std::optional<IpAddress> original;
};

} // namespace sluice::model
