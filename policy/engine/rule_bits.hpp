// Sets of rules of one section, each rule being its rank there. RuleBits stands on the stack while
// a call is decided, RuleList and RuleTable stand in an index. Deciding never allocates for them.
// Private to policy/engine. Tested by tests/unit/engine/rule_bits_test.cpp.
#pragma once

#include "policy/engine/snapshot.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::engine {

inline constexpr std::size_t kBitsOfWord = 64;

constexpr std::size_t words_for(std::size_t rules) noexcept {
  return (rules + kBitsOfWord - 1) / kBitsOfWord;
}
constexpr std::uint64_t bit_of_rank(std::size_t rank) noexcept {
  return std::uint64_t{1} << (rank % kBitsOfWord);
}

// Few rules of many: only the words with a rule in them.
class RuleList {
 public:
  struct Word {
    std::uint32_t at = 0;
    std::uint64_t bits = 0;
  };
  void add(std::size_t rank) { // requires: no rank smaller than the last
    const auto at = static_cast<std::uint32_t>(rank / kBitsOfWord);
    if (words_.empty() || words_.back().at != at) words_.push_back({at, 0});
    words_.back().bits |= bit_of_rank(rank);
  }
  const std::vector<Word>& words() const noexcept { return words_; }

 private:
  std::vector<Word> words_;
};

class RuleBits {
 public:
  explicit RuleBits(std::size_t words) noexcept { std::fill_n(words_.begin(), words, 0); }
  void add(const RuleList& list) noexcept {
    for (const auto& word : list.words()) words_[word.at] |= word.bits;
  }
  bool has(std::size_t rank) const noexcept {
    return (words_[rank / kBitsOfWord] & bit_of_rank(rank)) != 0;
  }
  std::uint64_t& word(std::size_t at) noexcept { return words_[at]; }
  std::uint64_t word(std::size_t at) const noexcept { return words_[at]; }
  // The first rule in [from, to), or `to`.
  std::size_t next(std::size_t from, std::size_t to) const noexcept {
    while (from < to) {
      const std::uint64_t rest = words_[from / kBitsOfWord] >> (from % kBitsOfWord);
      if (rest != 0) return std::min(to, from + static_cast<std::size_t>(std::countr_zero(rest)));
      from = (from / kBitsOfWord + 1) * kBitsOfWord;
    }
    return to;
  }

 private:
  std::array<std::uint64_t, words_for(kMaxRules)> words_; // beyond those of the section: not set
};

// A few sets over all rules of a section.
class RuleTable {
 public:
  RuleTable() = default;
  RuleTable(std::size_t sets, std::size_t words) : words_(words), bits_(sets * words) {}
  void add(std::size_t set, std::size_t rank) {
    bits_[set * words_ + rank / kBitsOfWord] |= bit_of_rank(rank);
  }
  const std::uint64_t* set(std::size_t number) const noexcept {
    return bits_.data() + number * words_;
  }

 private:
  std::size_t words_ = 0;
  std::vector<std::uint64_t> bits_;
};

} // namespace sluice::engine
