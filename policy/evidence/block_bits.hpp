// Which records of a block are meant: a set of small numbers, and the bytes it is kept as. Pure.
// Tested by tests/unit/evidence/index_test.cpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::evidence {

inline constexpr std::size_t kBlockRecords = 1024;

class BlockBits {
 public:
  static BlockBits first(std::size_t count) noexcept {
    BlockBits bits;
    for (std::size_t i = 0; i < count / 64; ++i) bits.words_[i] = ~std::uint64_t{0};
    if (count % 64 != 0) bits.words_[count / 64] = (std::uint64_t{1} << count % 64) - 1;
    return bits;
  }
  void set(std::size_t at) noexcept { words_[at / 64] |= std::uint64_t{1} << at % 64; }
  bool operator[](std::size_t at) const noexcept { return (words_[at / 64] >> at % 64 & 1) != 0; }
  void keep(const BlockBits& other) noexcept {
    for (std::size_t i = 0; i < kWords; ++i) words_[i] &= other.words_[i];
  }
  std::size_t count() const noexcept {
    std::size_t all = 0;
    for (const std::uint64_t word : words_) all += static_cast<std::size_t>(std::popcount(word));
    return all;
  }

  // Two bytes for each record of a small set, a bit for each record of the block otherwise.
  std::string packed() const {
    std::string out;
    if (2 * count() >= kBytes) {
      for (std::size_t i = 0; i < kBytes; ++i) {
        out += static_cast<char>(words_[i / 8] >> 8 * (i % 8) & 0xff);
      }
      return out;
    }
    for (std::size_t i = 0; i < kBlockRecords; ++i) {
      if (!(*this)[i]) continue;
      out += static_cast<char>(i & 0xff);
      out += static_cast<char>(i >> 8);
    }
    return out;
  }
  static std::optional<BlockBits> unpacked(std::string_view text) noexcept {
    BlockBits bits;
    const auto byte = [text](std::size_t at) {
      return static_cast<std::uint64_t>(static_cast<unsigned char>(text[at]));
    };
    if (text.size() == kBytes) {
      for (std::size_t i = 0; i < kBytes; ++i) bits.words_[i / 8] |= byte(i) << 8 * (i % 8);
      return bits;
    }
    if (text.empty() || text.size() > kBytes || text.size() % 2 != 0) return std::nullopt;
    for (std::size_t at = 0; at < text.size(); at += 2) {
      const std::size_t place = byte(at) | byte(at + 1) << 8;
      if (place >= kBlockRecords) return std::nullopt;
      bits.set(place);
    }
    return bits;
  }

 private:
  static constexpr std::size_t kWords = kBlockRecords / 64, kBytes = kBlockRecords / 8;
  std::array<std::uint64_t, kWords> words_{};
};

} // namespace sluice::evidence
