// Strict HTTP/1.x (RFC 9112): bytes to events and back, no I/O, no clock, no policy. On
// Beast's basic_parser for the grammar, with our framing gate on top (framing.hpp), because the
// parser alone accepts messages that can be read in two ways. Never yields a body byte of a message
// whose framing is in doubt. Tested by tests/unit/wire/http1_test.cpp, tests/vectors/http1,
// tests/fuzz/http1_fuzz.cpp.
#pragma once

#include "proxy/wire/head.hpp"
#include "proxy/wire/need_more.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::wire {

struct Limits {
  std::size_t head_bytes = 64 * 1024; // start line and fields
  std::size_t field_count = 200;
  std::size_t trailer_bytes = 16 * 1024;
  std::size_t target_bytes = 16 * 1024;
};

enum class ProtocolFault : std::uint8_t { framing, head_too_large, version, end_of_stream };
struct ProtocolError {
  ProtocolFault fault = ProtocolFault::framing;
  std::string detail; // a fixed phrase with the RFC section; never bytes of the message
};

// What next() yields, beside NeedMore. Body views point into the caller's buffer and live until it
// changes.
struct BodyBytes {
  std::string_view bytes; // de-chunked
};
struct MessageEnd {
  Fields trailers; // already judged by the gate
};
using RequestEvent = std::variant<NeedMore, RequestHead, BodyBytes, MessageEnd, ProtocolError>;
using ResponseEvent = std::variant<NeedMore, ResponseHead, BodyBytes, MessageEnd, ProtocolError>;

// One per downstream connection. After MessageEnd the next bytes are the next request (pipelining);
// the caller decides when to go on. After ProtocolError every call yields ProtocolError again.
class RequestReader {
 public:
  explicit RequestReader(const Limits& limits = {});
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;
  ~RequestReader();
  RequestEvent next(std::string_view& in); // consumes a prefix of `in`
  RequestEvent finish(); // end of stream: NeedMore between messages, else ProtocolError
  bool between_messages() const noexcept; // no byte of a next message consumed or seen

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One per upstream connection. Interim (1xx) heads are yielded as ResponseHead with no MessageEnd;
// 101 is yielded too and the caller must treat it as an error unless it asked for it.
class ResponseReader {
 public:
  explicit ResponseReader(const Limits& limits = {});
  ResponseReader(ResponseReader&&) noexcept;
  ResponseReader& operator=(ResponseReader&&) noexcept;
  ~ResponseReader();
  void
  expect(std::string_view request_method); // before each response: HEAD and CONNECT have no body
  ResponseEvent next(std::string_view& in);
  ResponseEvent finish(); // until_close bodies end here with MessageEnd

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Encoding. Requires: names and values without CR, LF, NUL (checked again: such a field is a bug
// and throws std::logic_error before a byte is written).
// The head's framing field decides: `length` writes Content-Length, `chunked` Transfer-Encoding;
// fields of those two names in `fields` are ignored. Always HTTP/1.1; without keep_alive it says
// `Connection: close` (RFC 9112 §9.6). Nothing but the head frames a request: until_close throws.
void encode(const RequestHead& head, std::string& out);
void encode(const ResponseHead& head, std::string& out);
void encode_chunk(std::string_view bytes, std::string& out); // nothing for empty bytes
void encode_last_chunk(const Fields& trailers, std::string& out);

} // namespace sluice::wire
