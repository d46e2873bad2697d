// A cursor over big-endian binary formats (TLS, SOCKS, DNS). Each read either gives the whole item
// and moves, or gives nothing and stays where it was, so that a shorter read may still succeed:
// check every one. What is not there is never read. Tested by tests/unit/wire/byte_reader_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::wire {

constexpr std::uint8_t byte_at(std::string_view bytes, std::size_t index) noexcept {
  return static_cast<std::uint8_t>(bytes[index]);
}

class ByteReader {
 public:
  explicit constexpr ByteReader(std::string_view bytes) noexcept : rest_(bytes) {}

  constexpr bool empty() const noexcept { return rest_.empty(); }
  constexpr std::string_view rest() const noexcept { return rest_; }

  constexpr std::optional<std::uint8_t> u8() noexcept { return number<std::uint8_t>(1); }
  constexpr std::optional<std::uint16_t> u16() noexcept { return number<std::uint16_t>(2); }
  constexpr std::optional<std::uint32_t> u24() noexcept { return number<std::uint32_t>(3); }
  constexpr std::optional<std::uint32_t> u32() noexcept { return number<std::uint32_t>(4); }

  constexpr std::optional<std::string_view> take(std::size_t size) noexcept {
    if (size > rest_.size()) return std::nullopt;
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  // As many bytes as the 8 or 16 bit length in front of them says.
  constexpr std::optional<std::string_view> vector8() noexcept { return vector(1); }
  constexpr std::optional<std::string_view> vector16() noexcept { return vector(2); }

 private:
  template <class T> constexpr std::optional<T> number(std::size_t size) noexcept {
    const auto bytes = take(size);
    if (!bytes) return std::nullopt;
    return static_cast<T>(value_of(*bytes));
  }
  constexpr std::optional<std::string_view> vector(std::size_t length_size) noexcept {
    ByteReader ahead(rest_);
    const auto length = ahead.take(length_size);
    if (!length) return std::nullopt;
    const auto body = ahead.take(value_of(*length));
    if (body) *this = ahead;
    return body;
  }
  static constexpr std::uint32_t value_of(std::string_view bytes) noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) value = value << 8 | byte_at(bytes, i);
    return value;
  }

  std::string_view rest_;
};

} // namespace sluice::wire
