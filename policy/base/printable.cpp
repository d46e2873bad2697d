#include "policy/base/printable.hpp"

#include "policy/base/bytes.hpp"

#include <cstddef>

namespace sluice {
namespace {

// Bytes of the character at the start of `text`, 0 when it is not to be shown.
std::size_t shown(std::string_view text) {
  const auto at = [text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&at](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7F ? 1 : 0;
  if (lead < 0xC2 || lead > 0xF4 || !tail(1)) return 0;
  if (lead < 0xE0) return lead == 0xC2 && at(1) < 0xA0 ? 0 : 2;
  if ((lead == 0xE0 && at(1) < 0xA0) || (lead == 0xF0 && at(1) < 0x90)) return 0; // overlong
  if (!tail(2)) return 0;
  if (lead < 0xF0) return 3;
  return tail(3) ? 4 : 0;
}

} // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = shown(text);
    if (size == 0) {
      out += "\\x" + to_hex(text.substr(0, 1));
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

} // namespace sluice
