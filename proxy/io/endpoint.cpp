#include "proxy/io/endpoint.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::io {
namespace {

constexpr int kOriginalDst = 80; // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST, in netfilter headers

model::IpAddress unmapped(const std::array<std::uint8_t, 16>& bytes) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (!std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    return model::IpAddress::v6(bytes);
  }
  std::uint32_t value = 0;
  for (std::size_t i = kMapped.size(); i < bytes.size(); ++i) value = value << 8U | bytes[i];
  return model::IpAddress::v4(value);
}

} // namespace

std::string Endpoint::text() const {
  const std::string host = address.is_v4() ? address.text() : "[" + address.text() + "]";
  return host + ":" + std::to_string(port);
}

bool Endpoint::is_any() const {
  return address == model::IpAddress::v4(0) || address == model::IpAddress();
}

bool overlap(const Endpoint& a, const Endpoint& b) {
  if (a.port != b.port || a.port == 0) return false;
  if (a.address == b.address) return true;
  const auto covers = [](const Endpoint& wide, const Endpoint& other) {
    return wide.is_any() && (!wide.address.is_v4() || other.address.is_v4());
  };
  return covers(a, b) || covers(b, a);
}

std::optional<Endpoint> endpoint_of(const sockaddr* from) {
  if (from == nullptr) return std::nullopt;
  if (from->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, from, sizeof v4);
    return Endpoint{model::IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  if (from->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, from, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return Endpoint{unmapped(bytes), ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

Endpoint endpoint_of(const Tcp::endpoint& from) {
  return endpoint_of(from.data()).value_or(Endpoint{});
}

Tcp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    return {net::ip::address_v4(endpoint.address.v4_value()), endpoint.port};
  }
  net::ip::address_v6::bytes_type bytes{};
  std::copy(endpoint.address.bytes().begin(), endpoint.address.bytes().end(), bytes.begin());
  return {net::ip::address_v6(bytes), endpoint.port};
}

std::optional<Endpoint> original_destination(Socket& socket) {
  sockaddr_storage found{};
  for (const int level : {SOL_IP, SOL_IPV6}) {
    socklen_t size = sizeof found;
    if (::getsockopt(socket.native_handle(), level, kOriginalDst, &found, &size) != 0) continue;
    return endpoint_of(reinterpret_cast<const sockaddr*>(&found));
  }
  ErrorCode error;
  const auto local = socket.local_endpoint(error);
  if (error) return std::nullopt;
  return endpoint_of(local);
}

} // namespace sluice::io
