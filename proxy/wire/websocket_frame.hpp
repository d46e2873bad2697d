// WebSocket frames (RFC 6455 §5), bytes to frames and back, in either direction. Strict: what two
// readers could read in two ways is a fault with its close code, and stays one.
// Never yields a byte of a frame whose head is in doubt, never waits for more than a head.
// Tested by tests/unit/wire/websocket_frame_test.cpp and tests/fuzz/websocket_fuzz.cpp.
#pragma once

#include "proxy/wire/need_more.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::wire {

enum class WebSocketPeer : std::uint8_t { client, server };
enum class Opcode : std::uint8_t { continuation = 0, text, binary, close = 8, ping, pong };

// RFC 6455 §7.4.1: those we send ourselves.
enum class CloseCode : std::uint16_t {
  going_away = 1001,
  protocol_error = 1002,
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  bad_gateway = 1014, // IANA: what 502 is to HTTP
};
struct WebSocketFault {
  CloseCode code = CloseCode::protocol_error;
  std::string_view phrase; // fixed, with the RFC section; never bytes of the peer
};

// What next() yields, beside NeedMore.
struct FrameStart { // of a message; frames of one follow each other, control frames in between
  Opcode message = Opcode::binary; // text or binary, also for a continuation
  bool first = false, final = false;
  bool compressed = false;  // RSV1 (RFC 7692 §6), on the first frame only
  std::uint64_t length = 0; // of the payload
};
struct FrameBytes {
  std::string_view bytes; // unmasked; until the next call or a change of the caller's buffer
};
struct FrameEnd {
  bool final = false; // so was the message
};
struct ControlFrame {
  Opcode opcode = Opcode::ping;
  std::string payload; // at most 125 bytes; a close has a code that may be sent, and UTF-8
};
using FrameEvent =
    std::variant<NeedMore, FrameStart, FrameBytes, FrameEnd, ControlFrame, WebSocketFault>;

class FrameReader {
 public:
  // `from`: who sends the bytes. `compresses`: permessage-deflate was agreed. `message_bytes`:
  // payload of all frames of a message together.
  FrameReader(WebSocketPeer from, bool compresses, std::uint64_t message_bytes)
      : from_(from), compresses_(compresses), message_bytes_(message_bytes) {}

  FrameEvent next(std::string_view& in); // consumes a prefix of `in`, all of it before NeedMore
  bool closed() const noexcept { return closed_; } // a close came: any byte after it is a fault

 private:
  enum class State : std::uint8_t { head, payload, frame_end };
  static constexpr std::size_t kLargestHead = 14;

  FrameEvent read_head(std::string_view& in);
  FrameEvent begin_frame(std::string_view& in);
  FrameEvent begin_data();
  FrameEvent read_payload(std::string_view& in);
  FrameEvent read_control(std::string_view& in);
  std::optional<WebSocketFault> judge_first_byte() const;
  std::optional<WebSocketFault> judge_second_byte() const;
  std::optional<WebSocketFault> judge_close() const;
  std::size_t head_size() const noexcept;
  std::string_view unmask(std::string_view bytes);
  bool is_control() const noexcept { return (head_[0] & 0x08) != 0; }
  FrameEvent fail(WebSocketFault fault);

  WebSocketPeer from_;
  bool compresses_;
  std::uint64_t message_bytes_;
  State state_ = State::head;
  std::array<std::uint8_t, kLargestHead> head_{};
  std::size_t head_read_ = 0;
  std::uint64_t left_ = 0; // of the frame's payload
  std::array<std::uint8_t, 4> key_{};
  std::size_t key_at_ = 0;
  bool in_message_ = false;
  Opcode message_ = Opcode::binary;
  std::uint64_t message_size_ = 0;
  std::string unmasked_, control_;
  bool closed_ = false;
  std::optional<WebSocketFault> fault_;
};

struct FrameHead {
  Opcode opcode = Opcode::binary;
  bool final = true;
  bool compressed = false;
};
// Appends one frame. A client's (RFC 6455 §5.3) is masked with a key that nobody could foresee.
void encode_frame(WebSocketPeer by, const FrameHead& head, std::string_view payload,
                  std::string& out);
// The payload of a close; requires a reason of at most 123 bytes.
std::string close_payload(CloseCode code, std::string_view reason);

} // namespace sluice::wire
