#include "policy/redact/needle_set.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace sluice::redact {
namespace {

// So many bits that a table of `entries` is nearly empty, in bounds.
unsigned bits_for(std::size_t entries, unsigned least, unsigned most) {
  const auto wanted = static_cast<unsigned>(std::bit_width(entries * 16));
  return std::clamp(wanted, least, most);
}

void set(std::vector<std::uint64_t>& bits, std::size_t at) {
  bits[at >> 6U] |= std::uint64_t{1} << (at & 63U);
}

} // namespace

NeedleSet::NeedleSet(std::vector<Needle> needles, Letters letters, Use use)
    : needles_(std::move(needles)), any_case_(letters == Letters::any_case) {
  if (needles_.empty()) return;
  shortest_ = needles_.front().text.size();
  for (const Needle& needle : needles_) {
    shortest_ = std::min(shortest_, needle.text.size());
    longest_ = std::max(longest_, needle.text.size());
  }
  gram_ = std::min<std::size_t>(shortest_, 4);
  gram_mask_ = gram_ == 4 ? 0xFFFFFFFFU : 0x00FFFFFFU;
  case_bits_ = any_case_ ? 0x20202020U : 0;
  const unsigned bits = bits_for(needles_.size() * 4, 15, 22);
  shift_ = 32 - bits;
  group_shift_ = bits - std::min(bits, bits_for(needles_.size() / 16, 6, 20));
  const auto group = [this](const Needle& one) { return hash(one.text.data()) >> group_shift_; };
  std::sort(needles_.begin(), needles_.end(), [&](const Needle& a, const Needle& b) {
    const auto ga = group(a), gb = group(b);
    return ga != gb ? ga < gb : a.text < b.text;
  });
  index_beginnings();
  constexpr std::size_t kWorthwhile = 4; // bytes a probe
  if (use == Use::everywhere && shortest_ >= kGram + kWorthwhile - 1) index_grams();
}

void NeedleSet::index_beginnings() {
  const unsigned bits = 32 - shift_;
  begins_.assign((std::size_t{1} << bits) / 64, 0);
  one_.assign(256 / 64, 0);
  two_.assign(65'536 / 64, 0);
  group_.assign((std::size_t{1} << (bits - group_shift_)) + 1, 0);
  for (const Needle& needle : needles_) {
    const auto h = hash(needle.text.data());
    const auto first = static_cast<unsigned char>(needle.text[0]);
    set(begins_, h);
    set(one_, first);
    const auto two = first | std::uint32_t{static_cast<unsigned char>(needle.text[1])} << 8U;
    set(two_, two);
    three_.push_back(two | std::uint32_t{static_cast<unsigned char>(needle.text[2])} << 16U);
    ++group_[(h >> group_shift_) + 1];
  }
  for (std::size_t g = 1; g < group_.size(); ++g) group_[g] += group_[g - 1];
  std::sort(three_.begin(), three_.end());
  three_.erase(std::unique(three_.begin(), three_.end()), three_.end());
}

// Whatever position the text is probed at, one of the first `stride_` pieces of a needle is met.
void NeedleSet::index_grams() {
  stride_ = std::min(shortest_ - kGram + 1, kLongestStride);
  std::vector<std::pair<std::size_t, Gram>> all;
  all.reserve(needles_.size() * stride_);
  gram_shift_ = 64 - bits_for(needles_.size() * stride_, 12, 26);
  for (std::uint32_t i = 0; i < needles_.size(); ++i) {
    for (std::uint32_t offset = 0; offset < stride_; ++offset) {
      all.push_back({gram_hash(needles_[i].text.data() + offset), {i, offset}});
    }
  }
  // One bit for each hash, but one group for many: the first is asked always, the other hardly
  // ever.
  const unsigned hash_bits = 64 - gram_shift_;
  const unsigned group_bits = std::min(hash_bits, bits_for(all.size() / 16, 8, 22));
  gram_group_shift_ = hash_bits - group_bits;
  gram_bits_.assign((std::size_t{1} << hash_bits) / 64, 0);
  gram_group_.assign((std::size_t{1} << group_bits) + 1, 0);
  for (const auto& [h, gram] : all) {
    set(gram_bits_, h);
    ++gram_group_[(h >> gram_group_shift_) + 1];
  }
  for (std::size_t g = 1; g < gram_group_.size(); ++g) gram_group_[g] += gram_group_[g - 1];
  grams_.resize(all.size());
  auto next = gram_group_;
  for (const auto& [h, gram] : all) grams_[next[h >> gram_group_shift_]++] = gram;
}

} // namespace sluice::redact
