#include "policy/model/address.hpp"

#include "policy/base/bytes.hpp"

#include <charconv>
#include <cstring>

namespace sluice::model {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

struct V4Block {
  std::uint32_t base;
  int bits;
  AddressClass klass;
};

constexpr std::uint32_t quad(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// The IANA IPv4 special-purpose registry, and the addresses at which clouds hand out credentials.
// First match wins, so the narrow rows stand first.
constexpr std::array kV4Blocks = {
    V4Block{quad(169, 254, 169, 254), 32, AddressClass::metadata}, // AWS, GCP, Azure, …
    V4Block{quad(169, 254, 170, 2), 32, AddressClass::metadata},   // ECS task credentials
    V4Block{quad(169, 254, 170, 23), 32, AddressClass::metadata},  // EKS pod identity
    V4Block{quad(169, 254, 42, 42), 32, AddressClass::metadata},   // Scaleway
    V4Block{quad(100, 100, 100, 200), 32, AddressClass::metadata}, // Alibaba
    V4Block{quad(168, 63, 129, 16), 32, AddressClass::metadata},   // Azure wire server
    V4Block{quad(0, 0, 0, 0), 8, AddressClass::reserved},          // RFC 791 this network
    V4Block{quad(10, 0, 0, 0), 8, AddressClass::private_use},      // RFC 1918
    V4Block{quad(100, 64, 0, 0), 10, AddressClass::cgnat},         // RFC 6598
    V4Block{quad(127, 0, 0, 0), 8, AddressClass::loopback},        // RFC 1122
    V4Block{quad(169, 254, 0, 0), 16, AddressClass::link_local},   // RFC 3927
    V4Block{quad(172, 16, 0, 0), 12, AddressClass::private_use},   // RFC 1918
    V4Block{quad(192, 0, 0, 0), 24, AddressClass::reserved},       // RFC 6890
    V4Block{quad(192, 0, 2, 0), 24, AddressClass::reserved},       // RFC 5737 documentation
    V4Block{quad(192, 88, 99, 0), 24, AddressClass::reserved},    // RFC 7526 6to4 relay, deprecated
    V4Block{quad(192, 168, 0, 0), 16, AddressClass::private_use}, // RFC 1918
    V4Block{quad(198, 18, 0, 0), 15, AddressClass::reserved},     // RFC 2544 benchmarking
    V4Block{quad(198, 51, 100, 0), 24, AddressClass::reserved},   // RFC 5737 documentation
    V4Block{quad(203, 0, 113, 0), 24, AddressClass::reserved},    // RFC 5737 documentation
    V4Block{quad(224, 0, 0, 0), 4, AddressClass::multicast},      // RFC 1112
    V4Block{quad(255, 255, 255, 255), 32, AddressClass::multicast}, // limited broadcast
    V4Block{quad(240, 0, 0, 0), 4, AddressClass::reserved},         // RFC 1112 future use
};

AddressClass classify_v4(std::uint32_t address) {
  for (const V4Block& block : kV4Blocks) {
    if (((address ^ block.base) >> (32 - block.bits)) == 0) return block.klass;
  }
  return AddressClass::global;
}

bool in_prefix(const Bytes& address, std::initializer_list<unsigned> groups, int bits) {
  int at = 0;
  for (const unsigned group : groups) {
    for (const unsigned byte : {group >> 8, group & 0xff}) {
      const int left = bits - at * 8;
      if (left <= 0) return true;
      const unsigned difference = address[static_cast<std::size_t>(at)] ^ byte;
      if ((left >= 8 ? difference : difference >> (8 - left)) != 0) return false;
      ++at;
    }
  }
  return true;
}

std::uint32_t inner_v4(const Bytes& address, std::size_t at) {
  return quad(address[at], address[at + 1], address[at + 2], address[at + 3]);
}

AddressClass embedding(std::uint32_t inner) {
  return classify_v4(inner) == AddressClass::global ? AddressClass::global : AddressClass::embedded;
}

bool is_metadata(const Bytes& a) {
  return in_prefix(a, {0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254}, 128) || // AWS
         in_prefix(a, {0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x23}, 128) ||  // EKS pod identity
         in_prefix(a, {0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254}, 128) || // GCP
         in_prefix(a, {0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x42}, 128);    // Scaleway
}

// The IANA IPv6 special-purpose registry. What is outside 2000::/3 and not named is not global.
AddressClass classify_v6(const Bytes& a) {
  if (is_metadata(a)) return AddressClass::metadata;
  if (in_prefix(a, {0, 0, 0, 0, 0, 0, 0, 1}, 128)) return AddressClass::loopback;
  if (in_prefix(a, {0xfe80}, 10)) return AddressClass::link_local;
  if (in_prefix(a, {0xfc00}, 7)) return AddressClass::private_use;
  if (in_prefix(a, {0xff00}, 8)) return AddressClass::multicast;
  // RFC 4291 §2.5.5.1, deprecated: never global, but say what it hides.
  if (in_prefix(a, {0, 0, 0, 0, 0, 0}, 96)) {
    const std::uint32_t inner = inner_v4(a, 12);
    return inner == 0 || embedding(inner) == AddressClass::global ? AddressClass::reserved
                                                                  : AddressClass::embedded;
  }
  if (in_prefix(a, {0x64, 0xff9b, 0, 0, 0, 0}, 96)) return embedding(inner_v4(a, 12)); // RFC 6052
  // RFC 8215: where the inner address stands depends on the operator, so it is never trusted.
  if (in_prefix(a, {0x64, 0xff9b, 1}, 48)) return AddressClass::embedded;
  if (in_prefix(a, {0x2002}, 16)) return embedding(inner_v4(a, 2)); // RFC 3056 6to4
  if (in_prefix(a, {0x2001, 0}, 32)) { // RFC 4380 §4: server, then the client's bits inverted
    const AddressClass server = embedding(inner_v4(a, 4));
    return server == AddressClass::global ? embedding(~inner_v4(a, 12)) : server;
  }
  if (in_prefix(a, {0x2001, 0}, 23)) return AddressClass::reserved;      // RFC 2928 protocols
  if (in_prefix(a, {0x2001, 0x0db8}, 32)) return AddressClass::reserved; // RFC 3849
  if (in_prefix(a, {0x3fff, 0}, 20)) return AddressClass::reserved;      // RFC 9637
  return in_prefix(a, {0x2000}, 3) ? AddressClass::global : AddressClass::reserved;
}

// One part of an IPv4 number: decimal, and when `any_base` also 0-octal and 0x-hex.
std::optional<std::uint32_t> v4_part(std::string_view text, bool any_base) {
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    if (!any_base) return std::nullopt;
    base = text[1] == 'x' || text[1] == 'X' ? 16 : 8;
    text.remove_prefix(base == 16 ? 2 : 1);
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> parse_v4(std::string_view text, bool loose) {
  std::array<std::uint32_t, 4> parts{};
  std::size_t count = 0;
  for (;;) {
    if (count == 4) return std::nullopt;
    const auto dot = text.find('.');
    const auto part = v4_part(text.substr(0, dot), loose);
    if (!part) return std::nullopt;
    parts[count++] = *part;
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  if (!loose && count != 4) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if (parts[i] > 255) return std::nullopt;
    value |= parts[i] << (24 - 8 * i);
  }
  // inet_aton: the last part fills all the bytes that are left.
  const std::size_t last_bits = 8 * (5 - count);
  if (last_bits < 32 && (parts[count - 1] >> last_bits) != 0) return std::nullopt;
  return value | parts[count - 1];
}

// Groups of one side of "::", at most `room` of them; returns how many, or -1.
int v6_groups(std::string_view text, std::array<std::uint16_t, 8>& groups, bool may_end_in_v4) {
  int count = 0;
  if (text.empty()) return 0;
  for (;;) {
    const auto colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    if (last && may_end_in_v4 && part.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(part, false);
      if (!v4 || count > 6) return -1;
      groups[static_cast<std::size_t>(count++)] = static_cast<std::uint16_t>(*v4 >> 16);
      groups[static_cast<std::size_t>(count++)] = static_cast<std::uint16_t>(*v4 & 0xffff);
      return count;
    }
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, 16);
    const bool whole = error == std::errc() && end == part.data() + part.size();
    if (count == 8 || part.empty() || part.size() > 4 || !whole) return -1;
    groups[static_cast<std::size_t>(count++)] = value;
    if (last) return count;
    text.remove_prefix(colon + 1);
  }
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  std::array<std::uint16_t, 8> head{};
  std::array<std::uint16_t, 8> tail{};
  const auto gap = text.find("::");
  const bool has_gap = gap != std::string_view::npos;
  const int before = v6_groups(text.substr(0, gap), head, !has_gap);
  const int after = has_gap ? v6_groups(text.substr(gap + 2), tail, true) : 0;
  if (before < 0 || after < 0 || (has_gap ? before + after > 7 : before != 8)) return std::nullopt;
  for (int i = 0; i < after; ++i) {
    head[static_cast<std::size_t>(8 - after + i)] = tail[static_cast<std::size_t>(i)];
  }
  Bytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(head[i] >> 8);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(head[i] & 0xff);
  }
  return IpAddress::v6(bytes);
}

// RFC 5952 §4: lower case, no leading zeros, the first longest run of two or more zero groups cut.
std::string text_v6(const Bytes& bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = bytes[2 * i] * 256U + bytes[2 * i + 1];
  std::size_t best = 8;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < 8;) {
    if (i == best) {
      out += "::";
      i += best_length;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char group[4];
    const auto end = std::to_chars(group, group + sizeof group, groups[i], 16).ptr;
    out.append(group, end);
    ++i;
  }
  return out;
}

} // namespace

std::string_view to_string(AddressClass klass) noexcept {
  switch (klass) {
  case AddressClass::reserved: return "reserved";
  case AddressClass::global: return "global";
  case AddressClass::loopback: return "loopback";
  case AddressClass::private_use: return "private";
  case AddressClass::link_local: return "link_local";
  case AddressClass::cgnat: return "cgnat";
  case AddressClass::metadata: return "metadata";
  case AddressClass::multicast: return "multicast";
  case AddressClass::embedded: return "embedded";
  }
  return "reserved";
}

IpAddress IpAddress::v4(std::uint32_t host_order) noexcept {
  IpAddress out;
  out.is_v4_ = true;
  out.bytes_[10] = out.bytes_[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) {
    out.bytes_[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  }
  return out;
}

// RFC 4291 §2.5.5.2: a v4-mapped address is the IPv4 address; kept as one, it matches every rule
// that names it and is dialled as what it is.
IpAddress IpAddress::v6(const Bytes& bytes) noexcept {
  if (in_prefix(bytes, {0, 0, 0, 0, 0, 0xffff}, 96)) return v4(inner_v4(bytes, 12));
  IpAddress out;
  out.bytes_ = bytes;
  return out;
}

std::optional<IpAddress> IpAddress::parse_strict(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse_v6(text);
  const auto value = parse_v4(text, false);
  return value ? std::optional(v4(*value)) : std::nullopt;
}

std::optional<IpAddress> IpAddress::parse_loose(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return parse_v6(text);
  if (text.empty() || !is_digit(text[0])) return std::nullopt;
  const auto value = parse_v4(text, true);
  return value ? std::optional(v4(*value)) : std::nullopt;
}

std::uint32_t IpAddress::v4_value() const noexcept {
  return inner_v4(bytes_, 12);
}

std::string IpAddress::text() const {
  if (!is_v4_) return text_v6(bytes_);
  std::string out;
  for (std::size_t i = 12; i < 16; ++i) {
    if (i > 12) out += '.';
    out += std::to_string(bytes_[i]);
  }
  return out;
}

AddressClass IpAddress::classify() const noexcept {
  return is_v4_ ? classify_v4(v4_value()) : classify_v6(bytes_);
}

} // namespace sluice::model
