// Between the kernel's and Asio's addresses and ours, and what a captured connection was for.
// Never resolves, never guesses: what is not an IP address is nothing.
// Tested by tests/socket/endpoint_test.cpp.
#pragma once

#include "policy/model/address.hpp"
#include "proxy/io/task.hpp"

#include <cstdint>
#include <optional>
#include <string>

struct sockaddr;

namespace sluice::io {

struct Endpoint {
  model::IpAddress address;
  std::uint16_t port = 0;
  std::string text() const; // "10.0.0.1:80", "[::1]:80"
  bool is_any() const;      // 0.0.0.0 or ::, which stand for every address of this machine
  bool operator==(const Endpoint&) const = default;
};

// Whether two sockets cannot both listen there: "any" holds every address of its family, and the
// IPv6 one IPv4's too. Port 0 is nobody's yet.
bool overlap(const Endpoint& a, const Endpoint& b);

std::optional<Endpoint> endpoint_of(const sockaddr* from);
Endpoint endpoint_of(const Tcp::endpoint& from); // a v4-mapped address becomes the v4 address
Tcp::endpoint to_asio(const Endpoint& endpoint);

// Where the peer wanted to go before a REDIRECT rule (SO_ORIGINAL_DST) or a TPROXY rule (then it is
// the socket's own address) brought it here. A connection that nobody redirected yields the
// listener's address: the caller must take that for a loop. nullopt when the socket is not
// connected any more.
std::optional<Endpoint> original_destination(Socket& socket);

} // namespace sluice::io
