// The state of one redacted stream. Positions are places in the folded stream. A place is released
// when no further byte can change what is masked there; what is masked is a union of spans. Hence
// the output is a function of the bytes alone. Private to policy/redact.
#pragma once

#include "policy/redact/candidate.hpp"
#include "policy/redact/compiled.hpp"
#include "policy/redact/folder.hpp"
#include "policy/redact/line_join.hpp"
#include "policy/redact/redactor.hpp"
#include "policy/redact/trails.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::redact {

class Stream {
 public:
  enum class Ending { more_may_come, at_end };
  // How a text is read: through disguises, for all rules; or as it is written, for known secrets,
  // whose first or last bytes may look like a part of a disguise with what stands beside them.
  enum class Reading : bool { through, as_written };
  Stream(std::shared_ptr<const RuleSet> rules, Redactor::Mask mask, Scope scope,
         Reading reading = Reading::through)
      : rules_(std::move(rules)),
        mask_(compiled().keep_length ? Redactor::Mask::keep_length : mask), scope_(scope),
        reading_(reading), folder_(compiled().signs) {}

  void feed(std::string_view in, std::string& out);
  void finish(std::string& out);
  void whole(std::string_view in, std::string& out);
  void release(std::string& out);
  const Findings& findings() const noexcept { return findings_; }
  Findings take_findings() { return std::exchange(findings_, {}); }
  // The first rule with the action `block` that matched; "" while none did.
  const std::string& blocked_by() const noexcept { return blocked_by_; }
  std::size_t held() const; // bytes as written, not released and not given away

 private:
  struct Span { // certainly secret
    std::uint64_t anchor = 0, begin = 0, end = 0;
    std::uint64_t absorbs_from = Candidate::kNowhere, absorbs_until = 0;
    bool absorbed = false;
    std::uint32_t rule = 0;
    std::uint32_t rank = 0; // the longer the anchor, the better it knows; a known secret knows best
    const Needle* needle = nullptr; // null: a known secret
    std::string secret;
    bool open = false;      // it may grow
    bool tokenizes = false; // of what spans_until() gives
    bool shielded = false;  // a part of a token: no secret

    bool is_opening() const noexcept { return needle != nullptr && needle->format->opening; }
  };
  struct Start { // a needle may begin here, when more is known
    std::uint64_t place = 0;
    std::size_t seen = 0; // bytes that were there when it was last looked at
    Looking set{};
  };

  using Compiled = RuleSet::Compiled;
  const Compiled& compiled() const noexcept { return rules_->compiled(); }

  // stream.cpp: what is found
  void finish_with(std::string_view in, std::string& out);
  void process(std::string_view in, Ending ending, std::string& out);
  bool looks_for(Looking set) const noexcept {
    return reading_ == Reading::through || is_held(set);
  }
  void read_candidates(const StreamText& text);
  void settle(Candidate& candidate);
  void look_again(const StreamText& text, Ending ending);
  void look(const StreamText& text, Ending ending);
  using PlaceOfSet = std::array<std::uint64_t, kLookings>;
  void look_in_stretches(const StreamText& text, const PlaceOfSet& whole_until, Ending ending);
  void look_at_the_rest(const StreamText& text, Looking set, std::uint64_t from, Ending ending);
  void look_each(const StreamText& text, Looking set, std::uint64_t begin, std::uint64_t end,
                 Ending ending);
  void look_at_words(const StreamText& text, std::uint64_t begin, std::uint64_t end);
  void look_at(const StreamText& text, Start start, Ending ending);
  // stream_lines.cpp: what is found over line ends
  std::uint64_t look_over_lines(const StreamText& text, std::uint64_t line_end, Ending ending);
  void look_in_lines(const StreamText& text, const JoinedLines& lines, std::size_t line,
                     std::size_t at, Start start, Ending ending);
  void look_over_lines_again(const StreamText& text, Start start, Ending ending);

  // stream_openings.cpp: what is found by its first byte
  void look_for_openings(const StreamText& text, Ending ending);
  void look_before_rare(const StreamText& text, const OpeningSet::Near& near, Ending ending);
  void look_in_table(const StreamText& text, const OpeningSet::Table& table, std::uint64_t begin,
                     std::uint64_t end);
  enum class Course { goes_on, over, joined }; // joined: an earlier one goes on as it would
  Course go_on(Candidate& candidate, const StreamText& text);
  bool is_further_match(const Span& span) const;

  void found(const StreamText& text, std::uint64_t begin, std::uint64_t end, const Needle& needle);
  void open(const StreamText& text, std::uint64_t begin, const Needle& needle);
  void note_blocks();

  // stream_absorb.cpp: what is part of an earlier match
  using Spans = std::vector<Span>::const_iterator;
  bool absorbed(const Needle& needle, std::uint64_t place) const;
  bool absorbed_by(const Needle& needle, std::uint64_t place, Spans begin, Spans end) const;
  void absorb(const Span& by, std::vector<Span>::iterator later);

  // stream_output.cpp: what leaves
  std::uint64_t releasable(const StreamText& text) const;
  void emit(const StreamText& text, std::uint64_t until, std::string& out);
  void emit_masked(const StreamText& text, std::uint64_t until, const std::vector<Span>& spans,
                   std::string& out);
  enum class Look { as_written, masked };
  void write(const StreamText& text, std::uint64_t begin, std::uint64_t end, Look look,
             std::string& out) const;
  std::vector<Span> spans_until(std::uint64_t until) const;
  static bool may_be_inside(const Candidate& open, const Span& token);
  void retire_spans(std::uint64_t until, std::uint64_t looked_until);
  void count_group(Spans begin, Spans end, Spans kept);
  void count(const Span& span);
  bool masks(std::uint32_t rule) const noexcept;

  // stream_tokens.cpp: tokens, and what they stand for
  struct Region { // spans that overlap, masked as one
    std::uint64_t begin = 0, end = 0;
    std::uint32_t rule = 0; // of the first
    bool all_tokenize = true, any_tokenizes = false, open = false;
  };
  struct Token { // one of this run, as it was read
    std::uint64_t begin = 0, end = 0;
    std::string text;
  };
  bool tokenizes(std::uint32_t rule) const noexcept;
  bool is_token(std::uint32_t rule) const noexcept { return rule == compiled().token_rule; }
  std::vector<Token> tokens() const;
  static bool in_any(const std::vector<Token>& tokens, std::uint64_t begin, std::uint64_t end);
  bool may_become_token(std::uint64_t place) const;
  void shield_tokens();
  static std::vector<Region> regions_of(const std::vector<Span>& spans);
  std::uint64_t hold_whole(std::uint64_t end, std::uint64_t until) const;
  void replace(const StreamText& text, const Region& region, std::string& out) const;
  std::string meaning_of(const StreamText& text, const Region& region) const;
  std::string token_for(const StreamText& text, const Region& region) const;
  void write_plain(const StreamText& text, std::uint64_t begin, std::uint64_t end,
                   std::string& out);
  bool put_back(const Token& token, std::string& out);

  std::shared_ptr<const RuleSet> rules_;
  Redactor::Mask mask_;
  Scope scope_;
  Reading reading_;
  Findings findings_;
  std::string blocked_by_;
  Folder folder_;
  std::string text_;                // folded: some context, then what is not released
  std::uint64_t base_ = 0;          // place of its first byte
  std::uint64_t released_ = 0;      // up to here it is decided and written
  PlaceOfSet waits_from_{};         // of what is not held: from here on it was not, though
  std::uint64_t looked_ = 0;        // up to here beginnings have been looked for
  std::vector<Disguise> disguises_; // of places not released
  std::vector<Candidate> candidates_;
  Trails trails_;
  std::vector<Start> starts_;
  std::vector<Span> spans_;
  std::uint64_t absorbs_until_ =
      0; // the farthest of all spans so far: few absorb, many may be there
  // Of openings, by rule: the end of what is counted. Kept for the few that are there.
  std::map<std::uint32_t, std::uint64_t> covered_until_;
  std::size_t given_away_ = 0; // bytes as written that release() gave, before they were decided
};

} // namespace sluice::redact
