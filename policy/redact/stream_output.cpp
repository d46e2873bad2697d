// Stream, the part that decides what may leave and writes it.
#include "policy/redact/stream.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::redact {

std::uint64_t Stream::releasable(const StreamText& text) const {
  auto until = text.end();
  for (const Candidate& one : candidates_) until = std::min(until, one.undecided());
  for (const Start& one : starts_) {
    if (is_held(one.set)) until = std::min(until, one.place);
  }
  if (compiled().vault) until = hold_whole(text.end(), until);
  return std::max(until, released_);
}

void Stream::emit(const StreamText& text, std::uint64_t until, std::string& out) {
  const auto spans = spans_until(until);
  if (spans.empty()) {
    write_plain(text, released_, until, out);
  } else {
    emit_masked(text, until, spans, out);
  }
  released_ = until;
  std::erase_if(disguises_, [until](const Disguise& one) { return one.at < until; });
}

// Those that reach into what is released now, in order; where two begin together, the better first.
std::vector<Stream::Span> Stream::spans_until(std::uint64_t until) const {
  std::vector<Span> out;
  const auto add = [&](std::uint64_t begin, std::uint64_t end, std::uint32_t rule,
                       std::uint32_t rank, bool open) {
    if (end <= released_ || begin >= until || !masks(rule)) return;
    Span& span = out.emplace_back();
    span.begin = begin, span.end = end, span.rule = rule, span.rank = rank;
    span.open = open, span.tokenizes = tokenizes(rule);
  };
  for (const Span& one : spans_) {
    if (!one.shielded) add(one.begin, one.end, one.rule, one.rank, false);
  }
  for (const Candidate& one : candidates_) {
    if (!one.matched()) continue;
    add(one.secret_begin(), one.secret_end(), one.needle().rule,
        static_cast<std::uint32_t>(one.needle().anchor->text.size()), true);
  }
  std::sort(out.begin(), out.end(), [](const Span& a, const Span& b) {
    return std::tuple(a.begin, ~a.rank, a.rule) < std::tuple(b.begin, ~b.rank, b.rule);
  });
  return out;
}

// A placeholder stands where a span begins that no earlier one covers.
void Stream::emit_masked(const StreamText& text, std::uint64_t until,
                         const std::vector<Span>& spans, std::string& out) {
  auto at = released_;
  for (const Region& region : regions_of(spans)) {
    if (region.begin >= at) {
      write_plain(text, at, region.begin, out);
      at = region.begin;
      if (mask_ == Redactor::Mask::placeholder) replace(text, region, out);
    }
    const auto end = std::min(region.end, until);
    if (end > at) {
      write(text, at, end, Look::masked, out);
      at = end;
    }
  }
  write_plain(text, at, until, out);
}

bool Stream::masks(std::uint32_t rule) const noexcept {
  if (is_token(rule)) return false;
  if (scope_.actions == Scope::Actions::all_masked) return true;
  const Action action = compiled().rules[rule].action;
  const bool stays = scope_.restores || scope_.leaves;
  if (action == Action::tokenize) return !stays || compiled().vault == nullptr;
  return action != Action::report;
}

void Stream::write(const StreamText& text, std::uint64_t begin, std::uint64_t end, Look look,
                   std::string& out) const {
  if (look == Look::masked && mask_ == Redactor::Mask::placeholder) return;
  const auto plain = [&](std::uint64_t until) {
    if (look == Look::masked) {
      out.append(until - begin, '*');
    } else {
      out.append(text.from(begin).substr(0, until - begin));
    }
    begin = until;
  };
  // They stand in order of their places, and a slice may have one of them for each of its regions.
  auto next = std::lower_bound(disguises_.begin(), disguises_.end(), begin,
                               [](const Disguise& one, std::uint64_t at) { return one.at < at; });
  for (; next != disguises_.end() && next->at < end; ++next) {
    const Disguise& one = *next;
    plain(one.at);
    if (look == Look::masked) {
      out.append(one.written.size(), '*');
    } else {
      out += one.written;
    }
    ++begin;
  }
  plain(end);
}

bool Stream::may_be_inside(const Candidate& open, const Span& token) {
  if (open.anchor() >= token.end || open.secret_end_beyond(token.end)) return false;
  return open.secret_begin() == Candidate::kNowhere || open.secret_begin() >= token.begin;
}

// A span is counted when nothing that began with it can still be found: of formats that nest, the
// one with the longest anchor is meant.
void Stream::retire_spans(std::uint64_t until, std::uint64_t looked_until) {
  if (spans_.empty()) return;
  constexpr std::uint64_t kLongestBeginning = 256; // of which a start may still be waiting
  std::sort(spans_.begin(), spans_.end(), [](const Span& a, const Span& b) {
    return std::tuple(a.anchor, ~a.rank, a.rule) < std::tuple(b.anchor, ~b.rank, b.rule);
  });
  std::vector<std::uint32_t> waiting; // rules of openings: what begins later waits, too
  const auto waits = [&](const Span& one) {
    if (one.end > until || looked_until - one.end < kLongestBeginning) return true;
    if (one.is_opening() && std::find(waiting.begin(), waiting.end(), one.rule) != waiting.end())
      return true;
    return std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& open) {
      return open.anchor() == one.anchor || (is_token(one.rule) && may_be_inside(open, one)) ||
             (one.is_opening() && open.needle().rule == one.rule && open.anchor() < one.anchor);
    });
  };
  auto keep = spans_.begin();
  for (auto group = spans_.begin(); group != spans_.end();) {
    const auto group_end = std::find_if(
        group, spans_.end(), [&](const Span& one) { return one.anchor != group->anchor; });
    if (std::any_of(group, group_end, waits)) {
      for (auto one = group; one != group_end; ++one) {
        if (one->is_opening()) waiting.push_back(one->rule);
      }
      // Moved onto itself a span would lose its secret.
      keep = keep == group ? group_end : std::move(group, group_end, keep);
    } else {
      count_group(group, group_end, keep);
      for (auto one = group; one != group_end; ++one) absorb(*one, group_end);
    }
    group = group_end;
  }
  spans_.erase(keep, spans_.end());
}

// Of what begins in one place. Known secrets are counted when they are found; of personal data the
// longest is meant; a policy's own rules are told each. What began before and is not counted yet
// ends at `kept`.
void Stream::count_group(Spans begin, Spans end, Spans kept) {
  const Span *token = nullptr, *person = nullptr;
  for (auto one = begin; one != end; ++one) {
    if (one->needle == nullptr) continue;
    if (!one->is_opening()) {
      const bool part =
          one->absorbed || absorbed_by(*one->needle, one->anchor, spans_.begin(), kept);
      if (token == nullptr && !part) token = &*one;
      continue;
    }
    if (!is_further_match(*one)) {
      if (compiled().rules[one->rule].pack == Pack::own) {
        count(*one);
      } else if (person == nullptr || one->end > person->end) {
        person = &*one;
      }
    }
    auto& covered = covered_until_[one->rule];
    covered = std::max(covered, one->end);
  }
  if (token != nullptr) count(*token);
  if (person != nullptr) count(*person);
}

void Stream::count(const Span& span) {
  if (is_token(span.rule) || span.shielded) return;
  const CompiledRule& rule = compiled().rules[span.rule];
  const bool stays = rule.action == Action::tokenize && !masks(span.rule);
  findings_.add(rule.id, fingerprint_of(compiled().fingerprint_key, span.secret), 1,
                stays ? Action::restore : rule.action);
}

// A byte that is masked already goes as a star; what is not decided goes as it is.
void Stream::release(std::string& out) {
  const StreamText text{text_, base_};
  std::string all;
  emit_masked(text, text.end(), spans_until(text.end()), all);
  all += folder_.waiting();
  if (all.size() <= given_away_) return;
  out.append(all, given_away_);
  given_away_ = all.size();
}

std::size_t Stream::held() const {
  std::size_t written = base_ + text_.size() - released_ + folder_.waiting().size();
  for (const Disguise& one : disguises_) written += one.written.size() - 1;
  return written - std::min(written, given_away_);
}

} // namespace sluice::redact
