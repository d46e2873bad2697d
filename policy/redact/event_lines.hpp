// Cuts a stream into events: server-sent events (WHATWG HTML §9.2.5: lines that end in LF, CR or
// CRLF, a blank one ends the event) or JSON texts of a line each. Every byte comes out once, in
// order, and what comes out together does not depend on how the bytes were cut. Never keeps more
// than one event of kLargest bytes. Private to policy/redact.
// Tested by tests/unit/redact/event_stream_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

class EventLines {
 public:
  enum class Format : std::uint8_t { server_sent, line_each };
  static constexpr std::size_t kLargest = 32 * 1024;

  struct Line { // places in the event
    std::size_t begin = 0, end = 0;
    std::size_t next = 0;  // after its line end
    bool data = false;     // it carries payload,
    std::size_t value = 0; // from here to its end
    bool name = false;     // an `event:` line
  };
  struct Piece {
    enum class Kind : std::uint8_t {
      none,      // nothing before more bytes come
      event,     // whole; lines() describes it
      as_it_is,  // the second half of a line end
      too_large, // some bytes of an event that is too large,
      its_end,   // and its line end
    };
    Kind kind = Kind::none;
    std::string_view bytes; // until the next add()
  };

  explicit EventLines(Format format) : format_(format) {}
  Format format() const noexcept { return format_; }
  void add(std::string_view in);
  Piece take();
  Piece take_rest(); // after the last byte: an event that has no end, or none
  const std::vector<Line>& lines() const noexcept { return lines_; }
  std::string_view ahead() const noexcept { return std::string_view(buffer_).substr(begin_); }
  // Whether ahead() begins with an event of which nothing was read yet.
  bool at_event() const noexcept {
    return (taken_ || lines_.empty()) && scanned_ == begin_ && !inside_ && !half_end_;
  }
  // Requires: at_event(). The next `size` bytes are a whole event that the caller has read.
  void skip_event(std::size_t size);

 private:
  enum class At : std::uint8_t { stream, last_byte };
  void skip(std::size_t size);
  bool take_line(At at);
  void describe(Line& line) const;
  bool ends_event(const Line& line) const;
  Piece take_event();
  Piece take_some();

  Format format_;
  std::string buffer_;
  std::size_t begin_ = 0;   // of the event
  std::size_t scanned_ = 0; // no line ends before this but those in lines_
  bool first_ = true;       // nothing was taken yet: a byte order mark may stand here
  std::vector<Line> lines_;
  bool taken_ = false;    // lines_ are of an event that was given out
  bool half_end_ = false; // a blank line ended in CR, whose LF may follow
  bool inside_ = false;   // an event that is too large
  bool line_begins_ = false;
  char last_ = 0; // inside_: the byte before
};

} // namespace sluice::redact
