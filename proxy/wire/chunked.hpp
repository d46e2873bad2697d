// The chunked transfer coding (RFC 9112 §7.1), decoded strictly and without copying. Our own
// because Beast 1.81 merges trailers into the header fields, takes white space inside the size
// line, and puts no bound on extensions; a chunk boundary that two readers see in different places
// is a smuggled request. Extensions are checked and dropped.
// Tested by tests/unit/wire/chunked_test.cpp and tests/vectors/http1.
#pragma once

#include "proxy/wire/head_scan.hpp"
#include "proxy/wire/http1.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

namespace sluice::wire {

class ChunkedDecoder {
 public:
  using Step = std::variant<NeedMore, BodyBytes, MessageEnd, ProtocolError>;

  explicit ChunkedDecoder(const Limits& limits) : trailers_(Section::trailers, limits) {}

  Step next(std::string_view& in); // consumes a prefix; after MessageEnd, restart() comes first
  void restart();

 private:
  enum class State : std::uint8_t { size, data, data_end, trailers };
  Step read_trailers(std::string_view& in);

  HeadScan trailers_;
  State state_ = State::size;
  std::uint64_t left_ = 0;          // of the chunk's data
  std::size_t extension_bytes_ = 0; // of the message so far
};

} // namespace sluice::wire
