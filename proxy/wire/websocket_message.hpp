// WebSocket messages: frames, permessage-deflate and UTF-8 in one place. The reader gives what a
// message says, inflated and checked, piece by piece; the writer makes frames of it again. What one
// sends the other reads. Neither keeps a message: memory is bounded by one frame of control and
// zlib's windows. Tested by tests/unit/wire/websocket_message_test.cpp,
// tests/fuzz/websocket_fuzz.cpp.
#pragma once

#include "proxy/wire/utf8.hpp"
#include "proxy/wire/websocket_deflate.hpp"
#include "proxy/wire/websocket_frame.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::wire {

enum class Inspect : bool {
  no, // what is compressed stays so, and is not looked into
  yes
};

// What next() yields, beside NeedMore.
struct MessageBegins {
  bool text = false;
  bool compressed = false;
  bool one_frame = false;   // the sender did not cut it
  std::uint64_t length = 0; // of the first frame's payload, as sent
};
struct MessagePiece {
  std::string_view bytes; // until the next call or a change of the caller's buffer
};
struct MessageEnds {};
using MessageEvent =
    std::variant<NeedMore, MessageBegins, MessagePiece, MessageEnds, ControlFrame, WebSocketFault>;

class MessageReader { // of one direction
 public:
  // `from` sends the messages; without terms nothing may be compressed.
  MessageReader(WebSocketPeer from, const std::optional<DeflateTerms>& terms, Inspect inspect,
                const InflateLimits& limits = {});

  MessageEvent next(std::string_view& in); // consumes a prefix of `in`, all of it before NeedMore
  bool closed() const noexcept { return frames_.closed(); }

 private:
  std::optional<MessageEvent> take(FrameEvent event);
  MessageEvent inflated(const MessageInflater::Step& step);
  MessageEvent piece(std::string_view bytes);
  MessageEvent end();
  MessageEvent fail(WebSocketFault fault);

  FrameReader frames_;
  std::optional<MessageInflater> inflater_; // when there are terms and it is to inspect
  Utf8Check utf8_;
  bool inflates_ = false, checks_text_ = false; // the message at hand
  bool ending_ = false;                         // its last frame came, not all of it was given
  bool inflating_ = false;                      // the inflater has more to give
  std::string_view compressed_;                 // of a frame, not yet inflated
  std::optional<WebSocketFault> fault_;
};

class MessageWriter { // of one direction
 public:
  enum class Payload : std::uint8_t { plain, deflate, compressed_already };

  MessageWriter(WebSocketPeer by, std::optional<DeflateTerms> terms) : by_(by), terms_(terms) {}

  // Requires: no message is open; terms for what is not plain. What cannot be deflated within the
  // terms goes plain, as any message may (RFC 7692 §6).
  void begin(Opcode text_or_binary, Payload payload);
  void write(std::string_view bytes, std::string& out); // a fragment; nothing for empty bytes
  void end(std::string_view bytes, std::string& out);   // the last one
  bool open() const noexcept { return open_; }
  void control(Opcode opcode, std::string_view payload, std::string& out);

 private:
  void frame(std::string_view bytes, bool final, std::string& out);

  WebSocketPeer by_;
  std::optional<DeflateTerms> terms_;
  std::optional<MessageDeflater> deflater_; // made for the first message that needs it
  Opcode opcode_ = Opcode::binary;          // of the next frame
  Payload payload_ = Payload::plain;
  bool open_ = false;
  std::string deflated_; // reused
};

} // namespace sluice::wire
