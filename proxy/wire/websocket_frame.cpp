#include "proxy/wire/websocket_frame.hpp"

#include "policy/base/digest.hpp"
#include "proxy/wire/byte_reader.hpp"
#include "proxy/wire/utf8.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::wire {
namespace {

constexpr std::uint8_t kFin = 0x80, kRsv1 = 0x40, kRsv23 = 0x30, kMask = 0x80;
constexpr std::uint8_t kLength16 = 126, kLength64 = 127;
constexpr std::size_t kLargestControl = 125;
constexpr std::size_t kUnmaskedAtOnce = 16 * 1024;

using Key = std::array<std::uint8_t, 4>;

// RFC 6455 §5.3; `at` is the place in the payload that `bytes` begins at. Its own inverse.
void apply_key(const Key& key, std::size_t at, char* bytes, std::size_t size) {
  std::array<char, 8> turned{};
  for (std::size_t i = 0; i < turned.size(); ++i)
    turned[i] = static_cast<char>(key[(at + i) % key.size()]);
  std::uint64_t wide = 0;
  std::memcpy(&wide, turned.data(), sizeof wide);
  std::size_t i = 0;
  for (; i + sizeof wide <= size; i += sizeof wide) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes + i, sizeof eight);
    eight ^= wide;
    std::memcpy(bytes + i, &eight, sizeof eight);
  }
  for (; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ turned[i % turned.size()]);
}

// RFC 6455 §10.3: from a strong source, never the same in two frames but by chance.
Key fresh_key() {
  thread_local std::string pool;
  thread_local std::size_t used = 0;
  Key key{};
  if (used + key.size() > pool.size()) {
    pool = random_bytes(1024);
    used = 0;
  }
  std::memcpy(key.data(), pool.data() + used, key.size());
  used += key.size();
  return key;
}

// RFC 6455 §7.4 and the IANA registry: 1004 to 1006 and 1015 never stand in a frame.
bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

WebSocketFault protocol_error(std::string_view phrase) {
  return {CloseCode::protocol_error, phrase};
}

void append_big_endian(std::uint64_t value, int bytes, std::string& out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift);
}

} // namespace

FrameEvent FrameReader::fail(WebSocketFault fault) {
  fault_ = fault;
  return fault;
}

FrameEvent FrameReader::next(std::string_view& in) {
  if (fault_) return *fault_;
  if (state_ == State::frame_end) {
    state_ = State::head;
    in_message_ = (head_[0] & kFin) == 0;
    return FrameEnd{!in_message_};
  }
  if (in.empty()) return NeedMore{};
  if (closed_) return fail(protocol_error("a byte after the close (RFC 6455 §5.5.1)"));
  return state_ == State::head ? read_head(in) : read_payload(in);
}

std::size_t FrameReader::head_size() const noexcept {
  const unsigned length = head_[1] & 0x7FU;
  const std::size_t extended = length == kLength16 ? 2 : length == kLength64 ? 8 : 0;
  return 2 + extended + ((head_[1] & kMask) != 0 ? key_.size() : 0);
}

// Byte by byte: what is wrong is wrong before the rest of the head has come.
FrameEvent FrameReader::read_head(std::string_view& in) {
  while (!in.empty()) {
    head_[head_read_++] = byte_at(in, 0);
    in.remove_prefix(1);
    if (head_read_ == 1) {
      if (const auto fault = judge_first_byte()) return fail(*fault);
      continue;
    }
    if (head_read_ == 2) {
      if (const auto fault = judge_second_byte()) return fail(*fault);
    }
    if (head_read_ == head_size()) return begin_frame(in);
  }
  return NeedMore{};
}

std::optional<WebSocketFault> FrameReader::judge_first_byte() const {
  const auto opcode = static_cast<std::uint8_t>(head_[0] & 0x0F);
  const bool final = (head_[0] & kFin) != 0, rsv1 = (head_[0] & kRsv1) != 0;
  if ((head_[0] & kRsv23) != 0) return protocol_error("RSV2 or RSV3 set (RFC 6455 §5.2)");
  if ((opcode > 2 && opcode < 8) || opcode > 10) {
    return protocol_error("a reserved opcode (RFC 6455 §5.2)");
  }
  if (is_control()) {
    if (!final) return protocol_error("a control frame in fragments (RFC 6455 §5.5)");
    if (rsv1) return protocol_error("RSV1 on a control frame (RFC 7692 §6.1)");
    return std::nullopt;
  }
  const bool continues = opcode == 0;
  if (rsv1 && !compresses_) return protocol_error("RSV1 without an extension (RFC 6455 §5.2)");
  if (rsv1 && continues) return protocol_error("RSV1 on a continuation (RFC 7692 §6.1)");
  if (continues && !in_message_) return protocol_error("a continuation of nothing (RFC 6455 §5.4)");
  if (!continues && in_message_) {
    return protocol_error("a message inside a message (RFC 6455 §5.4)");
  }
  return std::nullopt;
}

std::optional<WebSocketFault> FrameReader::judge_second_byte() const {
  const bool masked = (head_[1] & kMask) != 0;
  if (masked != (from_ == WebSocketPeer::client)) {
    return protocol_error(masked ? "a masked frame of a server (RFC 6455 §5.1)"
                                 : "an unmasked frame of a client (RFC 6455 §5.1)");
  }
  if (is_control() && (head_[1] & 0x7FU) > kLargestControl) {
    return protocol_error("a control frame over 125 bytes (RFC 6455 §5.5)");
  }
  return std::nullopt;
}

FrameEvent FrameReader::begin_frame(std::string_view& in) {
  const std::size_t size = head_read_;
  head_read_ = 0;
  const std::uint8_t length = head_[1] & 0x7F;
  const std::size_t extended = length == kLength16 ? 2 : length == kLength64 ? 8 : 0;
  left_ = extended == 0 ? length : 0;
  for (std::size_t i = 0; i < extended; ++i) left_ = left_ << 8 | head_[2 + i];
  if ((extended == 2 && left_ < kLength16) || (extended == 8 && left_ <= 0xFFFF)) {
    return fail(protocol_error("a length in more bytes than it needs (RFC 6455 §5.2)"));
  }
  if (extended == 8 && (left_ >> 63) != 0) {
    return fail(protocol_error("a length with its first bit set (RFC 6455 §5.2)"));
  }
  key_.fill(0);
  if ((head_[1] & kMask) != 0) std::copy_n(head_.begin() + (size - 4), key_.size(), key_.begin());
  key_at_ = 0;
  state_ = State::payload;
  control_.clear();
  return is_control() ? read_control(in) : begin_data();
}

FrameEvent FrameReader::begin_data() {
  FrameStart start;
  start.first = !in_message_;
  start.final = (head_[0] & kFin) != 0;
  start.compressed = (head_[0] & kRsv1) != 0;
  start.length = left_;
  if (start.first) {
    message_ = static_cast<Opcode>(head_[0] & 0x0F);
    message_size_ = 0;
  }
  start.message = message_;
  if (left_ > message_bytes_ - message_size_) {
    return fail({CloseCode::message_too_big, "a message over the limit (RFC 6455 §10.4)"});
  }
  message_size_ += left_;
  if (left_ == 0) state_ = State::frame_end;
  return start;
}

FrameEvent FrameReader::read_payload(std::string_view& in) {
  if (is_control()) return read_control(in);
  auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
  const bool masked = from_ == WebSocketPeer::client;
  if (masked) size = std::min(size, kUnmaskedAtOnce);
  auto bytes = in.substr(0, size);
  in.remove_prefix(size);
  left_ -= size;
  if (left_ == 0) state_ = State::frame_end;
  return FrameBytes{masked ? unmask(bytes) : bytes};
}

std::string_view FrameReader::unmask(std::string_view bytes) {
  unmasked_.assign(bytes);
  apply_key(key_, key_at_, unmasked_.data(), unmasked_.size());
  key_at_ = (key_at_ + bytes.size()) % key_.size();
  return unmasked_;
}

FrameEvent FrameReader::read_control(std::string_view& in) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
  control_ += unmask(in.substr(0, size));
  in.remove_prefix(size);
  left_ -= size;
  if (left_ > 0) return NeedMore{};
  state_ = State::head;
  ControlFrame frame{static_cast<Opcode>(head_[0] & 0x0F), control_};
  if (frame.opcode != Opcode::close) return frame;
  if (const auto fault = judge_close()) return fail(*fault);
  closed_ = true;
  return frame;
}

std::optional<WebSocketFault> FrameReader::judge_close() const {
  if (control_.empty()) return std::nullopt;
  if (control_.size() == 1) return protocol_error("a close of one byte (RFC 6455 §5.5.1)");
  const unsigned code = byte_at(control_, 0) * 256U + byte_at(control_, 1);
  if (!may_be_sent(code)) return protocol_error("a close code that is not sent (RFC 6455 §7.4)");
  Utf8Check reason;
  if (!reason.feed(std::string_view(control_).substr(2)) || !reason.whole()) {
    return WebSocketFault{CloseCode::invalid_payload, "a close reason not UTF-8 (RFC 6455 §5.5.1)"};
  }
  return std::nullopt;
}

void encode_frame(WebSocketPeer by, const FrameHead& head, std::string_view payload,
                  std::string& out) {
  const bool masked = by == WebSocketPeer::client;
  const auto mask_bit = masked ? kMask : std::uint8_t{0};
  out += static_cast<char>((head.final ? kFin : 0) | (head.compressed ? kRsv1 : 0) |
                           static_cast<std::uint8_t>(head.opcode));
  if (payload.size() < kLength16) {
    out += static_cast<char>(mask_bit | payload.size());
  } else if (payload.size() <= 0xFFFF) {
    out += static_cast<char>(mask_bit | kLength16);
    append_big_endian(payload.size(), 2, out);
  } else {
    out += static_cast<char>(mask_bit | kLength64);
    append_big_endian(payload.size(), 8, out);
  }
  if (!masked) {
    out += payload;
    return;
  }
  const Key key = fresh_key();
  out.append(reinterpret_cast<const char*>(key.data()), key.size());
  const auto from = out.size();
  out += payload;
  apply_key(key, 0, out.data() + from, payload.size());
}

std::string close_payload(CloseCode code, std::string_view reason) {
  std::string out;
  append_big_endian(static_cast<std::uint16_t>(code), 2, out);
  return out.append(reason);
}

} // namespace sluice::wire
