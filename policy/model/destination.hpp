// Where a call goes, in the one canonical form that policy, DNS and the dialler all use: lower
// case, A-label, no trailing dot; an address in any spelling becomes that address. There is no
// second host parser in this program. Never holds text as the agent sent it.
// Tested by tests/unit/model/destination_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/model/address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::model {

class Host {
 public:
  Host() = default; // empty: matches nothing, is never dialled
  // Requires: no brackets unless an IPv6 literal. Fails (downstream, "host_invalid") on NUL,
  // control bytes, spaces, '%', '@', '/', empty labels, labels over 63, names over 253, zone ids,
  // unknown IDN.
  static Result<Host> parse(std::string_view text);

  bool is_address() const noexcept { return address_.has_value(); }
  const IpAddress& address() const { return *address_; }     // requires is_address()
  const std::string& text() const noexcept { return text_; } // canonical; IPv6 without brackets
  std::string uri_text() const;                              // IPv6 in brackets
  bool empty() const noexcept { return text_.empty(); }
  bool operator==(const Host& other) const { return text_ == other.text_; }

 private:
  std::string text_;
  std::optional<IpAddress> address_;
};

enum class Scheme : std::uint8_t { http, https, tcp };
std::string_view to_string(Scheme scheme) noexcept;
std::uint16_t default_port(Scheme scheme) noexcept; // 80, 443, 0

struct Destination {
  Scheme scheme = Scheme::tcp;
  Host host;
  std::uint16_t port = 0;
  std::string authority() const; // host[:port], port left out when the scheme's default
  std::string host_port() const; // host:port, always
  bool operator==(const Destination&) const = default;
};

// "host", "host:port", "[v6]:port". Fails as Host::parse does, and on port 0, >65535, non-digits.
struct HostPort {
  Host host;
  std::optional<std::uint16_t> port;
};
Result<HostPort> parse_host_port(std::string_view text);

// An RFC 3986 path after one normalisation: dot segments removed, unreserved percent-encodings
// decoded, hex upper-cased. Fails (downstream, "path_ambiguous") when a second normalisation would
// change it again, on encoded backslash/NUL/dot-segments, on control bytes, raw backslash.
Result<std::string> normalise_path(std::string_view path);

// What else a server may take a normalised path for: with encoded slashes decoded, with other
// reserved bytes decoded, with parameters (`;…`, RFC 3986 §3.3) cut off, with any of these.
// Distinct, without the path itself; mostly none. Fails (downstream, "path_ambiguous") when a
// reading is not a normal path.
Result<std::vector<std::string>> other_readings(std::string_view path);

struct Target { // an origin-form or absolute-form request target, taken apart
  std::optional<Destination> absolute;  // set for absolute-form
  std::string path;                     // normalised, begins with '/'; "*" for asterisk-form
  std::vector<std::string> other_paths; // see other_readings
  std::string raw_path;                 // as sent, for forwarding when it normalises to itself
  std::string query;                    // without '?'; raw
  bool has_query = false;
};
Result<Target> parse_target(std::string_view target); // not for CONNECT

} // namespace sluice::model
