// The server's side of SOCKS 5 (RFC 1928) with user and password (RFC 1929) as a machine: bytes in,
// what to do out. CONNECT only. Keeps no bytes of its own, so that nothing can pile up in it, and
// never says that a connection stands: the caller does, once it has one.
// Tested by tests/unit/wire/socks5_test.cpp, tests/fuzz/socks5_fuzz.cpp.
#pragma once

#include "policy/base/secret.hpp"
#include "proxy/wire/need_more.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::wire {

// RFC 1928 §6.
enum class SocksReply : std::uint8_t {
  succeeded = 0,
  general_failure = 1,
  not_allowed = 2,
  network_unreachable = 3,
  host_unreachable = 4,
  connection_refused = 5,
  ttl_expired = 6,
  command_not_supported = 7,
  address_type_not_supported = 8,
};

// The last bytes before the tunnel, or before the connection is closed. Names 0.0.0.0:0 as the
// bound address: where a call really went is not for the agent to learn.
std::string encode_socks_reply(SocksReply reply);

struct SocksSend {
  std::string bytes; // send them and go on feeding
};
// Answer with authenticated(). The user may be a run token too: neither goes into a record as it
// is.
struct SocksAuthenticate {
  Secret user;     // 1 to 255 bytes without control bytes
  Secret password; // 0 to 255, likewise: RFC 1929 asks for one, clients send none beside a token
};
// The client waits for encode_socks_reply. What it sent behind the request is not consumed; it is
// the tunnel's.
struct SocksConnect {
  enum class Kind : std::uint8_t { domain, v4, v6 };
  std::string host; // domain as sent, visible ASCII, 1 to 255 bytes (it may spell an address); or
                    // the address as text: dotted quad, RFC 5952 without brackets
  std::uint16_t port = 0; // never 0
  Kind kind = Kind::domain;
};
struct SocksRefuse {
  std::string reply;       // send it, if it is not empty, and close
  std::string_view phrase; // fixed, with the RFC section; never bytes of the client
};

using SocksEvent = std::variant<NeedMore, SocksSend, SocksAuthenticate, SocksConnect, SocksRefuse>;

// One per connection.
class Socks5Server {
 public:
  // Never waits for more than this many bytes: VER ULEN UNAME PLEN PASSWD, all at their largest.
  static constexpr std::size_t kMaxMessage = 3 + 255 + 255;

  // Without require_password a client that offers "no authentication" is never asked for one.
  explicit Socks5Server(bool require_password) : require_password_(require_password) {}

  // Consumes a prefix of `in`; call again with the rest until it yields NeedMore. Wrong bytes are
  // refused before the message is whole. After SocksRefuse it yields SocksRefuse again; after
  // SocksAuthenticate, until authenticated(), and after SocksConnect it consumes nothing and yields
  // NeedMore.
  SocksEvent feed(std::string_view& in);

  // SocksSend or SocksRefuse. Requires: the last event was SocksAuthenticate (else
  // std::logic_error).
  SocksEvent authenticated(bool accepted);

 private:
  enum class State : std::uint8_t { greeting, password, verdict, request, connected, refused };
  SocksEvent read_greeting(std::string_view& in);
  SocksEvent read_password(std::string_view& in);
  SocksEvent read_request(std::string_view& in);
  SocksEvent refuse(std::string reply, std::string_view phrase);
  SocksEvent refuse(SocksReply reply, std::string_view phrase);

  bool require_password_;
  State state_ = State::greeting;
  SocksRefuse refusal_;
};

} // namespace sluice::wire
