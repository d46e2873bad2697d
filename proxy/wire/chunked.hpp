// The chunked transfer coding (RFC 9112 §7.1), decoded strictly. Our own because Beast 1.81 merges
// trailers into the header fields and is lenient in chunk extensions; a chunk boundary that two
// readers see in different places is a smuggled request.
// Tested by tests/unit/wire/chunked_test.cpp.
#pragma once

#include "proxy/wire/http1.hpp"

#include <cstdint>
#include <string_view>
#include <variant>

namespace sluice::wire {

class ChunkedDecoder {
 public:
  using Step = std::variant<NeedMore, BodyBytes, MessageEnd, ProtocolError>;
  explicit ChunkedDecoder(const Limits& limits) : limits_(limits) {}
  Step next(std::string_view& in);  // consumes a prefix; after MessageEnd it must be renewed

 private:
  enum class State : std::uint8_t { size, data, data_end, trailers };
  Step size_line(std::string_view& in);
  Step trailer_line(std::string_view& in);

  Limits limits_;
  State state_ = State::size;
  std::uint64_t left_ = 0;
  std::size_t trailer_bytes_ = 0;
  Fields trailers_;
};

}  // namespace sluice::wire
