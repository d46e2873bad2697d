// What a token looks like: a bounded pattern over bytes, compiled to an automaton that says after
// every byte whether the byte is part of the secret, whether all so far is a match, and whether it
// can still become one. Hence a stream needs to hold only bytes that may yet turn out to be secret.
// The notation is a subset of RE2's: literals, escapes, classes, `.`, (…), (?:…), (?i:…), (?i) and
// (?s), one (?P<secret>…), |, ?, *, +, {n}, {n,m}, {n,}, lazy or not. Never backtracks: one table
// look-up a byte, however hostile. Tested by tests/unit/redact/shape_test.cpp, against RE2.
#pragma once

#include "policy/base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

class Shape {
 public:
  using State = std::uint16_t;
  static constexpr State kDead = 0;
  static constexpr std::size_t kLongestAnchor = 32;

  // What every match begins with. It is public: not masked, and never held (but see TokenFormat).
  struct Anchor {
    std::string text;      // at least 3 bytes; letters in lower case when their case is free
    State state = kDead;   // after it
    bool any_case = false; // some letter's case is free: what was found is to be read by the shape
    bool operator==(const Anchor&) const = default;
  };

  struct Allowed {
    bool no_anchor = false;     // then it may have none: somebody else finds where it begins
    std::size_t max_length = 0; // somebody else ends what is not certain after so many bytes
    bool signs = false;         // `.` and what is negated take whole signs of UTF-8, not bytes
  };
  // Fails (config) on what is not in the subset, has no anchor, or cannot be streamed: a secret
  // part that begins in two places, a part without bound before the match is certain.
  static Result<Shape> compile(std::string_view pattern, const Allowed& allowed);
  static Result<Shape> compile(std::string_view pattern) { return compile(pattern, Allowed()); }

  State start() const noexcept { return 1; }
  State next(State state, char c) const noexcept {
    return next_[state * classes_ + class_of_[static_cast<unsigned char>(c)]];
  }
  bool accepts(State state) const noexcept { return (flags_[state] & kAccepts) != 0; }
  // Of the byte that led here.
  bool in_secret(State state) const noexcept { return (flags_[state] & kSecret) != 0; }
  // Nothing but more of the same bytes can follow, and the body has no others: a match that begins
  // inside this one ends with it.
  bool absorbs(State state) const noexcept { return state == absorbing_; }

  const std::vector<Anchor>& anchors() const noexcept { return anchors_; }
  std::size_t max_hold() const noexcept { return max_hold_; } // bytes, of an undecided match
  bool has_secret_part() const noexcept { return has_secret_part_; }
  std::size_t states() const noexcept { return flags_.size(); }
  // A run is kRun bytes of [A-Za-z0-9_.+/=~-] in a row: what the scan of a stream looks for.
  enum class Run : std::uint8_t {
    none,
    at_anchor, // every match begins with the run, or inside a longer one
    follows    // a run begins no later than kFarthest bytes after the anchor, and no token byte
               // stands before it but '='
  };
  static constexpr std::size_t kFarthest = 64;
  Run run() const noexcept { return run_; }
  // Every match has "://" or "-----B" in it, no later than kMarkReach bytes after it begins.
  static constexpr std::size_t kMarkReach = 32;
  bool has_mark() const noexcept { return has_mark_; }
  bool operator==(const Shape&) const = default;

 private:
  friend class ShapeCompiler;
  friend struct FormatFields; // writes and reads it
  static constexpr std::uint8_t kAccepts = 1, kSecret = 2;

  std::array<std::uint8_t, 256> class_of_{};
  std::size_t classes_ = 0;
  std::vector<State> next_;
  std::vector<std::uint8_t> flags_;
  std::vector<Anchor> anchors_;
  State absorbing_ = kDead;
  std::size_t max_hold_ = 0;
  bool has_secret_part_ = false;
  Run run_ = Run::none;
  bool has_mark_ = false;
};

// The bytes that tokens are made of, and how many of them in a row the scan takes for a run.
bool is_token_byte(char c) noexcept;
inline constexpr std::size_t kRun = 16;

} // namespace sluice::redact
