// Reads canonical JSON and nothing else: what Go's encoding/json would have written, byte for byte
// (reference §5.2). Text that has a second spelling is refused instead of normalised, so a line
// that passes is equal to its own re-rendering and its bytes can be hashed as they stand. Keeps
// integers of any size as text. Never allocates for text without escapes; depth is bounded.
// Tested by tests/unit/evidence/canonical_test.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::evidence {

inline constexpr int kMaxCanonicalDepth = 128;

// A top-level string member to pick up while an object is scanned.
struct Watch {
  std::string_view key;
  std::string_view value; // raw, "" when absent or not a string
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : text_(text) {}

  // Each consumes what it names and returns true, or returns false and stays near the fault.
  bool literal(std::string_view expected) noexcept;
  bool digits(std::string_view& raw) noexcept; // a decimal integer >= 0 without leading zeros
  bool string(std::string_view& raw);          // `raw` is what stands between the quotes
  bool value();
  bool object(Watch* watch = nullptr);

  bool done() const noexcept { return at_ == text_.size(); }
  std::size_t offset() const noexcept { return at_; }

 private:
  bool next_is(char c) const noexcept { return at_ < text_.size() && text_[at_] == c; }
  bool escape() noexcept;
  bool array();
  bool number();

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

bool is_canonical(std::string_view json); // one whole value
// The value of a member of a canonical object as it stands there, "" when there is none.
std::string_view member_of(std::string_view object, std::string_view key);
std::string string_of(std::string_view value); // "" when the value is not a string
std::string unescape(std::string_view raw);    // requires: `raw` came from Scanner::string
// Go's spelling of a float: shortest round-trip digits, exponent form below 1e-6 and from 1e21.
// Requires: finite.
std::string format_number(double value);

} // namespace sluice::evidence
