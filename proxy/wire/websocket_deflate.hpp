// permessage-deflate (RFC 7692): what is offered and agreed, and the payload of messages inflated
// and deflated by zlib. Guards against bombs. Never gives more than it is asked for at a time, and
// never takes a parameter it does not know for one it may ignore.
// Tested by tests/unit/wire/websocket_deflate_test.cpp and tests/fuzz/websocket_fuzz.cpp.
#pragma once

#include "proxy/wire/websocket_frame.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::wire {

inline constexpr int kMostWindowBits = 15;

// RFC 7692 §7.1. Of an offer: what the client asks of the answer.
struct DeflateOffer {
  bool client_no_takeover = false, server_no_takeover = false;
  std::optional<int> server_bits;
  bool may_limit_client = false; // client_max_window_bits is there,
  std::optional<int> client_bits;
  bool operator==(const DeflateOffer&) const = default;
};
struct DeflateTerms { // agreed
  bool client_takeover = true, server_takeover = true;
  std::optional<int> client_bits, server_bits; // as the answer says them
  bool takeover(WebSocketPeer by) const noexcept {
    return by == WebSocketPeer::client ? client_takeover : server_takeover;
  }
  int window_bits(WebSocketPeer by) const noexcept {
    return (by == WebSocketPeer::client ? client_bits : server_bits).value_or(kMostWindowBits);
  }
  bool operator==(const DeflateTerms&) const = default;
};

// The offers of a Sec-WebSocket-Extensions field that can be honoured, in order; other extensions
// and unknown parameters are no offers. nullopt: the field is malformed.
std::optional<std::vector<DeflateOffer>> read_deflate_offers(std::string_view field);
std::string deflate_offers(const std::vector<DeflateOffer>& offers); // "" for none
// The answer to these offers. nullopt: it agrees to what nobody offered (RFC 7692 §7.1).
std::optional<DeflateTerms> read_deflate_answer(std::string_view field,
                                                const std::vector<DeflateOffer>& offers);
std::string deflate_answer(const DeflateTerms& terms);

// The time a hostile peer may cost; its memory is bounded anyway. What comes in earns `ratio` times
// as much that may come out, and no more than `free_bytes` are ever saved up.
struct InflateLimits {
  std::uint64_t message_bytes = 256ULL << 20;
  std::uint64_t free_bytes = 8ULL << 20;
  std::uint64_t ratio = 200;
};

class MessageInflater { // of one direction
 public:
  MessageInflater(bool takeover, const InflateLimits& limits);
  MessageInflater(MessageInflater&&) noexcept;
  MessageInflater& operator=(MessageInflater&&) noexcept;
  ~MessageInflater();

  struct Step {
    std::string_view bytes; // until the next call; empty with all of `in` taken: no more of it
    std::optional<WebSocketFault> fault;
  };
  Step step(std::string_view& in); // a block at most
  // After the last byte of a message: again until it gives nothing.
  Step finish_step();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class MessageDeflater { // of one direction
 public:
  static constexpr int kLeastBits = 9; // zlib's smallest window of a bare stream

  MessageDeflater(bool takeover, int window_bits); // at least kLeastBits
  MessageDeflater(MessageDeflater&&) noexcept;
  MessageDeflater& operator=(MessageDeflater&&) noexcept;
  ~MessageDeflater();
  enum class Until : std::uint8_t { fragment, message };
  // Appends what a reader needs to have all of `in`.
  void feed(std::string_view in, Until until, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace sluice::wire
