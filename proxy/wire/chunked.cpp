#include "proxy/wire/chunked.hpp"

#include "proxy/wire/framing.hpp"
#include "proxy/wire/grammar.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::wire {
namespace {

constexpr std::size_t kSizeDigits = 16;
constexpr std::size_t kExtensionBytes = 256; // of one chunk
// Of one message: a peer that sends more extension than content is up to something.
constexpr std::size_t kExtensionBytesInAll = 16 * 1024;

ProtocolError framing(const char* phrase) {
  return ProtocolError{ProtocolFault::framing, phrase};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 9112 §7.1.1: *( ";" name [ "=" ( token / quoted-string ) ] ), one byte after the other. The
// "bad white space" that the grammar forgives is refused: readers differ about it.
class ExtensionGrammar {
 public:
  bool take(char c) {
    switch (at_) {
    case At::start: at_ = At::name_begin; return c == ';';
    case At::name_begin: at_ = At::name; return is(kTokenChar, c);
    case At::name:
      if (c == ';') return move(At::name_begin);
      if (c == '=') return move(At::value_begin);
      return is(kTokenChar, c);
    case At::value_begin:
      if (c == '"') return move(At::quoted);
      at_ = At::value;
      return is(kTokenChar, c);
    case At::value:
      if (c == ';') return move(At::name_begin);
      return is(kTokenChar, c);
    case At::quoted:
      if (c == '"') return move(At::quoted_end);
      if (c == '\\') return move(At::escape);
      return is(kFieldByte, c);
    case At::escape: at_ = At::quoted; return is(kFieldByte, c);
    case At::quoted_end: return c == ';' && move(At::name_begin);
    }
    return false;
  }
  bool may_end() const {
    return at_ == At::start || at_ == At::name || at_ == At::value || at_ == At::quoted_end;
  }

 private:
  enum class At { start, name_begin, name, value_begin, value, quoted, escape, quoted_end };
  bool move(At to) {
    at_ = to;
    return true;
  }
  At at_ = At::start;
};

struct SizeLine {
  std::uint64_t size = 0;
  std::size_t line_bytes = 0; // with its CRLF
  std::size_t extension_bytes = 0;
};
using SizeLineStep = std::variant<NeedMore, SizeLine, ProtocolError>;

// chunk-size [ chunk-ext ] CRLF at the start of `in`. Goes from left to right and stops at the
// first wrong byte, so that the answer is the same however the line was cut.
SizeLineStep read_size_line(std::string_view in) {
  SizeLine line;
  std::size_t at = 0;
  for (; at < in.size() && hex_value(in[at]) >= 0; ++at) {
    if (at == kSizeDigits) return framing("a chunk size out of range (RFC 9112 §7.1)");
    line.size = line.size << 4 | static_cast<std::uint64_t>(hex_value(in[at]));
  }
  if (at == in.size()) return NeedMore{};
  if (at == 0) return framing("a chunk size that is not hexadecimal (RFC 9112 §7.1)");
  if (line.size > std::numeric_limits<std::int64_t>::max()) {
    return framing("a chunk size out of range (RFC 9112 §7.1)");
  }
  ExtensionGrammar extension;
  const std::size_t begin = at;
  for (; at < in.size() && in[at] != '\r'; ++at) {
    if (!extension.take(in[at])) return framing("a malformed chunk extension (RFC 9112 §7.1.1)");
    if (at - begin == kExtensionBytes) {
      return framing("a chunk extension too long (RFC 9112 §7.1.1)");
    }
  }
  if (at == in.size()) return NeedMore{};
  if (!extension.may_end()) return framing("a malformed chunk extension (RFC 9112 §7.1.1)");
  if (at + 1 == in.size()) return NeedMore{};
  if (in[at + 1] != '\n') return framing("bare CR (RFC 9112 §2.2)");
  line.extension_bytes = at - begin;
  line.line_bytes = at + 2;
  return line;
}

} // namespace

void ChunkedDecoder::restart() {
  trailers_.restart();
  state_ = State::size;
  left_ = 0;
  extension_bytes_ = 0;
}

ChunkedDecoder::Step ChunkedDecoder::next(std::string_view& in) {
  for (;;) {
    switch (state_) {
    case State::size: {
      auto step = read_size_line(in);
      if (auto* fault = std::get_if<ProtocolError>(&step)) return std::move(*fault);
      const auto* line = std::get_if<SizeLine>(&step);
      if (line == nullptr) return NeedMore{};
      extension_bytes_ += line->extension_bytes;
      if (extension_bytes_ > kExtensionBytesInAll) {
        return framing("chunk extensions too long in all (RFC 9112 §7.1.1)");
      }
      in.remove_prefix(line->line_bytes);
      left_ = line->size;
      state_ = left_ == 0 ? State::trailers : State::data;
      break;
    }
    case State::data: {
      if (in.empty()) return NeedMore{};
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
      const BodyBytes body{in.substr(0, size)};
      in.remove_prefix(size);
      left_ -= size;
      if (left_ == 0) state_ = State::data_end;
      return body;
    }
    case State::data_end: {
      // RFC 9112 §7.1: exactly CRLF after the data, or the size was a lie.
      constexpr std::string_view kCrlf = "\r\n";
      if (!kCrlf.starts_with(in.substr(0, 2))) {
        return framing("chunk data not followed by CRLF (RFC 9112 §7.1)");
      }
      if (in.size() < kCrlf.size()) return NeedMore{};
      in.remove_prefix(kCrlf.size());
      state_ = State::size;
      break;
    }
    case State::trailers: return read_trailers(in);
    }
  }
}

ChunkedDecoder::Step ChunkedDecoder::read_trailers(std::string_view& in) {
  switch (trailers_.scan(in)) {
  case HeadScan::Progress::need_more: return NeedMore{};
  case HeadScan::Progress::refused: return trailers_.error();
  case HeadScan::Progress::complete: break;
  }
  MessageEnd end;
  end.trailers.all().reserve(trailers_.field_count());
  append_fields(in.substr(0, trailers_.size()), end.trailers);
  if (auto fault = check_trailers(end.trailers)) return std::move(*fault);
  in.remove_prefix(trailers_.size());
  return end;
}

} // namespace sluice::wire
