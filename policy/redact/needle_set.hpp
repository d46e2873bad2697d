// Texts to look for: the forms of known secrets, and the anchors of token formats in each coding.
// A table over the first bytes tells almost everywhere that nothing begins there; long texts are
// found in bulk by probing only every k-th byte. Texts that are looked at must have a byte behind
// their end that can be read, as a std::string has. Private to policy/redact.
// Tested by tests/unit/redact/needle_set_test.cpp.
#pragma once

#include "policy/redact/token_format.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

enum class Coding : std::uint8_t { plain, base64, hex };

// What a match must have, wherever the stream is cut, since the scan passes over runs without it:
// a digit or a capital, in the token bytes that its secret begins with or in a whole run of them.
enum class Shows : std::uint8_t { anything, mixed_beginning, mixed_run, digit_run };

struct Needle {
  static constexpr std::size_t kLeast = 3;
  static constexpr std::size_t kShownWithin = 64; // bytes of the secret; see Shows

  std::string text;                    // at least kLeast bytes
  std::uint32_t rule = 0;              // index of the rule it belongs to
  const TokenFormat* format = nullptr; // null: a form of a known secret, which is a match by itself
  const Shape::Anchor* anchor = nullptr; // of the format
  Coding coding = Coding::plain;
  bool compared = false; // the text says all of the anchor; else the shape reads it again
  // base64: bits of the character before the text that belong to the anchor's first byte; 0, 2, 4.
  std::uint8_t lead_bits = 0;
  Shows shows = Shows::anything;
};

class NeedleSet {
 public:
  NeedleSet() = default;
  // `any_case`: the needles are in lower case, the text need not be.
  enum class Letters : bool { exact, any_case };
  enum class Use : bool { everywhere, only_match }; // only_match: find_all() is slow, and right
  explicit NeedleSet(std::vector<Needle> needles, Letters letters = Letters::exact,
                     Use use = Use::everywhere);

  bool empty() const noexcept { return needles_.empty(); }
  std::size_t longest() const noexcept { return longest_; }
  std::size_t gram() const noexcept { return gram_; } // bytes that may_begin() needs
  // Whether a needle may begin here; no false no.
  bool may_begin(const char* text) const noexcept { return test(begins_, hash(text)); }

  // Calls maybe(place) for each place in [begin, end) where a needle may begin. Requires: gram()
  // bytes at each.
  template <class Maybe> void beginnings(const char* begin, const char* end, Maybe&& maybe) const;

  enum class Rest { settled, open }; // open: with more text a further needle might match here
  // Calls hit(needle) for each needle at the start of `text`, shortest first.
  template <class Hit> Rest match(std::string_view text, Hit&& hit) const;

  // Calls hit(position, needle) for each needle wholly inside `text`. Order is not defined.
  template <class Hit> void find_all(std::string_view text, Hit&& hit) const;

 private:
  using Bits = std::vector<std::uint64_t>;
  static constexpr std::size_t kGram = 8; // bytes of a probe
  static constexpr std::size_t kLongestStride = 64;

  static bool test(const Bits& bits, std::size_t at) noexcept {
    return (bits[at >> 6U] >> (at & 63U) & 1U) != 0;
  }
  unsigned char byte(char c) const noexcept {
    const bool upper = any_case_ && c >= 'A' && c <= 'Z';
    return static_cast<unsigned char>(upper ? c - 'A' + 'a' : c);
  }
  std::size_t hash(const char* text) const noexcept { // of gram_ bytes
    std::uint32_t value = 0;
    std::memcpy(&value, text, sizeof value);
    return (((value | case_bits_) & gram_mask_) * 0x9E3779B1U) >> shift_;
  }
  std::size_t gram_hash(const char* eight) const noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, eight, kGram);
    value |= case_bits_ | std::uint64_t{case_bits_} << 32U;
    return static_cast<std::size_t>((value * 0x9E3779B97F4A7C15U) >> gram_shift_);
  }
  bool begins_with(std::string_view text, std::string_view needle) const noexcept {
    if (!any_case_) return text.starts_with(needle);
    const auto same = [this](char wanted, char c) {
      return byte(c) == static_cast<unsigned char>(wanted);
    };
    return text.size() >= needle.size() &&
           std::equal(needle.begin(), needle.end(), text.begin(), same);
  }
  bool may_begin_at_end(std::string_view tail) const noexcept { // fewer than gram_ bytes, not none
    const auto first = byte(tail[0]);
    if (tail.size() == 1) return test(one_, first);
    const auto two = first | std::uint32_t{byte(tail[1])} << 8U;
    if (tail.size() == 2) return test(two_, two);
    return std::binary_search(three_.begin(), three_.end(),
                              two | std::uint32_t{byte(tail[2])} << 16U);
  }
  void index_beginnings();
  void index_grams();

  struct Gram {
    std::uint32_t needle, offset;
  };

  std::vector<Needle> needles_;      // sorted by group, then by text
  std::vector<std::uint32_t> group_; // g: needles_[group_[g]] up to needles_[group_[g + 1]]
  Bits begins_, one_, two_;
  std::vector<std::uint32_t> three_; // sorted
  bool any_case_ = false;
  std::size_t gram_ = 4;        // first bytes that are hashed: 3 when a needle has no more
  std::uint32_t gram_mask_ = 0; // of them in a word
  std::uint32_t case_bits_ = 0; // what upper and lower case letters differ in
  unsigned shift_ = 16, group_shift_ = 0; // hash to group
  std::size_t shortest_ = 0, longest_ = 0;
  std::size_t stride_ = 0; // 0: too short to be probed for
  unsigned gram_shift_ = 0, gram_group_shift_ = 0;
  Bits gram_bits_;
  std::vector<std::uint32_t> gram_group_;
  std::vector<Gram> grams_;
};

template <class Maybe>
void NeedleSet::beginnings(const char* begin, const char* end, Maybe&& maybe) const {
  const std::uint32_t mask = gram_mask_, case_bits = case_bits_; // in registers
  const unsigned shift = shift_;
  const std::uint64_t* const bits = begins_.data();
  for (; begin < end; ++begin) {
    std::uint32_t value = 0;
    std::memcpy(&value, begin, sizeof value);
    const std::uint32_t h = (((value | case_bits) & mask) * 0x9E3779B1U) >> shift;
    if ((bits[h >> 6U] >> (h & 63U) & 1U) != 0) maybe(begin);
  }
}

// The needles of a group are sorted, so those that agree with the text so far are neighbours: each
// further byte narrows them by a binary search, and those that end there come first.
template <class Hit> NeedleSet::Rest NeedleSet::match(std::string_view text, Hit&& hit) const {
  if (needles_.empty() || text.empty()) return Rest::settled;
  if (text.size() < gram_) return may_begin_at_end(text) ? Rest::open : Rest::settled;
  const auto h = hash(text.data());
  if (!test(begins_, h)) return Rest::settled;
  auto low = needles_.begin() + group_[h >> group_shift_];
  auto high = needles_.begin() + group_[(h >> group_shift_) + 1];
  for (std::size_t depth = 0;; ++depth) {
    for (; low != high && low->text.size() == depth; ++low) hit(*low);
    if (low == high) return Rest::settled;
    if (depth == text.size()) return Rest::open;
    const auto next = [depth](const Needle& needle) {
      return static_cast<unsigned char>(needle.text[depth]);
    };
    const auto wanted = byte(text[depth]);
    if (next(*low) == next(*(high - 1))) { // all agree, as sorted as they are
      if (next(*low) != wanted) return Rest::settled;
      continue;
    }
    low = std::partition_point(low, high, [&](const Needle& n) { return next(n) < wanted; });
    high = std::partition_point(low, high, [&](const Needle& n) { return next(n) == wanted; });
  }
}

template <class Hit> void NeedleSet::find_all(std::string_view text, Hit&& hit) const {
  if (text.size() < shortest_ || needles_.empty()) return;
  if (stride_ == 0) {
    const char* const data = text.data();
    beginnings(data, data + text.size() - gram_ + 1, [&](const char* place) {
      const auto at = static_cast<std::size_t>(place - data);
      match(text.substr(at), [&](const Needle& needle) { hit(at, needle); });
    });
    return;
  }
  for (std::size_t at = 0; at + kGram <= text.size(); at += stride_) {
    const auto h = gram_hash(text.data() + at);
    if (!test(gram_bits_, h)) continue;
    const auto group = h >> gram_group_shift_;
    for (auto i = gram_group_[group]; i < gram_group_[group + 1]; ++i) {
      const auto [index, offset] = grams_[i];
      const Needle& needle = needles_[index];
      if (offset <= at && begins_with(text.substr(at - offset), needle.text)) {
        hit(at - offset, needle);
      }
    }
  }
}

} // namespace sluice::redact
