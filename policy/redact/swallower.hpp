// Follows one certain match of a format to its end: it decides which further bytes belong to it,
// and keeps the first of them for the fingerprint. At most one lives per format: a match that
// begins inside another of its format is part of it. Private to policy/redact.
#pragma once

#include "policy/redact/compiled.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::redact {

class Swallower {
 public:
  // `certain`: where the part that made the match certain ends, in the stream.
  Swallower(const Needle& needle, std::uint64_t certain, bool keep_bytes)
      : needle_(&needle), certain_(certain), keep_bytes_(keep_bytes) {}

  const Needle& needle() const noexcept { return *needle_; }
  const std::string& bytes() const noexcept { return bytes_; } // capped

  // The format matches again inside: what is certain now reaches further.
  void renew(std::uint64_t certain) noexcept {
    certain_ = std::max(certain_, certain);
    eaten_ = matched_ = dashes_ = 0;
    done_ = false;
  }

  // Whether the byte at this position, the next one, belongs to the match.
  bool takes(std::uint64_t position, char c) {
    const bool belongs = position < certain_ || wants(c);
    if (belongs) keep(c);
    return belongs;
  }
  void keep(char c) {
    if (keep_bytes_ && bytes_.size() < kMostBytes) bytes_ += c;
  }

 private:
  static constexpr std::size_t kMostBytes = 4096;

  bool wants(char c) {
    const TokenFormat& format = *needle_->format;
    if (format.tail == Tail::pem_block) return wants_pem(c);
    return (*format.body)[static_cast<unsigned char>(c)];
  }

  // To the dashes after END, to a quote that ends the string the key stands in, or to the cap.
  bool wants_pem(char c) {
    constexpr std::string_view kEnd = "-----END";
    constexpr std::size_t kDashes = 5;
    if (done_ || eaten_++ >= kMaxBlock || (c == '"' && last_ != '\\')) return false;
    last_ = c;
    if (matched_ == kEnd.size()) {
      dashes_ = c == '-' ? dashes_ + 1 : 0;
      done_ = dashes_ == kDashes;
    } else if (c == kEnd[matched_]) {
      ++matched_;
    } else if (c != '-' || matched_ != kDashes) { // a longer run of dashes still ends with five
      matched_ = c == '-' ? 1 : 0;
    }
    return true;
  }

  const Needle* needle_;
  std::uint64_t certain_;
  bool keep_bytes_;
  std::string bytes_;
  std::size_t eaten_ = 0;
  std::size_t matched_ = 0; // of kEnd
  std::size_t dashes_ = 0;
  char last_ = 0;
  bool done_ = false;
};

} // namespace sluice::redact
