// One token that has begun: an anchor was found, and the bytes after it go through its shape, one
// after another, decoded when the anchor was. It says which bytes are certainly secret, and from
// where on nobody knows yet. Never looks at a byte twice. Private to policy/redact.
// Tested by tests/unit/redact/redactor_test.cpp.
#pragma once

#include "policy/redact/needle_set.hpp"
#include "policy/redact/stream_text.hpp"
#include "policy/redact/string_list.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::redact {

class Candidate {
 public:
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

  // Requires: the anchor is in the text, and some bytes before it. Base64: it may have been found
  // over a line end.
  Candidate(const Needle& needle, std::uint64_t anchor, const StreamText& text);

  enum class Life : std::uint8_t { goes_on, over };
  Life read(const StreamText& text);   // Requires: everything it has not read yet is in it
  void finish(const StreamText& text); // the stream ends here

  const Needle& needle() const noexcept { return *needle_; }
  Shape::State state() const noexcept { return state_; }
  std::uint64_t anchor() const noexcept { return anchor_; } // where the anchor begins
  bool matched() const noexcept { return matched_until_ != kNowhere; }
  std::uint64_t next() const noexcept { return next_; }      // the first that it has not read
  unsigned bits_left() const noexcept { return bit_count_; } // of the character before, in base64
  std::uint64_t secret_begin() const noexcept { return secret_begin_; } // when matched
  std::uint64_t secret_end() const noexcept { return matched_until_; }  // so far
  bool secret_end_beyond(std::uint64_t place) const noexcept {
    return matched() && matched_until_ > place;
  }
  std::uint64_t secret_last() const noexcept { return secret_last_; } // read, matched or not
  std::uint64_t undecided() const noexcept;                           // kNowhere: nothing is
  const std::string& secret() const noexcept { return secret_; }      // decoded, capped
  // A match that begins from here on up to there, of the same format, ends with this one and is not
  // one more. In a block: of the same anchor.
  std::uint64_t absorbs_from() const noexcept { return absorbs_from_; }
  std::uint64_t absorbs_until() const noexcept;
  bool absorbed = false; // by one that is counted already

 private:
  static constexpr std::size_t kMostBytes = 4096; // of a secret that are kept for its fingerprint

  // A text that is looked out for, byte by byte.
  struct Watch {
    std::string_view wanted;
    std::size_t seen = 0;
    bool sees(char c);
  };

  Life read_plain(const StreamText& text);
  std::size_t read_undecided(std::string_view rest);
  std::size_t skip_in_block(std::string_view rest);
  std::size_t read_header(std::string_view rest);
  Life read_hex(const StreamText& text);
  Life read_base64(const StreamText& text);
  Life step(char c, std::uint64_t begin, std::uint64_t end);
  Life step_block(char c, std::uint64_t begin, std::uint64_t end);
  Life step_between(char c, std::uint64_t begin, std::uint64_t end);
  bool sees_anchor(char c, std::uint64_t begin);
  void look_for_header(char c, std::uint64_t begin);
  void begin_block();
  bool too_long(Shape::State before) const noexcept;
  Life match(std::uint64_t end);
  std::string_view secret_until(std::uint64_t end);

  const Needle* needle_;
  std::uint64_t anchor_;
  std::uint64_t next_;          // to be read
  std::uint64_t decoded_until_; // what stands from here on belongs to a byte not known yet
  Shape::State state_;
  std::uint64_t secret_begin_ = kNowhere;
  std::uint64_t secret_last_ = 0; // end of the last byte of the secret part
  std::uint64_t matched_until_ = kNowhere;
  std::uint64_t absorbs_from_ = kNowhere;
  std::size_t decoded_ = 0;          // bytes that went through the shape
  std::uint64_t waits_ = kNowhere;   // a match if the next byte is none of a word
  std::string secret_;               // decoded; of a plain one from its match on
  const StreamText* text_ = nullptr; // while it is read
  // base64
  std::uint32_t bits_ = 0;
  unsigned bit_count_ = 0, skip_bits_ = 0;
  std::uint64_t byte_begin_ = 0; // first character of the byte being put together
  std::size_t line_ = 0;         // characters of the line so far
  // a block
  bool in_block_ = false;
  std::size_t block_bytes_ = 0, dashes_ = 0;
  Watch block_begin_, block_end_;
  Shape::State header_ = Shape::kDead; // of another one inside, after its anchor
  std::uint64_t header_from_ = 0;      // an anchor that is seen in part begins no earlier
  bool escaped_ = false;               // by the backslash before
  struct Between { // its string has ended, and it may go on in the next one of a list
    StringList list;
    std::uint64_t read_until, string_end;
    std::string text; // undecided
  };
  std::unique_ptr<Between> between_;
};

} // namespace sluice::redact
