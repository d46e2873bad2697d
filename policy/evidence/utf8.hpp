// Where a well-formed UTF-8 sequence ends. Never repairs, only tells.
// Tested by tests/unit/evidence/json_writer_test.cpp.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::evidence {

// Length of the sequence at the start of `text`; 0 when there is no well-formed one (RFC 3629 §4:
// no overlong forms, no surrogates, nothing above U+10FFFF).
inline std::size_t utf8_sequence(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) noexcept -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&at](std::size_t i) noexcept { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return text.empty() ? 0 : 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return tail(1) ? 2 : 0;
  if (!tail(1) || !tail(2)) return 0;
  if (lead < 0xF0) {
    const bool overlong = lead == 0xE0 && at(1) < 0xA0;
    const bool surrogate = lead == 0xED && at(1) >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = lead == 0xF0 && at(1) < 0x90;
  const bool too_big = lead > 0xF4 || (lead == 0xF4 && at(1) >= 0x90);
  return tail(3) && !overlong && !too_big ? 4 : 0;
}

// U+2028 and U+2029, which JSON allows raw and JavaScript did not: Go escapes them.
inline bool is_line_separator(std::string_view sequence) noexcept {
  return sequence == "\xE2\x80\xA8" || sequence == "\xE2\x80\xA9";
}

} // namespace sluice::evidence
