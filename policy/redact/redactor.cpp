// The algorithm. The stream is walked position by position; a position is decided only when more
// bytes could not change the answer, and positions are decided in order. Hence the output is a
// function of the bytes alone. A match covers a stretch; while a stretch is covered, starts inside
// it are still tried, so overlapping matches make one masked run and none leaves its tail behind.
#include "policy/redact/redactor.hpp"

#include "policy/redact/compiled.hpp"
#include "policy/redact/swallower.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace sluice::redact {
namespace {

using Compiled = RuleSet::Compiled;
constexpr std::size_t kContext = 6; // bytes before a position that its left boundary looks at
using Context = std::array<char, kContext>;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// A token does not begin in the middle of a word. But what looks like a word before it may be the
// end of an escape: \n or \u0026 of JSON, %3D of a URL. When in doubt it is one.
bool at_boundary(const Context& before) {
  const char last = before[5];
  if (!is_word(last)) return true;
  constexpr std::string_view kEscapes = "nrtbf";
  if (before[4] == '\\' && kEscapes.find(last) != std::string_view::npos) return true;
  if (before[3] == '%' && is_hex(before[4]) && is_hex(last)) return true;
  return before[0] == '\\' && before[1] == 'u' &&
         std::all_of(before.begin() + 2, before.end(), is_hex);
}

struct Verdict { // what is known of one start position
  bool need_more = false;
  std::size_t covers = 0;        // certain bytes of the longest match; 0: none
  const Needle* named = nullptr; // that match
  const Needle* token = nullptr; // the format that matches with the longest anchor
  std::size_t token_covers = 0;
  std::vector<const Needle*> literals;
};

} // namespace

struct Redactor::State {
  explicit State(std::shared_ptr<const RuleSet> with, Mask how)
      : rules(std::move(with)), mask(how) {}

  std::shared_ptr<const RuleSet> rules;
  Mask mask;
  Findings findings;
  std::string held;           // from the first undecided position on
  Context before{};           // the bytes before `held`
  std::uint64_t position = 0; // of the first undecided byte, in the stream
  std::uint64_t covered_until = 0;
  std::uint64_t released_until = 0; // given away before they were decided
  std::vector<Swallower> swallowers;

  void feed(std::string_view in, std::string& out);
  void finish(std::string& out);
  void walk(std::string_view in, std::string& out);
  void release(std::string& out);
  void take_back(std::uint64_t start, std::size_t from, std::string& out) const;
  void remember(std::string_view decided);
  void count(const Swallower& ended);
};

namespace {

enum class Ending { more_may_come, at_end };

// Most header values and evidence strings hold nothing: they need no state to be walked with.
bool may_hold_a_match(const Compiled& rules, std::string_view text) {
  for (std::size_t i = 0; i + Compiled::kLeast <= text.size(); ++i) {
    if (rules.may_begin(text.data() + i)) return true;
  }
  return false;
}

// One walk over the bytes at hand.
class Walk {
 public:
  Walk(Redactor::State& state, std::string_view bytes, Ending ending, std::string& out)
      : s_(state), rules_(state.rules->compiled()), bytes_(bytes), ending_(ending), out_(out) {}
  std::size_t run(); // how many bytes were decided

 private:
  void copy_clean();
  bool decide_here();
  Verdict judge();
  void judge_group(std::size_t hash, std::string_view rest, Verdict& verdict);
  void judge_match(const Needle& needle, std::string_view rest, Verdict& verdict);
  void begin_token(const Verdict& verdict);
  bool covered_here(char c);
  Context context() const;

  Redactor::State& s_;
  const Compiled& rules_;
  std::string_view bytes_;
  Ending ending_;
  std::string& out_;
  std::size_t at_ = 0;
};

std::size_t Walk::run() {
  while (at_ < bytes_.size()) {
    if (s_.swallowers.empty() && s_.position >= s_.covered_until) copy_clean();
    if (at_ == bytes_.size() || !decide_here()) break;
  }
  return at_;
}

// The common case: nothing is covered, and no needle begins for a long way.
void Walk::copy_clean() {
  const char* const data = bytes_.data();
  const std::size_t size = bytes_.size();
  std::size_t i = at_;
  while (i + Compiled::kLeast <= size && !rules_.may_begin(data + i)) ++i;
  out_.append(data + at_, i - at_);
  s_.position += i - at_;
  at_ = i;
}

Context Walk::context() const {
  Context out;
  for (std::size_t i = 0; i < kContext; ++i) {
    const std::size_t back = kContext - i; // so many bytes before at_
    out[i] = at_ >= back ? bytes_[at_ - back] : s_.before[i + at_];
  }
  return out;
}

bool Walk::decide_here() {
  const Verdict verdict = judge();
  if (verdict.need_more) return false;
  const char here = bytes_[at_];
  const bool was_covered = covered_here(here);
  if (verdict.named != nullptr) {
    if (!was_covered && s_.mask == Redactor::Mask::placeholder)
      out_ += rules_.rules[verdict.named->rule].placeholder;
    s_.covered_until = std::max(s_.covered_until, s_.position + verdict.covers);
    for (const Needle* literal : verdict.literals) {
      const auto& rule = rules_.rules[literal->rule];
      s_.findings.add(rule.id, rule.fingerprint);
    }
    if (verdict.token != nullptr) begin_token(verdict);
  }
  if (!was_covered && verdict.named == nullptr) {
    out_ += here;
  } else if (s_.mask == Redactor::Mask::keep_length) {
    out_ += '*';
  }
  ++at_;
  ++s_.position;
  return true;
}

Verdict Walk::judge() {
  Verdict verdict;
  const auto rest = bytes_.substr(at_);
  if (rest.size() < Compiled::kLeast) {
    verdict.need_more = rules_.may_begin_at_tail(rest);
  } else if (rules_.may_begin(rest.data())) {
    judge_group(Compiled::hash(rest.data()), rest, verdict);
  }
  if (ending_ == Ending::at_end) verdict.need_more = false;
  return verdict;
}

// The needles of a group are sorted, so those that agree with the text so far are neighbours: each
// further byte narrows them by a binary search, and those that end there come first.
void Walk::judge_group(std::size_t hash, std::string_view rest, Verdict& verdict) {
  auto low = rules_.needles.begin() + rules_.group[hash];
  auto high = rules_.needles.begin() + rules_.group[hash + 1];
  for (std::size_t depth = 0;; ++depth) {
    for (; low != high && low->text.size() == depth; ++low) judge_match(*low, rest, verdict);
    if (low == high) return;
    if (depth == rest.size()) break;
    const auto byte = [depth](const Needle& needle) {
      return static_cast<unsigned char>(needle.text[depth]);
    };
    const auto wanted = static_cast<unsigned char>(rest[depth]);
    low = std::partition_point(low, high, [&](const Needle& n) { return byte(n) < wanted; });
    high = std::partition_point(low, high, [&](const Needle& n) { return byte(n) == wanted; });
  }
  // Text ran out before these did.
  const auto open = [this](const Needle& n) { return !n.bounded || at_boundary(context()); };
  if (std::any_of(low, high, open)) verdict.need_more = true;
}

// The text holds all of this needle.
void Walk::judge_match(const Needle& needle, std::string_view rest, Verdict& verdict) {
  std::size_t covers = needle.text.size();
  if (needle.format == nullptr) {
    verdict.literals.push_back(&needle);
  } else {
    if (needle.bounded && !at_boundary(context())) return;
    const auto step = decide(*needle.format, rest.substr(covers));
    if (step.certainty == Certainty::need_more) verdict.need_more = true;
    if (step.certainty != Certainty::yes) return;
    covers += step.length;
    // Needles come shortest first: where formats nest, the one with the longest anchor is meant.
    verdict.token = &needle;
    verdict.token_covers = covers;
  }
  if (covers >= verdict.covers) verdict.named = &needle;
  verdict.covers = std::max(verdict.covers, covers);
}

void Walk::begin_token(const Verdict& verdict) {
  const auto certain = s_.position + verdict.token_covers;
  const auto same = std::find_if(s_.swallowers.begin(), s_.swallowers.end(), [&](const auto& one) {
    return one.needle().format == verdict.token->format;
  });
  if (same != s_.swallowers.end()) {
    same->renew(certain);
    return;
  }
  s_.swallowers.emplace_back(*verdict.token, certain, !rules_.fingerprint_key.empty());
  s_.swallowers.back().keep(bytes_[at_]);
}

// Whether an earlier match reaches over this byte. Swallowers that do not want it have ended.
bool Walk::covered_here(char c) {
  bool covered = s_.position < s_.covered_until;
  std::erase_if(s_.swallowers, [&](Swallower& one) {
    const bool takes = one.takes(s_.position, c);
    covered = covered || takes;
    if (!takes) s_.count(one);
    return !takes;
  });
  return covered;
}

} // namespace

// With the length kept, each decided byte is one byte of output: those given away come off again.
void Redactor::State::take_back(std::uint64_t start, std::size_t from, std::string& out) const {
  if (released_until <= start) return;
  out.erase(from, std::min<std::size_t>(released_until - start, out.size() - from));
}

void Redactor::State::feed(std::string_view in, std::string& out) {
  const auto start = position;
  const auto from = out.size();
  walk(in, out);
  take_back(start, from, out);
}

// A byte that an earlier match covers is masked already; what is not decided is whether another
// match begins at it.
void Redactor::State::release(std::string& out) {
  auto open = swallowers;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const auto at = position + i;
    bool covered = at < covered_until;
    std::erase_if(open, [&](Swallower& one) {
      const bool takes = one.takes(at, held[i]);
      covered = covered || takes;
      return !takes;
    });
    if (at >= released_until) out += covered ? '*' : held[i];
  }
  released_until = std::max(released_until, position + held.size());
}

void Redactor::State::walk(std::string_view in, std::string& out) {
  if (held.empty()) { // what is clean is not copied twice
    const auto decided = Walk(*this, in, Ending::more_may_come, out).run();
    remember(in.substr(0, decided));
    held.assign(in.substr(decided));
    return;
  }
  held.append(in);
  const auto decided = Walk(*this, held, Ending::more_may_come, out).run();
  remember(std::string_view(held).substr(0, decided));
  held.erase(0, decided);
}

void Redactor::State::finish(std::string& out) {
  const auto start = position;
  const auto from = out.size();
  Walk(*this, held, Ending::at_end, out).run();
  take_back(start, from, out);
  for (const Swallower& open : swallowers) count(open);
  swallowers.clear();
  held.clear();
  before.fill(0);
  position = covered_until = released_until = 0;
}

void Redactor::State::remember(std::string_view decided) {
  for (const char c : decided.substr(decided.size() - std::min(decided.size(), kContext))) {
    std::move(before.begin() + 1, before.end(), before.begin());
    before.back() = c;
  }
}

void Redactor::State::count(const Swallower& ended) {
  const auto& compiled = rules->compiled();
  findings.add(compiled.rules[ended.needle().rule].id,
               fingerprint_of(compiled.fingerprint_key, ended.bytes()));
}

Redactor::Redactor(std::shared_ptr<const RuleSet> rules, Mask mask)
    : state_(std::make_unique<State>(std::move(rules), mask)) {}
Redactor::Redactor(Redactor&&) noexcept = default;
Redactor& Redactor::operator=(Redactor&&) noexcept = default;
Redactor::~Redactor() = default;

void Redactor::feed(std::string_view in, std::string& out) {
  state_->feed(in, out);
}
void Redactor::finish(std::string& out) {
  state_->finish(out);
}
const Findings& Redactor::findings() const noexcept {
  return state_->findings;
}
void Redactor::release(std::string& out) {
  state_->release(out);
}
std::size_t Redactor::held() const noexcept {
  const auto until = state_->position + state_->held.size();
  return static_cast<std::size_t>(
      until - std::max(state_->position, std::min(until, state_->released_until)));
}

Redacted redact_whole(const std::shared_ptr<const RuleSet>& rules, std::string_view text) {
  Redacted out;
  if (!may_hold_a_match(rules->compiled(), text)) {
    out.text = text;
    return out;
  }
  Redactor::State state(rules,
                        Redactor::Mask::placeholder); // on the stack: a clean text costs one copy
  out.text.reserve(text.size());
  Walk(state, text, Ending::at_end, out.text).run();
  state.finish(out.text);
  out.findings = std::move(state.findings);
  return out;
}

} // namespace sluice::redact
