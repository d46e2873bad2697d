#include "proxy/wire/dns_message.hpp"

#include "policy/base/bytes.hpp"
#include "proxy/wire/byte_reader.hpp"
#include "proxy/wire/grammar.hpp"

#include <algorithm>
#include <stdexcept>

namespace sluice::wire {
namespace {

constexpr std::size_t kHeader = 12; // RFC 1035 §4.1.1
constexpr std::size_t kMaxName = 255, kMaxLabel = 63;
constexpr std::size_t kMaxMessage = 0xffff;
constexpr std::uint16_t kTypeOpt = 41;

// The flag word of the header.
constexpr unsigned kResponse = 0x8000, kOpcode = 0x7800, kTruncated = 0x0200;
constexpr unsigned kRecursionDesired = 0x0100, kRecursionAvailable = 0x0080;

void put16(unsigned value, std::string& out) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

void put32(std::uint32_t value, std::string& out) {
  put16(value >> 16, out);
  put16(value & 0xffff, out);
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
}

void append_label(std::string_view label, DnsQuery& query) {
  if (!query.name.empty()) query.name += '.';
  for (const char c : label) {
    if (is_plain(c)) {
      query.name += c;
      continue;
    }
    query.name_is_plain = false;
    const unsigned value = static_cast<unsigned char>(c);
    query.name += '\\';
    for (const unsigned place : {100U, 10U, 1U}) {
      query.name += static_cast<char>('0' + value / place % 10);
    }
  }
}

// QNAME QTYPE QCLASS, RFC 1035 §4.1.2. A length above 63 would be a compression pointer or an
// extended label; a question that comes first has nothing to point to.
bool read_question(ByteReader& in, DnsQuery& query) {
  const auto start = in.rest();
  query.name_is_plain = true;
  for (;;) {
    const auto label = in.vector8();
    if (!label || label->size() > kMaxLabel) return false;
    if (start.size() - in.rest().size() > kMaxName) return false;
    if (label->empty()) break;
    append_label(*label, query);
  }
  query.name = ascii_lower(query.name);
  const auto type = in.u16();
  const auto klass = in.u16();
  if (!type || !klass) return false;
  query.type = *type;
  query.klass = *klass;
  query.raw_question = start.substr(0, start.size() - in.rest().size());
  return true;
}

// RFC 6891 §6.1.2: the root as name, OPT, the size as class, version 0 in the TTL, and options
// that are whole. What the options say is of no use here.
bool read_opt(ByteReader& in, DnsQuery& query) {
  const auto root = in.u8();
  const auto type = in.u16();
  const auto size = in.u16();
  const auto extended = in.u32();
  const auto options = in.vector16();
  // A read that finds too little leaves the bytes to the next one, so each is looked at.
  if (!root || !type || !size || !extended || !options) return false;
  if (*root != 0 || *type != kTypeOpt || (*extended >> 16 & 0xff) != 0) return false;
  for (ByteReader option(*options); !option.empty();) {
    if (!option.u16() || !option.vector16()) return false;
  }
  query.has_opt = true;
  query.udp_size = std::clamp(*size, kDnsUdpSize, kDnsUdpSizeMax);
  return true;
}

// RFC 6891 §6.1.1: an OPT is answered with an OPT. Ours says what we take, and nothing else.
std::string opt_record() {
  std::string out(1, '\0');
  put16(kTypeOpt, out);
  put16(kDnsUdpSizeMax, out);
  put32(0, out);
  put16(0, out);
  return out;
}

// RFC 1035 §4.1.3, its name a pointer to the question's at offset 12 (§4.1.4).
void put_address(const DnsQuery& query, std::string_view address, std::uint32_t ttl,
                 std::string& out) {
  put16(0xc000 | kHeader, out);
  put16(query.type, out);
  put16(kDnsClassIn, out);
  put32(ttl, out);
  put16(static_cast<unsigned>(address.size()), out);
  out += address;
}

bool is_asked_for(const DnsQuery& query, const DnsAddress& address) {
  return query.klass == kDnsClassIn && query.type == (address.is_v4() ? kDnsTypeA : kDnsTypeAaaa);
}

} // namespace

std::variant<DnsQuery, DnsError> parse_dns_query(std::string_view message) {
  ByteReader in(message);
  DnsQuery query;
  const auto id = in.u16();
  const auto flags = in.u16();
  const auto questions = in.u16();
  const auto answers = in.u16();
  const auto authorities = in.u16();
  const auto additional = in.u16();
  if (!additional || (*flags & kResponse) != 0) return DnsError::format_error;
  if ((*flags & kOpcode) != 0) return DnsError::not_implemented;
  if ((*flags & kTruncated) != 0) return DnsError::format_error;
  if (*questions != 1 || *answers != 0 || *authorities != 0 || *additional > 1) {
    return DnsError::format_error;
  }
  query.id = *id;
  query.recursion_desired = (*flags & kRecursionDesired) != 0;
  if (!read_question(in, query)) return DnsError::format_error;
  if (*additional == 1 && !read_opt(in, query)) return DnsError::format_error;
  if (!in.empty()) return DnsError::format_error;
  return query;
}

DnsAddress DnsAddress::v4(const std::array<std::uint8_t, 4>& bytes) noexcept {
  DnsAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  address.size_ = bytes.size();
  return address;
}

DnsAddress DnsAddress::v6(const std::array<std::uint8_t, 16>& bytes) noexcept {
  DnsAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  address.size_ = bytes.size();
  return address;
}

std::string_view DnsAddress::bytes() const noexcept {
  return {bytes_.data(), size_};
}

std::string dns_answer(const DnsQuery& query, DnsRcode rcode, std::span<const DnsAddress> addresses,
                       std::uint32_t ttl, DnsTransport over) {
  const auto opt = query.has_opt ? opt_record() : std::string();
  const std::size_t limit = over == DnsTransport::udp ? query.udp_size : kMaxMessage;
  const std::size_t before = kHeader + query.raw_question.size() + opt.size();
  std::string records;
  unsigned count = 0, truncated = 0;
  for (const auto& address : addresses) {
    if (rcode != DnsRcode::no_error || !is_asked_for(query, address)) continue;
    std::string record;
    put_address(query, address.bytes(), std::min(ttl, 0x7fffffffU), record);
    if (before + records.size() + record.size() > limit) {
      truncated = kTruncated;
      break;
    }
    records += record;
    ++count;
  }
  std::string out;
  put16(query.id, out);
  put16(kResponse | truncated | (query.recursion_desired ? kRecursionDesired : 0U) |
            kRecursionAvailable | static_cast<unsigned>(rcode),
        out);
  put16(1, out);
  put16(count, out);
  put16(0, out);
  put16(query.has_opt ? 1 : 0, out);
  return out.append(query.raw_question).append(records).append(opt);
}

std::string dns_error(std::string_view message, DnsError error) {
  if (message.size() < kHeader) return {};
  ByteReader in(message);
  const unsigned id = *in.u16(), flags = *in.u16();
  if ((flags & kResponse) != 0) return {};
  const auto rcode =
      error == DnsError::not_implemented ? DnsRcode::not_implemented : DnsRcode::format_error;
  std::string out;
  put16(id, out);
  put16(kResponse | (flags & (kOpcode | kRecursionDesired)) | static_cast<unsigned>(rcode), out);
  out.append(kHeader - out.size(), '\0');
  return out;
}

std::string dns_format_error(std::string_view datagram) {
  return dns_error(datagram, DnsError::format_error);
}

std::optional<std::string_view> take_dns_frame(std::string_view& in) {
  ByteReader reader(in);
  const auto message = reader.vector16();
  if (message) in = reader.rest();
  return message;
}

std::string dns_frame(std::string_view message) {
  if (message.size() > kMaxMessage) throw std::logic_error("dns_frame: a message over 64 KiB");
  std::string out;
  out.reserve(2 + message.size());
  put16(static_cast<unsigned>(message.size()), out);
  return out.append(message);
}

} // namespace sluice::wire
