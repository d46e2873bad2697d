// What an HTTP/1 reader makes of some bytes, as lines of text, however the bytes are cut. Two
// readings are the same exactly when their transcripts are. Each piece is given in a heap block of
// its exact size, so that a sanitizer sees every byte read beyond it.
//
//   POST /x HTTP/1.1 length=5 keep-alive      a head; then its fields, two spaces in
//   body hello                                all body bytes in a row, escaped
//   end                                       then the trailers, two spaces in
//   error framing                             then the phrase, two spaces in
#pragma once

#include "proxy/wire/http1.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::test {

using Transcript = std::vector<std::string>;

inline std::string escape(std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x1f && byte < 0x7f && c != '\\') {
      out += c;
    } else {
      out.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
  return out;
}

inline std::string_view name_of(wire::ProtocolFault fault) {
  switch (fault) {
  case wire::ProtocolFault::framing: return "framing";
  case wire::ProtocolFault::head_too_large: return "head_too_large";
  case wire::ProtocolFault::version: return "version";
  case wire::ProtocolFault::end_of_stream: return "end_of_stream";
  }
  return "?";
}

class TranscriptWriter {
 public:
  void head(std::string start, const wire::Head& head) {
    start += head.version == wire::Version::http11 ? " HTTP/1.1 " : " HTTP/1.0 ";
    switch (head.framing) {
    case wire::BodyFraming::none: start += "none"; break;
    case wire::BodyFraming::length: start += "length=" + std::to_string(head.content_length); break;
    case wire::BodyFraming::chunked: start += "chunked"; break;
    case wire::BodyFraming::until_close: start += "until-close"; break;
    }
    start += head.keep_alive ? " keep-alive" : " close";
    lines_.push_back(std::move(start));
    fields(head.fields);
  }
  void operator()(const wire::NeedMore&) {}
  void operator()(const wire::RequestHead& h) {
    head(h.method + " " + h.target, h);
    if (h.expects_continue) lines_.push_back("  (expects continue)");
    if (h.wants_upgrade) lines_.push_back("  (wants upgrade)");
  }
  void operator()(const wire::ResponseHead& h) { head(std::to_string(h.status), h); }
  void operator()(const wire::BodyBytes& body) {
    if (lines_.empty() || !lines_.back().starts_with("body ")) lines_.push_back("body ");
    lines_.back() += escape(body.bytes);
  }
  void operator()(const wire::MessageEnd& end) {
    lines_.push_back("end");
    fields(end.trailers);
  }
  void operator()(const wire::ProtocolError& error) {
    lines_.push_back("error " + std::string(name_of(error.fault)));
    lines_.push_back("  " + error.detail);
  }
  Transcript take() { return std::move(lines_); }

 private:
  void fields(const wire::Fields& all) {
    for (const auto& field : all.all()) {
      lines_.push_back("  " + field.name + ": " + escape(field.value));
    }
  }
  Transcript lines_;
};

enum class Ending { stream_ends, more_may_come };

// Feeds `bytes` in pieces that end at `cuts` (ascending offsets; the end of the bytes is implied).
template <class Reader>
Transcript transcribe(Reader& reader, std::string_view bytes, const std::vector<std::size_t>& cuts,
                      Ending ending = Ending::stream_ends) {
  TranscriptWriter out;
  bool failed = false;
  std::size_t consumed = 0;
  const auto feed_up_to = [&](std::size_t end) {
    const std::size_t size = end - consumed;
    const std::unique_ptr<char[]> block(new char[size]);
    std::memcpy(block.get(), bytes.data() + consumed, size);
    std::string_view in(block.get(), size);
    for (;;) {
      const auto event = reader.next(in);
      std::visit([&](const auto& what) { out(what); }, event);
      failed = std::holds_alternative<wire::ProtocolError>(event);
      if (failed || std::holds_alternative<wire::NeedMore>(event)) break;
    }
    consumed = end - in.size();
  };
  for (const auto cut : cuts) {
    if (cut < bytes.size() && !failed) feed_up_to(cut);
  }
  if (!failed) feed_up_to(bytes.size());
  if (!failed && ending == Ending::stream_ends) {
    const auto event = reader.finish();
    std::visit([&](const auto& what) { out(what); }, event);
  }
  return out.take();
}

inline std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

// The transcript without fields and phrases.
inline Transcript outline(Transcript lines) {
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("  "); });
  return lines;
}

inline Transcript read_requests(std::string_view bytes, const std::vector<std::size_t>& cuts = {},
                                const wire::Limits& limits = {},
                                Ending ending = Ending::stream_ends) {
  wire::RequestReader reader(limits);
  return transcribe(reader, bytes, cuts, ending);
}

inline Transcript read_responses(std::string_view bytes, std::string_view request_method = "GET",
                                 const std::vector<std::size_t>& cuts = {},
                                 const wire::Limits& limits = {},
                                 Ending ending = Ending::stream_ends) {
  wire::ResponseReader reader(limits);
  reader.expect(request_method);
  return transcribe(reader, bytes, cuts, ending);
}

} // namespace sluice::test
