// The algorithm. The stream is walked position by position; a position is decided only when more
// bytes could not change the answer, and positions are decided in order. Hence the output is a
// function of the bytes alone. A match covers a stretch; while a stretch is covered, starts inside
// it are still tried, so overlapping matches make one masked run and none leaves its tail behind.
#include "policy/redact/redactor.hpp"

#include "policy/redact/compiled.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::redact {
namespace {

using Compiled = RuleSet::Compiled;
constexpr std::size_t kContext = 3; // bytes before a position that its left boundary looks at

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// A token does not begin in the middle of a word, but after `\n` of JSON or `%3D` of a URL it does:
// what looks like a letter before it is the end of an escape.
bool at_boundary(const std::array<char, kContext>& before) {
  const char last = before[2];
  if (!is_word(last)) return true;
  if (before[1] == '\\' &&
      (last == 'n' || last == 'r' || last == 't' || last == 'b' || last == 'f'))
    return true;
  return before[0] == '%' && is_hex(before[1]) && is_hex(last);
}

// Eats what belongs to a token after the part that made it certain.
class Swallower {
 public:
  Swallower(const TokenFormat& format, std::uint64_t from) : format_(&format), from_(from) {}
  std::uint64_t from() const noexcept { return from_; }
  bool takes(char c) {
    return format_->tail == Tail::body_class ? (*format_->body)[static_cast<unsigned char>(c)]
                                             : takes_pem(c);
  }

 private:
  // To the dashes after END, to a quote that ends the string the key stands in, or to the cap.
  bool takes_pem(char c) {
    constexpr std::string_view kEnd = "-----END";
    if (done_ || eaten_++ >= kMaxBlock || (c == '"' && last_ != '\\')) return false;
    last_ = c;
    if (matched_ < kEnd.size()) {
      if (c == kEnd[matched_]) {
        ++matched_;
      } else if (!(c == '-' && matched_ == 5)) { // a longer run of dashes is still five of them
        matched_ = c == '-' ? 1 : 0;
      }
      return true;
    }
    dashes_ = c == '-' ? dashes_ + 1 : 0;
    done_ = dashes_ == 5;
    return true;
  }

  const TokenFormat* format_;
  std::uint64_t from_;
  std::size_t eaten_ = 0, matched_ = 0, dashes_ = 0;
  char last_ = 0;
  bool done_ = false;
};

struct Verdict { // what is known of one start position
  bool need_more = false;
  std::size_t longest = 0;       // certain bytes of the longest match; 0: none
  const Needle* named = nullptr; // that match
};

} // namespace

struct Redactor::State {
  std::shared_ptr<const RuleSet> rules;
  Mask mask = Mask::placeholder;
  Findings findings;
  std::string held;                    // from the first undecided position on
  std::array<char, kContext> before{}; // the bytes before `held`
  std::uint64_t position = 0;          // of the first undecided byte, in the stream
  std::uint64_t covered_until = 0;
  std::vector<Swallower> swallowers;
  std::vector<const Needle*> found; // all matches at one position; scratch

  void restart() {
    held.clear();
    before.fill(0);
    position = covered_until = 0;
    swallowers.clear();
  }
};

namespace {

enum class Ending { more_may_come, at_end };

// One walk over the bytes at hand.
class Walk {
 public:
  Walk(Redactor::State& state, std::string_view bytes, Ending ending, std::string& out);
  std::size_t run(); // how many bytes were decided

 private:
  void copy_clean();
  bool decide_here();
  Verdict judge();
  void judge_needle(const Needle& needle, std::string_view rest, Verdict& verdict);
  void count(const Needle& needle, std::string_view rest);
  bool covered_here(char c);
  std::array<char, kContext> context() const;

  Redactor::State& s_;
  const Compiled& rules_;
  std::string_view bytes_;
  Ending ending_;
  std::string& out_;
  std::size_t at_ = 0;
};

Walk::Walk(Redactor::State& state, std::string_view bytes, Ending ending, std::string& out)
    : s_(state), rules_(state.rules->compiled()), bytes_(bytes), ending_(ending), out_(out) {}

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

std::array<char, kContext> Walk::context() const {
  std::array<char, kContext> out = s_.before;
  for (std::size_t i = 0; i < kContext; ++i) {
    const std::size_t back = kContext - i; // this many bytes before at_
    if (at_ >= back) {
      out[i] = bytes_[at_ - back];
    } else {
      out[i] = s_.before[kContext - (back - at_)];
    }
  }
  return out;
}

bool Walk::decide_here() {
  const Verdict verdict = judge();
  if (verdict.need_more) return false;
  const auto rest = bytes_.substr(at_);
  const bool was_covered = covered_here(rest[0]);
  for (const auto* needle : s_.found) count(*needle, rest);
  if (verdict.longest > 0) {
    if (!was_covered && s_.mask == Redactor::Mask::placeholder)
      out_ += rules_.rules[verdict.named->rule].placeholder;
    s_.covered_until = std::max(s_.covered_until, s_.position + verdict.longest);
  }
  const bool masked = was_covered || verdict.longest > 0;
  if (!masked) {
    out_ += rest[0];
  } else if (s_.mask == Redactor::Mask::keep_length) {
    out_ += '*';
  }
  ++at_;
  ++s_.position;
  return true;
}

Verdict Walk::judge() {
  Verdict verdict;
  s_.found.clear();
  const auto rest = bytes_.substr(at_);
  if (rest.size() < Compiled::kLeast) {
    verdict.need_more = ending_ == Ending::more_may_come && rules_.may_begin_at_tail(rest);
    return verdict;
  }
  if (!rules_.may_begin(rest.data())) return verdict;
  const auto hash = Compiled::hash(rest.data());
  for (auto i = rules_.group[hash]; i < rules_.group[hash + 1]; ++i)
    judge_needle(rules_.needles[i], rest, verdict);
  if (ending_ == Ending::at_end) verdict.need_more = false;
  return verdict;
}

void Walk::judge_needle(const Needle& needle, std::string_view rest, Verdict& verdict) {
  const auto seen = std::min(rest.size(), needle.text.size());
  if (rest.compare(0, seen, needle.text, 0, seen) != 0) return;
  if (needle.bounded && !at_boundary(context())) return;
  if (seen < needle.text.size()) {
    verdict.need_more = true;
    return;
  }
  std::size_t length = needle.text.size();
  if (needle.format != nullptr) {
    const auto step = decide(*needle.format, rest.substr(length));
    if (step.certainty == Certainty::need_more) verdict.need_more = true;
    if (step.certainty != Certainty::yes) return;
    length += step.length;
  }
  s_.found.push_back(&needle);
  // The longest names the run; of equals the more specific anchor does.
  const bool better =
      verdict.named == nullptr || length > verdict.longest ||
      (length == verdict.longest && needle.text.size() > verdict.named->text.size());
  if (better) verdict.named = &needle;
  verdict.longest = std::max(verdict.longest, length);
}

void Walk::count(const Needle& needle, std::string_view rest) {
  const auto& rule = rules_.rules[needle.rule];
  if (needle.format == nullptr) {
    s_.findings.add(rule.id, rule.fingerprint);
    return;
  }
  const auto step = decide(*needle.format, rest.substr(needle.text.size()));
  const auto certain = needle.text.size() + step.length;
  s_.findings.add(rule.id, fingerprint_of(rules_.fingerprint_key, rest.substr(0, certain)));
  s_.swallowers.emplace_back(*needle.format, s_.position + certain);
}

// Whether an earlier match reaches over this byte. Swallowers that do not want it are done.
bool Walk::covered_here(char c) {
  bool covered = s_.position < s_.covered_until;
  std::erase_if(s_.swallowers, [&](Swallower& swallower) {
    if (s_.position < swallower.from()) return false;
    const bool takes = swallower.takes(c);
    covered = covered || takes;
    return !takes;
  });
  return covered;
}

} // namespace

Redactor::Redactor(std::shared_ptr<const RuleSet> rules, Mask mask)
    : state_(std::make_unique<State>()) {
  state_->rules = std::move(rules);
  state_->mask = mask;
}
Redactor::Redactor(Redactor&&) noexcept = default;
Redactor& Redactor::operator=(Redactor&&) noexcept = default;
Redactor::~Redactor() = default;

namespace {

void remember(Redactor::State& state, std::string_view decided) {
  for (const char c :
       decided.size() > kContext ? decided.substr(decided.size() - kContext) : decided) {
    state.before = {state.before[1], state.before[2], c};
  }
}

} // namespace

void Redactor::feed(std::string_view in, std::string& out) {
  auto& state = *state_;
  if (in.empty()) return;
  if (state.held.empty()) { // no copy of what is clean
    const auto decided = Walk(state, in, Ending::more_may_come, out).run();
    remember(state, in.substr(0, decided));
    state.held.assign(in.substr(decided));
    return;
  }
  state.held.append(in);
  const auto decided = Walk(state, state.held, Ending::more_may_come, out).run();
  remember(state, std::string_view(state.held).substr(0, decided));
  state.held.erase(0, decided);
}

void Redactor::finish(std::string& out) {
  auto& state = *state_;
  const std::string tail = std::move(state.held);
  Walk(state, tail, Ending::at_end, out).run();
  state.restart();
}

const Findings& Redactor::findings() const noexcept {
  return state_->findings;
}
std::size_t Redactor::held() const noexcept {
  return state_->held.size();
}

Redacted redact_whole(const std::shared_ptr<const RuleSet>& rules, std::string_view text) {
  Redacted out;
  Redactor redactor(rules);
  out.text.reserve(text.size());
  redactor.feed(text, out.text);
  redactor.finish(out.text);
  out.findings = redactor.findings();
  return out;
}

} // namespace sluice::redact
