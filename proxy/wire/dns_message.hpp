// One DNS query in, one answer out (RFC 1035, RFC 6891), for a resolver that answers addresses
// itself and forwards nothing: what a query holds beside its question never leaves this process.
// Strict where a query could be read in two ways; never follows a compression pointer.
// Tested by tests/unit/wire/dns_message_test.cpp, tests/fuzz/dns_fuzz.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::wire {

constexpr std::uint16_t kDnsTypeA = 1;
constexpr std::uint16_t kDnsTypeAaaa = 28;
constexpr std::uint16_t kDnsClassIn = 1;
constexpr std::uint16_t kDnsUdpSize = 512;     // RFC 1035 §4.2.1, without OPT
constexpr std::uint16_t kDnsUdpSizeMax = 1232; // larger answers are cut by some networks

struct DnsQuery {
  std::uint16_t id = 0;
  // Lower case, labels joined by '.', no trailing dot; "" is the root. Bytes other than letters,
  // digits, '-' and '_' are written \DDD (RFC 1035 §5.1), so that a dot inside a label is not taken
  // for one between labels and a record can hold the name.
  std::string name;
  bool name_is_plain = false; // nothing had to be written \DDD
  std::uint16_t type = 0;
  std::uint16_t klass = 0; // may be other than IN, which has no addresses
  bool recursion_desired = false;
  bool has_opt = false;
  std::uint16_t udp_size = kDnsUdpSize; // what the client takes, within the two bounds above
  std::string raw_question; // as sent, with the case of its letters (draft-vixie-dnsext-dns0x20)
};

// Which of the two errors to answer with dns_error; a message that is itself a response gets none.
enum class DnsError : std::uint8_t { format_error, not_implemented };

// RFC 1035 §4.1.1, RFC 2136 §2.2.
enum class DnsRcode : std::uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  name_error = 3, // NXDOMAIN
  not_implemented = 4,
  refused = 5,
};

enum class DnsTransport : std::uint8_t { udp, tcp };

// `message` is one whole datagram, or one whole message of a TCP stream without its length. Takes
// exactly one question and at most an OPT record behind it; every byte must belong to one of them.
std::variant<DnsQuery, DnsError> parse_dns_query(std::string_view message);

class DnsAddress {
 public:
  static DnsAddress v4(const std::array<std::uint8_t, 4>& bytes) noexcept;
  static DnsAddress v6(const std::array<std::uint8_t, 16>& bytes) noexcept;
  bool is_v4() const noexcept { return size_ == 4; }
  std::string_view bytes() const noexcept; // 4 or 16, in network order

 private:
  DnsAddress() = default;
  std::array<char, 16> bytes_{};
  std::size_t size_ = 0;
};

// A whole message. Of `addresses` those of the asked type are answered, none for another type or
// class and none beside an error; what does not fit the client's UDP size is left out and TC set
// (RFC 2181 §9), so that the client comes again over TCP. `ttl` in seconds, at most 2^31 - 1 (RFC
// 2181 §8).
std::string dns_answer(const DnsQuery& query, DnsRcode rcode,
                       std::span<const DnsAddress> addresses = {}, std::uint32_t ttl = 0,
                       DnsTransport over = DnsTransport::udp);

// The answer to what did not parse: a header alone. "" for what must not be answered: less than a
// header, or a response, as two servers would answer each other for ever.
std::string dns_error(std::string_view message, DnsError error);
std::string dns_format_error(std::string_view datagram);

// TCP (RFC 1035 §4.2.2): two bytes of length, then the message.
// Takes one whole message from the front of `in`; nothing, and `in` as it was, until it is there.
std::optional<std::string_view> take_dns_frame(std::string_view& in);
std::string dns_frame(std::string_view message); // Requires: at most 65,535 bytes

} // namespace sluice::wire
