// Stream, the part that tells which matches are part of an earlier one. One that is known to be
// when it begins is not read at all. Which of two is known first depends on cuts, so each is asked
// about once more when it is counted.
#include "policy/redact/stream.hpp"

#include <algorithm>

namespace sluice::redact {
namespace {

struct Absorber {
  const Needle* needle;
  std::uint64_t from, until;

  bool takes(const Needle& other, std::uint64_t place) const noexcept {
    if (needle == nullptr || place < from || place >= until) return false;
    if (needle->format != other.format || needle->coding != other.coding) return false;
    return other.format->block_end.empty() || needle->anchor == other.anchor;
  }
};

Absorber absorber(const Candidate& one) {
  return {&one.needle(), one.absorbs_from(), one.absorbs_until()};
}

} // namespace

bool Stream::absorbed(const Needle& needle, std::uint64_t place) const {
  return absorbed_by(needle, place, spans_.begin(), spans_.end());
}

bool Stream::absorbed_by(const Needle& needle, std::uint64_t place, Spans begin, Spans end) const {
  const auto open = [&](const Candidate& one) { return absorber(one).takes(needle, place); };
  const auto over = [&](const Span& one) {
    return Absorber{one.needle, one.absorbs_from, one.absorbs_until}.takes(needle, place);
  };
  if (std::any_of(candidates_.begin(), candidates_.end(), open)) return true;
  return place < absorbs_until_ && std::any_of(begin, end, over);
}

// It is about to be forgotten. `later` begins later, and is in order.
void Stream::absorb(const Span& by, std::vector<Span>::iterator later) {
  const Absorber absorber{by.needle, by.absorbs_from, by.absorbs_until};
  if (by.needle == nullptr || by.absorbs_from >= by.absorbs_until) return;
  for (; later != spans_.end() && later->anchor < by.absorbs_until; ++later) {
    if (later->needle != nullptr && absorber.takes(*later->needle, later->anchor))
      later->absorbed = true;
  }
  for (Candidate& one : candidates_) {
    if (absorber.takes(one.needle(), one.anchor())) one.absorbed = true;
  }
}

} // namespace sluice::redact
