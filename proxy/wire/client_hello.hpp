// The TLS ClientHello at the start of a stream (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301), read to
// learn the name that is asked for before anyone answers. Reads and forgets: no key, no state, and
// never a name out of a hello that two TLS stacks could read in two ways.
// Tested by tests/unit/wire/client_hello_test.cpp, tests/fuzz/client_hello_fuzz.cpp.
#pragma once

#include "proxy/wire/need_more.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::wire {

// Bytes of the stream, record headers included. A hello of today has 200 to 2,000.
constexpr std::size_t kMaxClientHello = std::size_t{64} * 1024;

struct ClientHello {
  std::string server_name;       // as sent: visible ASCII, 1 to 255 bytes; "" when none was sent
  std::vector<std::string> alpn; // in the client's order; any bytes, none empty
  // An encrypted_client_hello (0xfe0d) or draft encrypted_server_name (0xffce) is there. What it
  // hides cannot be seen, nor whether it hides anything: Chrome sends a random one ("GREASE ECH")
  // to every server. Who ends TLS here may ignore it, as the outer name is the one that counts
  // then; who passes the bytes on must not trust server_name.
  bool ech = false;
  bool supports_tls13 = false;
  // Highest of SSL 3.0 to TLS 1.3 (0x0300 to 0x0304) that is offered, from supported_versions where
  // sent (RFC 8446 §4.2.1); 0 when that names none of them.
  std::uint16_t max_version = 0;
};

struct Malformed {
  std::string_view phrase; // fixed, with the RFC section; never bytes of the message
};

using ClientHelloScan = std::variant<NeedMore, ClientHello, Malformed>;

// `bytes` is all that the stream has brought so far, from its first byte. The answer does not
// depend on how the bytes were cut into records or calls: once it is not NeedMore, more bytes do
// not change it, and bytes after the hello are not judged. At kMaxClientHello bytes it is never
// NeedMore. Malformed as soon as the headers of records and message tell, otherwise at the end of
// the message. Costs a step per record, and one copy of the message when it is whole.
ClientHelloScan scan_client_hello(std::string_view bytes);

} // namespace sluice::wire
