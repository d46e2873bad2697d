// The keyed digests of one body in one direction: of the bytes as they came, and of those that went
// on. Hashed once as long as the two are the same. "" where there were no bytes: nothing tells an
// empty body. Never keeps more than what redaction holds back, and a bound.
// Tested by tests/unit/call/body_digest_test.cpp.
#pragma once

#include "policy/base/hmac.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::call {

using DigestKey = std::shared_ptr<const std::string>; // null: nothing is hashed

struct BodyDigests {
  std::string before, after; // HMAC-SHA-256 in hex
};

class BodyDigest {
 public:
  explicit BodyDigest(DigestKey key = nullptr) : key_(std::move(key)) {}

  // What came since the last call, and what of it, or in its place, goes on.
  void feed(std::string_view came, std::string_view went);
  BodyDigests take(); // once, at the end

 private:
  static constexpr std::size_t kMostKept = 256 * 1024;
  void part(std::string_view came, std::string_view went);

  DigestKey key_;
  std::optional<HmacSha256> before_; // and `after` too until they part
  std::optional<HmacSha256> after_;  // once they have parted
  std::string kept_;                 // came, and may still go on as it is
  bool any_came_ = false, any_went_ = false;
};

} // namespace sluice::call
