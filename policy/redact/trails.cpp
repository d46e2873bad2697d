#include "policy/redact/trails.hpp"

#include <algorithm>

namespace sluice::redact {
namespace {

bool is_opening(const Needle& needle) noexcept {
  return needle.format != nullptr && needle.format->opening;
}

// Whether a match is one whatever its first bytes are.
bool only_shape_decides(const Needle& needle) noexcept {
  const TokenFormat& format = *needle.format;
  return needle.shows == Shows::anything && format.entropy == 0 &&
         format.check == TokenCheck::none && !format.shape.has_secret_part();
}

} // namespace

// A length or check digits count from the beginning, so two that began apart may end apart.
bool Trails::follows(const Needle& needle) noexcept {
  if (!is_opening(needle)) return false;
  const TokenFormat& format = *needle.format;
  return format.max_length == 0 && !format.checks_each_end() && format.block_end.empty();
}

bool Trails::joins(const Candidate& one) {
  auto& ways = stops_[{one.next(), &one.needle(), one.state(), one.bits_left()}];
  const Way way{one.matched() ? one.secret_end() : Candidate::kNowhere, one.secret_begin(),
                one.secret_last()};
  const bool open = !one.matched() && only_shape_decides(one.needle());
  const bool joined = std::any_of(ways.begin(), ways.end(), [&](const Way& earlier) {
    if (earlier.secret_last != way.secret_last) return false;
    if (open) return true;
    return one.matched() && earlier.matched_until == way.matched_until &&
           earlier.secret_begin <= way.secret_begin;
  });
  if (!joined) ways.push_back(way);
  return joined;
}

void Trails::note(const Candidate& one) {
  if (!one.matched() || !is_opening(one.needle())) return;
  const Reach reach{one.anchor(), one.secret_begin(), one.secret_end()};
  const auto [known, fresh] = farthest_.try_emplace(&one.needle(), reach);
  if (!fresh && known->second.end < reach.end) known->second = reach;
}

bool Trails::is_inside_earlier(const Candidate& one) const {
  if (!one.matched() || !is_opening(one.needle())) return false;
  const auto known = farthest_.find(&one.needle());
  if (known == farthest_.end()) return false;
  const Reach& earlier = known->second;
  return earlier.anchor < one.anchor() && earlier.begin <= one.secret_begin() &&
         one.secret_end() <= earlier.end;
}

} // namespace sluice::redact
