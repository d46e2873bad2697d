// Stream, the part that finds formats without an anchor, by their first byte.
#include "policy/redact/stream.hpp"

#include "policy/redact/boundary.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::redact {

namespace {

// Whether this byte goes on with a sign of UTF-8: then nothing begins with it.
bool in_sign(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  return (byte(at) & 0xC0U) == 0x80 && at > 0 && byte(at - 1) >= 0x80;
}

} // namespace

// Each place once: what may begin there goes on as a candidate.
void Stream::look_for_openings(const StreamText& text, Ending ending) {
  if (reading_ == Reading::as_written) return;
  const OpeningSet& openings = compiled().openings(scope_);
  if (openings.empty()) return;
  look_in_table(text, openings.everywhere(), looked_, text.end());
  for (const auto& near : openings.near()) look_before_rare(text, near, ending);
}

void Stream::look_before_rare(const StreamText& text, const OpeningSet::Near& near, Ending ending) {
  auto done = looked_;
  const auto reach = near.rare.reach;
  const auto look_up_to = [&](std::uint64_t end) {
    const auto begin = std::max(done, end - std::min<std::uint64_t>(end, reach));
    look_in_table(text, near.table, begin, end);
    done = std::max(done, end);
  };
  for (auto from = looked_; from < text.end();) {
    const auto rest = text.from(from);
    const void* const rare = std::memchr(rest.data(), near.rare.byte, rest.size());
    if (rare == nullptr) break;
    from += static_cast<std::uint64_t>(static_cast<const char*>(rare) - rest.data());
    look_up_to(++from);
  }
  if (ending == Ending::more_may_come) look_up_to(text.end()); // it may be about to come
}

void Stream::look_in_table(const StreamText& text, const OpeningSet::Table& table,
                           std::uint64_t begin, std::uint64_t end) {
  using Table = OpeningSet::Table;
  const char* const data = text.bytes.data();
  for (auto place = begin; place < end; ++place) {
    const auto at = static_cast<std::size_t>(place - text.base);
    const auto how = table.begins[static_cast<unsigned char>(data[at])];
    if (how == 0 || in_sign(text.bytes, at)) continue;
    const bool word = at_boundary(text.bytes.substr(0, at));
    if (!word && (how & Table::kAnywhere) == 0) continue;
    const auto rest = text.bytes.substr(at);
    for (const Opening* one : table.all) {
      if (!word && one->format().starts_at_boundary) continue;
      if (one->may_match(rest)) open(text, place, one->needle());
    }
  }
}

// What can meet an earlier one of its needle stops now and then to see whether it has.
Stream::Course Stream::go_on(Candidate& candidate, const StreamText& text) {
  const bool follows = Trails::follows(candidate.needle());
  auto next = candidate.next() / Trails::kStride * Trails::kStride;
  for (;;) {
    next += Trails::kStride; // it may wait there for more: of a line end, of a second digit
    const auto stop = follows ? std::min(next, text.end()) : text.end();
    const StreamText piece{text.bytes.substr(0, stop - text.base), text.base};
    const auto before = candidate.next();
    if (candidate.read(piece) == Candidate::Life::over) return Course::over;
    // One that waits stands where it stood: what it would meet there is itself.
    const bool went_on = candidate.next() != before;
    if (follows && went_on && trails_.joins(candidate)) return Course::joined;
    if (stop == text.end()) break;
  }
  trails_.note(candidate);
  return Course::goes_on;
}

// A match that begins inside another of its format is masked with it, and is not one more.
bool Stream::is_further_match(const Span& span) const {
  const auto at = covered_until_.find(span.rule);
  return at != covered_until_.end() && span.begin < at->second;
}

} // namespace sluice::redact
