#include "policy/redact/redactor.hpp"

#include "policy/redact/stream.hpp"

#include <utility>

namespace sluice::redact {

// Two streams, one behind the other: what reading through disguises leaves is read once more as it
// is written.
struct Redactor::State {
  State(std::shared_ptr<const RuleSet> rules, Mask mask, Scope scope)
      : twice(rules->compiled().has_secrets), through(rules, mask, scope),
        written(std::move(rules), mask, scope, Stream::Reading::as_written) {}

  // Where the first stream writes to; begun anew.
  std::string& first(std::string& out) {
    between.clear();
    return twice ? between : out;
  }

  bool twice;
  Stream through, written;
  std::string between;
  Findings found;
};

Redactor::Redactor(std::shared_ptr<const RuleSet> rules, Mask mask, Scope scope)
    : state_(std::make_unique<State>(std::move(rules), mask, scope)) {}
Redactor::Redactor(Redactor&&) noexcept = default;
Redactor& Redactor::operator=(Redactor&&) noexcept = default;
Redactor::~Redactor() = default;

void Redactor::feed(std::string_view in, std::string& out) {
  state_->through.feed(in, state_->first(out));
  if (state_->twice) state_->written.feed(state_->between, out);
}
void Redactor::finish(std::string& out) {
  state_->through.finish(state_->first(out));
  if (state_->twice) state_->written.whole(state_->between, out);
}
void Redactor::whole(std::string_view in, std::string& out) {
  state_->through.whole(in, state_->first(out));
  if (state_->twice) state_->written.whole(state_->between, out);
}
const Findings& Redactor::findings() const noexcept {
  if (!state_->twice) return state_->through.findings();
  state_->found = state_->through.findings();
  state_->found.merge(state_->written.findings());
  return state_->found;
}
Findings Redactor::take_findings() {
  auto out = state_->through.take_findings();
  out.merge(state_->written.take_findings());
  return out;
}
// Known secrets, which the second stream finds, are always masked.
const std::string& Redactor::blocked_by() const noexcept {
  return state_->through.blocked_by();
}
void Redactor::release(std::string& out) {
  state_->through.release(state_->first(out));
  if (!state_->twice) return;
  state_->written.feed(state_->between, out);
  state_->written.release(out);
}
std::size_t Redactor::held() const {
  return state_->through.held() + (state_->twice ? state_->written.held() : 0);
}

namespace {

// Most header values and evidence strings hold nothing: it is seen without a stream. True when in
// doubt: at a disguise or a mark (see Stretch), where a known secret may begin, and, with a run,
// where an anchor may.
bool may_hold_a_match(const RuleSet::Compiled& rules, const Scope& scope, std::string_view text) {
  constexpr std::size_t kHashed = 4;
  if (!rules.openings(scope).empty()) return true;
  if (!rules.needles(Looking::anchors_anywhere).empty()) return true;
  std::size_t run = 0;
  bool has_run = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
    const bool disguise = c == '\\' || c == '%' || c == '\n' || c == '\r' || c == '&' ||
                          static_cast<signed char>(c) < 0;
    const bool mark = (c == ':' && next == '/') || (c == '-' && next == 'B');
    run = is_token_byte(c) ? run + 1 : 0;
    if (disguise || mark) return true;
    has_run = has_run || run == kRun;
  }
  for (const auto set :
       {Looking::long_secrets, Looking::short_secrets, Looking::hex_secrets, Looking::words_in_runs,
        Looking::anchors_in_runs, Looking::names_in_runs, Looking::anchors_before_runs}) {
    const NeedleSet& needles = rules.needles(set);
    if (needles.empty() || (!is_held(set) && !has_run)) continue;
    if (needles.gram() < kHashed) return true; // one so short may stand at the very end
    for (std::size_t i = 0; i + kHashed <= text.size(); ++i) {
      if (needles.may_begin(text.data() + i)) return true;
    }
  }
  return false;
}

} // namespace

Redacted redact_whole(const std::shared_ptr<const RuleSet>& rules, std::string_view text,
                      Scope scope) {
  Redacted out;
  if (!may_hold_a_match(rules->compiled(), scope, text)) {
    out.text = text;
    return out;
  }
  out.text.reserve(text.size());
  Stream through(rules, Redactor::Mask::placeholder, scope);
  through.whole(text, out.text);
  out.findings = through.findings();
  out.blocked_by = through.blocked_by();
  if (!rules->compiled().has_secrets) return out;
  Stream written(rules, Redactor::Mask::placeholder, scope, Stream::Reading::as_written);
  const std::string once = std::exchange(out.text, {});
  written.whole(once, out.text);
  out.findings.merge(written.findings());
  return out;
}

} // namespace sluice::redact
