// Base64 that was folded at line ends (RFC 2045 §6.8, RFC 7468 §3, YAML blocks), read as if it was
// not: what a line end is, and the text of the lines that it joins. A line end counts only after
// a line of kShortestLine characters: elsewhere it ends the base64 text. What a line end is does
// not depend on cuts. Private to policy/redact. Tested by tests/unit/redact/line_join_test.cpp.
#pragma once

#include "policy/redact/stream_text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

int base64_digit(char c) noexcept; // of RFC 4648 §4 and §5; -1 for all else, also '='

struct LineEnd {
  static constexpr std::size_t kMostBackslashes = 8, kMostIndent = 32;
  static constexpr std::size_t kLongest = 2 * (kMostBackslashes + 1) + kMostIndent;

  enum class Kind : std::uint8_t { none, whole, open }; // open: the text ends inside it
  Kind kind = Kind::none;
  std::size_t length = 0;
};
// At the start of `text`: \n or \r\n, as such or as JSON or a URL writes them, and the spaces and
// tabs that the next line begins with.
LineEnd line_end_at(std::string_view text) noexcept;

inline constexpr std::size_t kShortestLine = 40; // lines are of 64 or 76, now and then shorter
// Bytes that `size` characters of base64 take at most when they are folded.
inline constexpr std::size_t folded_size(std::size_t size) {
  return size + (size / kShortestLine + 1) * LineEnd::kLongest;
}
// How many characters of base64 stand right before `place`, counted up to `most`.
std::size_t base64_before(const StreamText& text, std::uint64_t place, std::size_t most) noexcept;
// Of these, how many are of the line that ends there, counted up to kShortestLine: the letter of an
// escape is none.
std::size_t line_before(const StreamText& text, std::uint64_t place) noexcept;
// The place of the last character of base64 before a character at `place`, which may stand in the
// line before; `place` when there is none.
std::uint64_t base64_place_before(const StreamText& text, std::uint64_t place) noexcept;

class JoinedLines {
 public:
  // Reads from `begin` on, up to what is no base64, the end of the text or about `most` characters.
  JoinedLines(const StreamText& text, std::uint64_t begin, std::size_t most);

  std::string_view text() const noexcept { return text_; }
  bool open() const noexcept { return open_; } // what follows may belong to it
  std::size_t lines() const noexcept { return lines_.size(); }
  bool ended(std::size_t line) const noexcept; // a line end follows, or has begun to
  std::size_t begin_of(std::size_t line) const noexcept { return lines_[line].at; }
  std::size_t end_of(std::size_t line) const noexcept;
  std::uint64_t place_of(std::size_t line) const noexcept { return lines_[line].place; }
  std::uint64_t place_at(std::size_t at) const noexcept; // of a character of text()

 private:
  struct Line {
    std::size_t at = 0;      // of its first character in text_
    std::uint64_t place = 0; // and in the stream
  };
  std::string text_;
  std::vector<Line> lines_;
  bool open_ = false, in_line_end_ = false;
};

} // namespace sluice::redact
