#include "policy/redact/redactor.hpp"

#include "policy/redact/stream.hpp"

#include <utility>

namespace sluice::redact {

struct Redactor::State : Stream {
  using Stream::Stream;
};

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
void Redactor::whole(std::string_view in, std::string& out) {
  state_->whole(in, out);
}
const Findings& Redactor::findings() const noexcept {
  return state_->findings();
}
void Redactor::release(std::string& out) {
  state_->release(out);
}
std::size_t Redactor::held() const {
  return state_->held();
}

Redacted redact_whole(const std::shared_ptr<const RuleSet>& rules, std::string_view text) {
  Redacted out;
  out.text.reserve(text.size());
  Stream stream(rules, Redactor::Mask::placeholder);
  stream.whole(text, out.text);
  out.findings = stream.findings();
  return out;
}

} // namespace sluice::redact
