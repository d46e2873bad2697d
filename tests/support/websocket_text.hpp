// WebSocket for tests: frames made by hand, and what a MessageReader says as one text that does not
// depend on how the bytes were cut.
#pragma once

#include "policy/base/bytes.hpp"
#include "proxy/wire/websocket_message.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::test {

inline constexpr unsigned kFinal = 0x80, kCompressed = 0x40;

// Not by the product's encoder: a length may be written in too many bytes, a mask be wrong.
struct Frame {
  unsigned first = kFinal | 1;
  std::string payload;
  bool masked = true;
  int length_bytes = -1; // 0, 2 or 8 behind the first; -1: as few as it needs
  std::string key = "\x11\x22\x33\x44";
};

inline std::string written(const Frame& frame) {
  const auto size = frame.payload.size();
  const int extended = frame.length_bytes >= 0 ? frame.length_bytes
                       : size < 126            ? 0
                       : size < 65536          ? 2
                                               : 8;
  std::string out(1, static_cast<char>(frame.first));
  const auto shown = extended == 0 ? size : extended == 2 ? 126 : 127;
  out += static_cast<char>((frame.masked ? 0x80U : 0U) | shown);
  for (int i = extended - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i));
  if (!frame.masked) return out + frame.payload;
  out += frame.key;
  for (std::size_t i = 0; i < size; ++i)
    out += static_cast<char>(frame.payload[i] ^ frame.key[i % 4]);
  return out;
}

struct ReadBy {
  wire::WebSocketPeer from = wire::WebSocketPeer::client;
  std::optional<wire::DeflateTerms> terms;
  wire::Inspect inspect = wire::Inspect::yes;
  wire::InflateLimits limits;
  std::size_t piece = std::string::npos;
};

// "text hello; ping 78; close 03e8; fault 1002 …". Bytes of a message that never ends end in "…".
inline std::string websocket_transcript(std::string_view in, const ReadBy& how) {
  wire::MessageReader reader(how.from, how.terms, how.inspect, how.limits);
  std::string out, message;
  bool open = false;
  const auto flush = [&](std::string_view end) {
    if (open) out += message + std::string(end);
    open = false;
    message.clear();
  };
  std::string late; // control frames inside a message come before it
  while (true) {
    auto piece = in.substr(0, how.piece);
    in.remove_prefix(piece.size());
    for (bool more = true; more;) {
      auto event = reader.next(piece);
      if (std::holds_alternative<wire::NeedMore>(event)) {
        more = false;
      } else if (const auto* begins = std::get_if<wire::MessageBegins>(&event)) {
        open = true;
        message = begins->text ? "text " : "binary ";
        if (begins->compressed && how.inspect == wire::Inspect::no) message += "compressed ";
      } else if (const auto* bytes = std::get_if<wire::MessagePiece>(&event)) {
        message += bytes->bytes;
      } else if (std::holds_alternative<wire::MessageEnds>(event)) {
        flush("; ");
      } else if (const auto* control = std::get_if<wire::ControlFrame>(&event)) {
        out += control->opcode == wire::Opcode::ping   ? "ping "
               : control->opcode == wire::Opcode::pong ? "pong "
                                                       : "close ";
        out += to_hex(control->payload) + "; ";
      } else {
        // What was given before a fault may depend on the cuts: it counts for nothing.
        const auto& fault = std::get<wire::WebSocketFault>(event);
        return out + "fault " + std::to_string(static_cast<int>(fault.code)) + " " +
               std::string(fault.phrase);
      }
    }
    if (in.empty()) break;
  }
  flush("…");
  return out;
}

inline std::string websocket_transcript(std::string_view in, wire::WebSocketPeer from) {
  ReadBy how;
  how.from = from;
  return websocket_transcript(in, how);
}

} // namespace sluice::test
