#include "proxy/wire/chunked.hpp"

#include "proxy/wire/framing.hpp"

#include <algorithm>
#include <utility>

namespace sluice::wire {
namespace {

constexpr std::size_t kSizeDigits = 15;  // 60 bits: no overflow
constexpr std::size_t kSizeLine = kSizeDigits + 256;

ProtocolError framing_fault(const char* phrase) { return {ProtocolFault::framing, phrase}; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 9112 §7.1.1: only where it belongs and only bytes that mean nothing to anyone else.
bool valid_extension(std::string_view text) {
  if (text.empty()) return true;
  return text.front() == ';' && is_field_value(text);
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::next(std::string_view& in) {
  for (;;) {
    switch (state_) {
    case State::size: {
      auto step = size_line(in);
      if (state_ == State::size) return step;  // NeedMore or an error
      continue;
    }
    case State::data: {
      if (in.empty()) return NeedMore{};
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
      const BodyBytes body{in.substr(0, take)};
      in.remove_prefix(take);
      left_ -= take;
      if (left_ == 0) state_ = State::data_end;
      return body;
    }
    case State::data_end:
      // RFC 9112 §7.1: exactly CRLF after the data, or the size was a lie.
      if (!in.empty() && in[0] != '\r') return framing_fault("RFC 9112 §7.1: chunk data not followed by CRLF");
      if (in.size() < 2) return NeedMore{};
      if (in[1] != '\n') return framing_fault("RFC 9112 §7.1: chunk data not followed by CRLF");
      in.remove_prefix(2);
      state_ = State::size;
      continue;
    case State::trailers: return trailer_line(in);
    }
  }
}

ChunkedDecoder::Step ChunkedDecoder::size_line(std::string_view& in) {
  const auto end = in.find('\n');
  const auto line = in.substr(0, end);
  if (line.size() > kSizeLine) return framing_fault("RFC 9112 §7.1: the chunk size line is too long");
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && hex_value(line[digits]) >= 0) {
    if (digits == kSizeDigits) return framing_fault("RFC 9112 §7.1: the chunk size is too large");
    size = size * 16 + static_cast<std::uint64_t>(hex_value(line[digits++]));
  }
  // Before the whole line is there, so that nonsense is refused at once.
  if (digits == 0 && !line.empty()) return framing_fault("RFC 9112 §7.1: the chunk size is not hexadecimal");
  if (end == std::string_view::npos) return NeedMore{};
  if (digits == 0 || line.back() != '\r') return framing_fault("RFC 9112 §7.1: the chunk size line has no CRLF");
  if (!valid_extension(line.substr(digits, line.size() - 1 - digits))) {
    return framing_fault("RFC 9112 §7.1.1: malformed chunk extension");
  }
  in.remove_prefix(end + 1);
  left_ = size;
  state_ = size == 0 ? State::trailers : State::data;
  return NeedMore{};
}

ChunkedDecoder::Step ChunkedDecoder::trailer_line(std::string_view& in) {
  for (;;) {
    const auto end = in.find('\n');
    const auto seen = end == std::string_view::npos ? in.size() : end + 1;
    if (trailer_bytes_ + seen > limits_.trailer_bytes + 2) {
      return ProtocolError{ProtocolFault::head_too_large, "the trailer section is too large"};
    }
    if (end == std::string_view::npos) return NeedMore{};
    if (end == 0 || in[end - 1] != '\r') return framing_fault("RFC 9112 §2.2: bare LF in trailers");
    const auto line = in.substr(0, end - 1);
    if (line.empty()) {
      in.remove_prefix(2);
      if (auto fault = check_trailers(trailers_)) return *fault;
      return MessageEnd{std::move(trailers_)};
    }
    if (auto fault = parse_field_line(line, trailers_)) return *fault;
    if (trailers_.all().size() > limits_.field_count) {
      return ProtocolError{ProtocolFault::head_too_large, "too many trailer fields"};
    }
    trailer_bytes_ += seen;
    in.remove_prefix(end + 1);
  }
}

}  // namespace sluice::wire
