#include "policy/redact/openings.hpp"

#include <algorithm>
#include <utility>

namespace sluice::redact {
namespace {

// The longest way through an automaton that a choice of its steps makes.
class Ways {
 public:
  explicit Ways(const Shape& shape) : shape_(shape), length_(shape.states(), kUnknown) {}

  // Without the steps that read `byte`: the most bytes before one could be read. None: a match can
  // do without it, or it can be as late as one likes.
  std::optional<std::size_t> until(char byte) {
    wanted_ = byte;
    return longest(shape_.start());
  }
  std::optional<std::size_t> until_end() { return longest(shape_.start()); }

 private:
  static constexpr std::size_t kUnknown = ~std::size_t{0}, kOpen = kUnknown - 1,
                               kNone = kUnknown - 2;

  std::optional<std::size_t> longest(Shape::State state) { // as deep as there are states
    auto& length = length_[state];
    if (length == kOpen || length == kNone) return std::nullopt;
    if (length != kUnknown) return length;
    length = kOpen;
    std::size_t most = 0;
    bool good = !wanted_ || !shape_.accepts(state);
    for (int c = 0; c < 256 && good; ++c) {
      const char byte = static_cast<char>(c);
      const auto next = shape_.next(state, byte);
      if (next == Shape::kDead || wanted_ == byte) continue;
      const auto further = longest(next);
      good = further.has_value();
      most = std::max(most, further.value_or(0) + 1);
    }
    length = good ? most : kNone;
    return good ? std::optional(most) : std::nullopt;
  }

  const Shape& shape_;
  std::vector<std::size_t> length_;
  std::optional<char> wanted_;
};

constexpr std::size_t kMostBeginnings = 32; // bytes; with more it is worth looking for a rare one
constexpr std::size_t kFarthestRare = 256;

} // namespace

std::optional<std::size_t> longest_match(const Shape& shape) {
  return Ways(shape).until_end();
}

std::size_t shortest_match(const Shape& shape) {
  std::vector<bool> seen(shape.states());
  std::vector<Shape::State> here{shape.start()};
  for (std::size_t length = 0;; ++length) { // a shape matches something, so this ends
    std::vector<Shape::State> there;
    for (const auto state : here) {
      if (shape.accepts(state)) return length;
      for (int c = 0; c < 256; ++c) {
        const auto next = shape.next(state, static_cast<char>(c));
        if (next == Shape::kDead || seen[next]) continue;
        seen[next] = true;
        there.push_back(next);
      }
    }
    here = std::move(there);
  }
}

std::optional<RareByte> rare_byte_of(const Shape& shape) {
  for (const char byte : std::string_view("@#$%&~^|<>{}[]+=:/")) { // the rarest first
    const auto before = Ways(shape).until(byte);
    if (before && *before < kFarthestRare) return RareByte{byte, *before + 1};
  }
  return std::nullopt;
}

Opening::Opening(const TokenFormat& format, std::uint32_t rule, std::optional<RareByte> rare)
    : rare_(rare) {
  needle_.rule = rule;
  needle_.format = &format;
  needle_.anchor = &format.visible;
  int beginnings = 0;
  for (int c = 0; c < 256; ++c) beginnings += begins_with(static_cast<char>(c)) ? 1 : 0;
  const bool many = beginnings > static_cast<int>(kMostBeginnings);
  if (!rare_ && many && format.max_length == 0) rare_ = rare_byte_of(format.shape);
}

bool Opening::begins_with(char c) const noexcept {
  const Shape& shape = format().shape;
  return shape.next(shape.start(), c) != Shape::kDead;
}

bool Opening::may_match(std::string_view rest) const noexcept {
  const TokenFormat& format = *needle_.format;
  const Shape& shape = format.shape;
  const bool cut = format.max_length > 0 && format.max_length < rest.size();
  if (cut) rest = rest.substr(0, format.max_length);
  auto state = shape.start();
  for (const char c : rest) {
    state = shape.next(state, c);
    if (state == Shape::kDead) return false;
    if (shape.accepts(state)) return true;
  }
  return !cut;
}

void OpeningSet::Table::add(const Opening& one) {
  all.push_back(&one);
  const auto how = one.format().starts_at_boundary ? kAtWords : kAnywhere;
  for (std::size_t c = 0; c < begins.size(); ++c) {
    if (one.begins_with(static_cast<char>(c))) begins[c] |= how;
  }
}

void OpeningSet::add(const Opening& one) {
  if (!one.rare()) return everywhere_.add(one);
  auto same = std::find_if(near_.begin(), near_.end(),
                           [&](const Near& near) { return near.rare.byte == one.rare()->byte; });
  if (same == near_.end()) same = near_.insert(near_.end(), Near{*one.rare(), {}});
  same->rare.reach = std::max(same->rare.reach, one.rare()->reach);
  same->table.add(one);
}

} // namespace sluice::redact
