// HMAC-SHA-256 of bytes that come in pieces. A copy goes on from where it was made. Never shows its
// key. Tested by tests/unit/base/hmac_test.cpp.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace sluice {

class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  HmacSha256(const HmacSha256& other);
  HmacSha256(HmacSha256&&) noexcept;
  HmacSha256& operator=(HmacSha256) noexcept;
  ~HmacSha256();
  void update(std::string_view bytes);
  std::string finish(); // 32 raw bytes; nothing is fed after it

 private:
  struct Context;
  std::unique_ptr<Context> inner_;
  std::array<char, 64> outer_key_{};
};

} // namespace sluice
