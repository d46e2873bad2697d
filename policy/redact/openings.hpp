// Formats without an anchor: a match may begin wherever its first byte stands, at the beginning of
// a word where the format says so. Most that could begin there end after a few bytes, which are
// looked at in place; where every match has a rare byte in it (an '@'), only the bytes before such
// a one are looked at. No format looks at more than its longest undecided match from any place.
// Private to policy/redact. Tested by tests/unit/redact/openings_test.cpp.
#pragma once

#include "policy/redact/needle_set.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::redact {

std::optional<std::size_t> longest_match(const Shape& shape); // bytes; none: without bound
std::size_t shortest_match(const Shape& shape);

// A byte that every match has, no later than `reach` bytes after its first.
struct RareByte {
  char byte = 0;
  std::size_t reach = 0;
};
std::optional<RareByte> rare_byte_of(const Shape& shape);

class Opening {
 public:
  // `rare`: in each match, when that is known; otherwise one is looked for where it is worth it.
  Opening(const TokenFormat& format, std::uint32_t rule, std::optional<RareByte> rare = {});

  const Needle& needle() const noexcept { return needle_; }
  const TokenFormat& format() const noexcept { return *needle_.format; }
  const std::optional<RareByte>& rare() const noexcept { return rare_; }
  bool begins_with(char c) const noexcept;
  // Whether `rest` begins with a match, or ends where one may still go on.
  bool may_match(std::string_view rest) const noexcept;

 private:
  Needle needle_; // of no text: the shape says it all
  std::optional<RareByte> rare_;
};

class OpeningSet {
 public:
  struct Table { // by first byte
    static constexpr std::uint8_t kAtWords = 1, kAnywhere = 2;
    std::array<std::uint8_t, 256> begins{};
    std::vector<const Opening*> all;
    void add(const Opening& one);
  };
  struct Near { // a rare byte
    RareByte rare;
    Table table;
  };

  void add(const Opening& one);
  bool empty() const noexcept { return everywhere_.all.empty() && near_.empty(); }
  const Table& everywhere() const noexcept { return everywhere_; }
  const std::vector<Near>& near() const noexcept { return near_; }

 private:
  Table everywhere_;
  std::vector<Near> near_;
};

} // namespace sluice::redact
