// What protocol begins with these bytes. A guess that picks a reader and grants nothing: the reader
// judges every byte again, and `opaque` goes to raw TCP rules or is refused. So whatever a server
// could take for HTTP is http1, also when it is malformed; opaque is what no HTTP server would.
// Tested by tests/unit/wire/detect_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::wire {

enum class Protocol : std::uint8_t { need_more, tls, http1, http2_preface, socks5, opaque };

// The answer is there at this many bytes at the latest, and no byte behind them is looked at.
constexpr std::size_t kDetectBytes = 24;

// `prefix` is all that the stream has brought so far. Once the answer is not need_more, more bytes
// do not change it. Waits only while the bytes could still become two of the protocols, so a client
// that lets the server speak first stays need_more: the caller has a deadline for that.
Protocol detect(std::string_view prefix);

} // namespace sluice::wire
