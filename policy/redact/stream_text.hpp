// A piece of the folded stream and where it stands. Private to policy/redact.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::redact {

struct StreamText {
  std::string_view bytes;
  std::uint64_t base = 0; // place of the first byte
  std::uint64_t end() const noexcept { return base + bytes.size(); }
  std::string_view from(std::uint64_t place) const noexcept { return bytes.substr(place - base); }
};

} // namespace sluice::redact
