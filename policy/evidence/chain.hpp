// One line of the log: its fixed layout, its hash, and its link to the line before (reference
// §5.1-5.2). The hash covers the bytes of the line without the record_hash member. A line that is
// not canonical to the byte is malformed; nothing is normalised before it is hashed.
// Tested by tests/unit/evidence/chain_test.cpp against reference vectors.
#pragma once

#include "policy/base/digest.hpp"
#include "policy/evidence/head.hpp"
#include "policy/evidence/issue.hpp"
#include "policy/evidence/record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::evidence {

// Renders records as lines, each linked to the one before.
class ChainWriter {
 public:
  ChainWriter(Head head, std::string_view actor);

  // Appends one line with its newline, moves the head, and returns where in `out` the line's hash
  // stands. Requires: payload is a canonical JSON object.
  std::size_t append(std::string& out, std::int64_t unix_nanos, const Record& record);

  const Head& head() const noexcept { return head_; }
  const Digest& digest() const noexcept { return digest_; } // of the line appended last
  void rewind(Head head) { head_ = std::move(head); }       // the lines since then were not written

 private:
  void append_timestamp(std::string& out, std::int64_t unix_nanos);

  Head head_;
  Digest digest_{};
  std::string middle_; // from deployment_mode up to the payload: the same in every line
  Sha256 hasher_;
  std::string second_text_; // RFC 3339 of second_, without the Z: most records share it
  std::int64_t second_ = -1;
};

inline constexpr std::size_t kHashDigits = 64;
inline bool is_hash(std::string_view text) noexcept { // SHA-256 in lower-case hex
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct Line { // views into the text it was parsed from
  std::uint64_t seq = 0;
  std::string_view prev_hash, record_hash;
  std::string_view timestamp, event_type, deployment_mode, actor; // between the quotes, escaped
  std::string_view payload;                                       // an object, or null
  std::string_view policy_digest; // the payload's top-level member, escaped; "" when absent
  // What is hashed, in three parts; a null payload is hashed as {}.
  std::string_view before_hash, before_payload, after_payload;
};

// `text` without its newline. nullopt when it is not a canonical line; `stopped_at` then says at
// which byte.
std::optional<Line> parse_line(std::string_view text, std::size_t& stopped_at);

std::string text_of(const Line& line); // that it was parsed from
Digest hash_of(const Line& line);      // whatever it says its hash is

// Follows a chain from its first record.
class ChainCheck {
 public:
  ChainCheck() = default;
  explicit ChainCheck(Head before) : head_(std::move(before)) {} // that the first line follows
  // What is wrong with this line, if anything. Afterwards the line counts as the head, so that one
  // edit is one issue and not one for each line behind it.
  std::optional<Issue> next(const Line& line);
  const Head& head() const noexcept { return head_; }
  // What the last line hashes to, whatever it says.
  const Digest& hash_of_last() const noexcept { return digest_; }

 private:
  Head head_;
  Digest digest_{};
};

} // namespace sluice::evidence
