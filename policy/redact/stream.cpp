#include "policy/redact/stream.hpp"

#include "policy/redact/boundary.hpp"
#include "policy/redact/scan.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::redact {
namespace {

constexpr std::size_t kSlice = 16 * 1024; // stays in the first cache
// Released bytes that are kept: an anchor in base64 over two line ends, and a line end before it.
constexpr std::size_t kContext = 256;

// Up to where the text has all bytes that the set's hash reads.
std::uint64_t whole_grams(const StreamText& text, const NeedleSet& needles) {
  return text.end() + 1 - std::min<std::uint64_t>(text.end() + 1, needles.gram());
}
// A plain anchor is only not compared where letters are compared in any case.
bool in_any_case_set(const Needle& needle) {
  return needle.coding == Coding::plain && !needle.compared;
}

std::size_t index_of(Looking set) {
  return static_cast<std::size_t>(set);
}

constexpr Looking kInOnePiece[] = {
    Looking::words_in_runs,       Looking::anchors_in_runs,  Looking::names_in_runs,
    Looking::anchors_before_runs, Looking::anchors_at_marks, Looking::anchors_anywhere,
    Looking::long_secrets,        Looking::short_secrets,    Looking::hex_secrets};

} // namespace

void Stream::feed(std::string_view in, std::string& out) {
  const auto from = out.size();
  while (!in.empty()) {
    process(in.substr(0, kSlice), Ending::more_may_come, out);
    in.remove_prefix(std::min(in.size(), kSlice));
  }
  const auto again = std::min(given_away_, out.size() - from);
  out.erase(from, again);
  given_away_ -= again;
}

void Stream::finish(std::string& out) {
  finish_with({}, out);
}

void Stream::whole(std::string_view in, std::string& out) {
  while (in.size() > kSlice) {
    process(in.substr(0, kSlice), Ending::more_may_come, out);
    in.remove_prefix(kSlice);
  }
  finish_with(in, out);
}

void Stream::finish_with(std::string_view in, std::string& out) {
  const auto from = out.size();
  process(in, Ending::at_end, out);
  out += folder_.waiting(); // invisible characters at the very end
  out.erase(from, std::min(given_away_, out.size() - from));
  auto findings = std::move(findings_);
  auto blocked = std::move(blocked_by_);
  *this = Stream(std::move(rules_), mask_, scope_, reading_);
  findings_ = std::move(findings);
  blocked_by_ = std::move(blocked);
}

void Stream::process(std::string_view in, Ending ending, std::string& out) {
  // A stream itself keeps only its tail. What needs another stream meanwhile has one of its own.
  thread_local std::string spare;
  std::string scratch = std::exchange(spare, {});
  scratch.assign(text_);
  if (reading_ == Reading::as_written) {
    scratch.append(in);
  } else {
    const bool over = ending == Ending::at_end;
    folder_.fold(in, over ? Folder::Ending::at_end : Folder::Ending::more_may_come, base_, scratch,
                 disguises_);
  }
  const StreamText text{scratch, base_};
  read_candidates(text);
  look_again(text, ending);
  look(text, ending);
  trails_.forget();
  if (ending == Ending::at_end) {
    for (auto& open : candidates_) {
      open.finish(text);
      settle(open);
    }
    candidates_.clear();
    starts_.clear();
  }
  if (compiled().vault) shield_tokens();
  if (compiled().may_block) note_blocks();
  const auto until = ending == Ending::at_end ? text.end() : releasable(text);
  emit(text, until, out);
  retire_spans(until, ending == Ending::at_end ? Candidate::kNowhere : looked_);
  const auto keep = std::min(released_, std::max(base_ + kContext, released_) - kContext);
  text_.assign(scratch, std::max(keep, base_) - base_);
  base_ = std::max(keep, base_);
  spare = std::move(scratch);
}

void Stream::read_candidates(const StreamText& text) {
  std::erase_if(candidates_, [&](Candidate& one) {
    const auto course = go_on(one, text);
    if (course == Course::over) settle(one);
    return course != Course::goes_on;
  });
}

// It will not grow any more.
void Stream::settle(Candidate& candidate) {
  if (!candidate.matched() || candidate.secret_begin() == Candidate::kNowhere) return;
  if (trails_.is_inside_earlier(candidate)) return; // masked with it, and not one more
  trails_.note(candidate);
  const Needle& needle = candidate.needle();
  // What only looks like a token is nothing, and is not kept.
  if (is_token(needle.rule) && !compiled().vault->knows(candidate.secret())) return;
  absorbs_until_ = std::max(absorbs_until_, candidate.absorbs_until());
  spans_.push_back({candidate.anchor(), candidate.secret_begin(), candidate.secret_end(),
                    candidate.absorbs_from(), candidate.absorbs_until(), candidate.absorbed,
                    needle.rule, static_cast<std::uint32_t>(needle.anchor->text.size()), &needle,
                    candidate.secret(), false, false, false});
}

void Stream::look_again(const StreamText& text, Ending ending) {
  for (const Start& start : std::exchange(starts_, {})) look_at(text, start, ending);
}

// Where all that decides is at hand, each set has its own fast way; the last bytes, where something
// may be cut off, are looked at one by one.
void Stream::look(const StreamText& text, Ending ending) {
  const auto begin = looked_;
  std::array<std::uint64_t, kLookings> whole_until{};
  for (const auto set : kInOnePiece) {
    auto needs = compiled().needles(set).longest();
    if (set == Looking::anchors_before_runs) needs += Shape::kFarthest + kRun;
    if (set == Looking::anchors_at_marks) needs += Shape::kMarkReach;
    if (ending == Ending::at_end) needs = 0; // nothing more will decide
    whole_until[index_of(set)] =
        std::max(begin, text.end() - std::min<std::uint64_t>(text.end(), needs));
  }
  look_in_stretches(text, whole_until, ending);
  for (const auto set : {Looking::anchors_anywhere, Looking::long_secrets, Looking::short_secrets,
                         Looking::hex_secrets}) {
    const auto end = whole_until[index_of(set)];
    if (end == begin || !looks_for(set)) continue;
    // A needle that begins before `end` may reach beyond it.
    const auto reach = end + compiled().needles(set).longest() - begin;
    compiled().needles(set).find_all(
        text.from(begin).substr(0, reach), [&](std::size_t at, const Needle& needle) {
          if (begin + at >= end) return;
          found(text, begin + at, begin + at + needle.text.size(), needle);
        });
  }
  look_for_openings(text, ending);
  for (const auto set : kInOnePiece) {
    if (looks_for(set)) look_at_the_rest(text, set, whole_until[index_of(set)], ending);
  }
  looked_ = text.end();
}

// What is not held is looked at when as many bytes are there as tell something: until then all that
// is there belongs to an anchor.
void Stream::look_at_the_rest(const StreamText& text, Looking set, std::uint64_t from,
                              Ending ending) {
  auto& waits_from = waits_from_[index_of(set)];
  const auto first = is_held(set) ? looked_ : std::min(waits_from, looked_);
  auto until = text.end();
  if (ending == Ending::more_may_come && !is_held(set)) {
    until = std::max(first, whole_grams(text, compiled().needles(set)));
  }
  look_each(text, set, first, std::min(looked_, until), ending);
  look_each(text, set, from, std::max(from, until), ending);
  waits_from = until;
}

void Stream::look_in_stretches(const StreamText& text, const PlaceOfSet& whole_until,
                               Ending ending) {
  if (reading_ == Reading::as_written) return; // base64 has no part in a disguise
  const auto from = std::max(text.base, looked_ - std::min<std::uint64_t>(looked_, kRun));
  const auto bytes = text.from(from); // a run may have begun before
  StretchScan scan;
  scan.data = bytes.data();
  scan.size = bytes.size();
  PlaceOfSet done;
  done.fill(looked_);
  const auto look_once = [&](Looking set, std::uint64_t begin, std::uint64_t end) {
    auto& until = done[index_of(set)];
    begin = std::max(begin, until);
    end = std::min(end, whole_until[index_of(set)]);
    if (begin >= end) return;
    if (set == Looking::words_in_runs) {
      look_at_words(text, begin, end);
    } else {
      look_each(text, set, begin, end, Ending::at_end);
    }
    until = end;
  };
  auto lines_until = looked_;
  std::array<Stretch, kStretches> stretches;
  while (const auto count = scan_isas().front().stretches(scan, stretches.data())) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto begin = from + stretches[i].begin, end = from + stretches[i].end;
      if (stretches[i].kind == Stretch::Kind::mark) {
        look_once(Looking::anchors_at_marks, begin, end);
        continue;
      }
      if (end >= lines_until && end < text.end()) {
        lines_until = look_over_lines(text, end, ending);
      }
      look_once(Looking::names_in_runs, begin, end);
      if (!stretches[i].mixed) continue; // and so is no match: see Shows
      look_once(Looking::anchors_in_runs, begin, end);
      look_once(Looking::words_in_runs, begin, end);
      // The name of a value stands before the run, or in it and before a '='.
      const auto run = text.from(begin).substr(0, end - begin);
      const auto look_before = [&](std::uint64_t place) {
        const auto reach = std::min<std::uint64_t>(place, Shape::kFarthest);
        look_once(Looking::anchors_before_runs, place - reach, place);
      };
      look_before(begin);
      for (auto at = run.find('='); at != std::string_view::npos; at = run.find('=', at + 1)) {
        look_before(begin + at);
      }
    }
  }
}

// Each place of a text of any sort, up to the end of what is known.
void Stream::look_each(const StreamText& text, Looking set, std::uint64_t begin, std::uint64_t end,
                       Ending ending) {
  const NeedleSet& needles = compiled().needles(set);
  if (needles.empty() || begin >= end) return;
  const char* const data = text.bytes.data();
  const auto whole = std::max(begin, std::min(end, whole_grams(text, needles)));
  needles.beginnings(data + (begin - text.base), data + (whole - text.base), [&](const char* at) {
    look_at(text, {text.base + static_cast<std::uint64_t>(at - data), 0, set}, ending);
  });
  for (auto place = whole; place < end; ++place) look_at(text, {place, 0, set}, ending);
}

// Where a word begins in a run. Inside it nothing is escaped: only its first bytes may be the end
// of an escape.
void Stream::look_at_words(const StreamText& text, std::uint64_t begin, std::uint64_t end) {
  constexpr std::uint64_t kLongestEscape = 6;
  const auto set = Looking::words_in_runs;
  const NeedleSet& needles = compiled().needles(set);
  if (needles.empty()) return;
  const auto doubtful = std::min(end, begin + kLongestEscape);
  look_each(text, set, begin, doubtful, Ending::at_end);
  const auto hashed = std::max(doubtful, std::min(end, whole_grams(text, needles)));
  const char* at = text.from(doubtful).data();
  for (auto place = doubtful; place < hashed; ++place, ++at) {
    if (!is_word_byte(at[-1]) && needles.may_begin(at))
      look_at(text, {place, 0, set}, Ending::at_end);
  }
  look_each(text, set, hashed, end, Ending::at_end);
}

void Stream::look_at(const StreamText& text, Start start, Ending ending) {
  if (start.set == Looking::over_lines) return look_over_lines_again(text, start, ending);
  const auto rest = text.from(start.place);
  const auto more = compiled().needles(start.set).match(rest, [&](const Needle& needle) {
    if (needle.text.size() <= start.seen) return;
    found(text, start.place, start.place + needle.text.size(), needle);
  });
  if (more == NeedleSet::Rest::open && ending == Ending::more_may_come) {
    starts_.push_back({start.place, rest.size(), start.set});
  }
}

void Stream::found(const StreamText& text, std::uint64_t begin, std::uint64_t end,
                   const Needle& needle) {
  if (needle.format == nullptr) { // looked for everywhere
    const CompiledRule& rule = compiled().rules[needle.rule];
    findings_.add(rule.id, rule.fingerprint, 1, rule.action);
    Span& span = spans_.emplace_back();
    span.anchor = span.begin = begin, span.end = end;
    span.rule = needle.rule, span.rank = ~std::uint32_t{0};
    return;
  }
  const bool cased = in_any_case_set(needle) && !needle.anchor->any_case;
  if (cased && !text.from(begin).starts_with(needle.anchor->text)) return;
  const auto before = text.bytes.substr(0, begin - text.base);
  if (needle.coding == Coding::plain && needle.format->starts_at_boundary && !at_boundary(before)) {
    return;
  }
  if (needle.lead_bits > 0 && before.empty()) return; // its first bits are not there
  if (compiled().looks_for(needle.rule, scope_)) open(text, begin, needle);
}

void Stream::open(const StreamText& text, std::uint64_t begin, const Needle& needle) {
  if (absorbed(needle, begin)) return;
  Candidate candidate(needle, begin, text);
  const auto course = go_on(candidate, text);
  if (course == Course::over) settle(candidate);
  if (course == Course::goes_on) candidates_.push_back(std::move(candidate));
}

// The call ends here, so which of several is named does not matter: the first in the text.
void Stream::note_blocks() {
  if (!blocked_by_.empty() || scope_.actions == Scope::Actions::all_masked) return;
  auto first = Candidate::kNowhere;
  const auto known = tokens();
  const auto note = [&](std::uint32_t rule, std::uint64_t begin) {
    const CompiledRule& found = compiled().rules[rule];
    if (found.action != Action::block || begin >= first || may_become_token(begin)) return;
    first = begin;
    blocked_by_ = found.id;
  };
  for (const Span& one : spans_) {
    if (!one.shielded) note(one.rule, one.begin);
  }
  for (const Candidate& one : candidates_) {
    if (one.matched() && !in_any(known, one.secret_begin(), one.secret_end()))
      note(one.needle().rule, one.secret_begin());
  }
}

} // namespace sluice::redact
