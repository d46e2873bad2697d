// One direction of a WebSocket: frames in, what they say redacted, frames out. A text is masked
// with the placeholder, anything else byte for byte, so that its length stays. What a message says
// is one text however it is cut; bytes that cannot be part of a secret go on at once, as fragments.
// The pieces of a text that a model streams, a JSON message each, are joined when asked for.
// Never passes on a byte it could not read when redaction is due, and never a message that its
// sender did not send but as the rest of one. Tested by tests/unit/call/message_pipe_test.cpp.
#pragma once

#include "policy/redact/drip.hpp"
#include "policy/redact/event_stream.hpp"
#include "policy/redact/redactor.hpp"
#include "proxy/call/body_digest.hpp"
#include "proxy/wire/websocket_message.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::call {

class MessagePipe {
 public:
  struct Config {
    wire::WebSocketPeer from = wire::WebSocketPeer::client;
    std::optional<wire::DeflateTerms> deflate;
    std::shared_ptr<const redact::RuleSet> rules; // null: nothing is redacted
    redact::Scope scope = {};
    std::shared_ptr<redact::DripMeter> meter = nullptr; // is shown what leaves
    // Text that may begin a known secret then waits for the next message of its text: right for
    // what streams, not for who asks and waits for an answer.
    bool joins_events = false;
    std::uint64_t message_bytes = 64ULL << 20;
    DigestKey digest_key = nullptr;
  };

  explicit MessagePipe(Config config);
  MessagePipe(MessagePipe&&) noexcept = default;
  MessagePipe& operator=(MessagePipe&&) noexcept = default;

  // Appends whole frames. A fault is the sender's; nothing may be fed after it.
  std::optional<wire::WebSocketFault> feed(std::string_view in, std::string& out);
  // A close of ours, unless one has passed. What is held of a message stays behind.
  void close(wire::CloseCode code, std::string_view reason, std::string& out);
  bool closed() const noexcept { return closed_; } // a close has passed, or was ours

  redact::Findings findings() const;
  // The rule that blocks the call: nothing of what it was found in may leave. "" while none does.
  std::string blocked_by() const;
  void stop(); // what is held is counted, and never leaves; nothing is fed after it
  std::uint64_t messages() const noexcept { return messages_; } // that ended
  void sent(); // what feed() appended is on its way
  // Of what the messages say, one after another: no frames, no control frames. Once, at the end.
  BodyDigests take_digests() { return digest_.take(); }

 private:
  static constexpr std::size_t kLargestEvent = 32 * 1024;
  static constexpr std::size_t kLargestFragment = 64 * 1024;

  void begin(const wire::MessageBegins& begins);
  void take(std::string_view bytes, std::string& out);
  void end(std::string& out);
  void control(const wire::ControlFrame& frame, std::string& out);
  void end_event(std::string& out);
  bool may_be_event(std::string_view bytes) const;
  bool learn_writing(std::string_view& bytes);
  void redact(std::string_view bytes);
  void feed_redactor(std::string_view bytes);
  void redact_rest();
  void write_events(const std::vector<std::string>& events, std::string& out);
  void say(std::string_view bytes, std::string& out);
  void say_last(std::string_view bytes, std::string& out); // of its message
  redact::Redactor& redactor();

  Config config_;
  wire::MessageReader reader_;
  wire::MessageWriter writer_;
  std::optional<redact::Redactor> text_, json_, binary_, control_; // made when first needed
  std::optional<redact::EventStream> events_;

  bool is_text_ = false; // the message at hand
  // How it is written, which its first sign tells; asked only where that matters.
  enum class Writing : std::uint8_t { unknown, any, json } writing_ = Writing::any;
  std::string space_; // before the first sign
  wire::MessageWriter::Payload payload_ = wire::MessageWriter::Payload::plain;
  bool holds_event_ = false; // it is kept whole in ready_, not redacted yet
  std::string ready_;        // what can be sent of it
  BodyDigest digest_;
  std::string said_; // since sent()
  bool closed_ = false;
  std::uint64_t messages_ = 0;
};

} // namespace sluice::call
