// Whether bytes that come in pieces are UTF-8 (RFC 3629 §4: no overlong forms, no surrogates,
// nothing above U+10FFFF). Says no at the first byte that cannot be right. Never repairs.
// Tested by tests/unit/wire/utf8_test.cpp.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::wire {

class Utf8Check {
 public:
  // False once any byte was wrong.
  bool feed(std::string_view in) noexcept {
    for (std::size_t i = 0; i < in.size() && right_;) {
      if (left_ == 0 && in.size() - i >= 8 && is_ascii(in.data() + i)) {
        i += 8;
      } else {
        take(static_cast<std::uint8_t>(in[i++]));
      }
    }
    return right_;
  }
  bool whole() const noexcept { return right_ && left_ == 0; } // no sequence is cut short
  void restart() noexcept { *this = {}; }

 private:
  static bool is_ascii(const char* eight) noexcept {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, eight, sizeof bytes);
    return (bytes & 0x8080808080808080U) == 0;
  }
  void take(std::uint8_t byte) noexcept {
    if (left_ > 0) {
      right_ = byte >= low_ && byte <= high_;
      low_ = 0x80, high_ = 0xBF;
      --left_;
      return;
    }
    if (byte < 0x80) return;
    right_ = byte >= 0xC2 && byte <= 0xF4;
    left_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    // The second byte rules out overlong forms, surrogates and what is too large.
    if (byte == 0xE0) low_ = 0xA0;
    if (byte == 0xED) high_ = 0x9F;
    if (byte == 0xF0) low_ = 0x90;
    if (byte == 0xF4) high_ = 0x8F;
  }

  bool right_ = true;
  std::uint8_t left_ = 0; // bytes of the sequence still to come
  std::uint8_t low_ = 0x80, high_ = 0xBF;
};

} // namespace sluice::wire
