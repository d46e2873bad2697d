// Splits a multipart body (RFC 2046 §5.1, RFC 7578) into its frame (boundaries, part heads, what
// stands before and behind the parts) and the bodies of its parts, while it streams. All pieces one
// after another are the body, to the byte. Line ends may be CRLF or LF.
// Never holds more than a part's head (kMaxPartHead) or a line that may be a boundary.
// Tested by tests/unit/wire/multipart_test.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::wire {

inline constexpr std::size_t kMaxPartHead = 16 * 1024;

struct PartHead { // values as sent; "" when absent
  std::string content_encoding, transfer_encoding;
};

class MultipartReader {
 public:
  // nullopt: no multipart type, or one without a boundary, which nobody can split. Fails
  // (downstream, "content_undecodable") when two readers could take different boundaries.
  static Result<std::optional<MultipartReader>> of(std::string_view content_type);

  struct Piece {
    enum class Kind : std::uint8_t { frame, part_begins, body, part_ends };
    Kind kind = Kind::frame;
    std::string_view bytes; // of frame and body; valid until the reader is called again
  };
  void feed(std::string_view in);
  void finish() { ended_ = true; } // what is left comes out of next()
  // The next piece, nullopt when more bytes are needed. Fails (downstream, "content_undecodable")
  // on a head that is too large.
  Result<std::optional<Piece>> next();
  const PartHead& part() const noexcept { return part_; } // since part_begins

 private:
  enum class State : std::uint8_t { before_parts, head, part_begins, body, after_parts };
  enum class Match : std::uint8_t { none, need_more, part, last };

  explicit MultipartReader(std::string boundary) : delimiter_("--" + std::move(boundary)) {}
  Match match(std::string_view line, std::size_t& length) const;
  std::optional<Piece> next_text();
  Result<std::optional<Piece>> next_head();
  std::optional<Piece> take(Piece::Kind kind, std::size_t size);
  void read_head(std::string_view head);

  std::string delimiter_, buffer_;
  std::size_t at_ = 0; // of buffer_: first byte that was not given out
  State state_ = State::before_parts;
  bool at_line_ = true;       // behind newline_ a line begins that was not looked at
  std::size_t newline_ = 0;   // bytes of a line end at at_: a boundary takes them, else the text
  std::size_t head_line_ = 0; // in a head: where its last line begins
  bool ended_ = false;
  PartHead part_;
};

} // namespace sluice::wire
