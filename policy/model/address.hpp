// An IP address and what it reaches. Every spelling (dotted, decimal, octal, hex, v4-mapped,
// NAT64, 6to4, Teredo, zone id) is classified as the address packets would really go to.
// Never resolves a name. Tested by tests/unit/model/address_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::model {

enum class AddressClass : std::uint8_t {
  reserved = 0, // zero value: not dialled
  global,
  loopback,
  private_use,
  link_local,
  cgnat,
  metadata,
  multicast,
  embedded, // NAT64/6to4/Teredo/v4-compatible whose inner address is not global
};
std::string_view to_string(AddressClass klass) noexcept;
inline constexpr std::size_t kAddressClasses = 9;

class IpAddress {
 public:
  IpAddress() = default; // ::, reserved
  static IpAddress v4(std::uint32_t host_order) noexcept;
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes) noexcept;
  // Canonical spellings only (RFC 6943 strict dotted quad, RFC 4291 text); no zone id.
  static std::optional<IpAddress> parse_strict(std::string_view text);
  // Also what inet_aton accepts (1-4 parts, octal, hex) since clients' C libraries accept it.
  static std::optional<IpAddress> parse_loose(std::string_view text);

  bool is_v4() const noexcept { return is_v4_; }
  std::uint32_t v4_value() const noexcept; // requires is_v4()
  const std::array<std::uint8_t, 16>& bytes() const noexcept {
    return bytes_;
  }                                       // v4 as ::ffff:a.b.c.d
  std::string text() const;               // RFC 5952; v4 dotted
  AddressClass classify() const noexcept; // v4-mapped is unwrapped first
  bool operator==(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool is_v4_ = false;
};

} // namespace sluice::model
