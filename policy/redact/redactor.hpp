// The streaming redactor: one per direction per call. Its output and findings are a function of
// the byte sequence only, however it was cut; bytes that cannot be part of a match leave at once;
// the union of all matches is masked. Never lets the tail of an overlapping match through.
// Tested by tests/unit/redact/redactor_test.cpp and tests/property/redactor_property_test.cpp.
#pragma once

#include "policy/redact/findings.hpp"
#include "policy/redact/rule_set.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace sluice::redact {

class Redactor {
 public:
  enum class Mask { placeholder, keep_length }; // keep_length: '*' per byte, for raw TCP
  explicit Redactor(std::shared_ptr<const RuleSet> rules, Mask mask = Mask::placeholder,
                    Scope scope = {});
  Redactor(Redactor&&) noexcept;
  Redactor& operator=(Redactor&&) noexcept;
  ~Redactor();

  // Appends to `out` what is now certain. Holds back at most rules->max_hold() bytes; one written
  // in disguise counts as one.
  void feed(std::string_view in, std::string& out);
  void finish(std::string& out); // releases the tail; a later feed() starts a new message
  // The same as feed() and finish(), and faster: what is at hand decides. Requires: nothing was
  // fed.
  void whole(std::string_view in, std::string& out);
  // Gives away what is held though it may yet begin a match, for a reader that waits for the end of
  // its message. What follows is still matched and masked with it. Requires: keep_length.
  void release(std::string& out);
  const Findings& findings() const noexcept;
  Findings take_findings(); // and forgets them
  // The rule with the action `block` that matched first; "" while none did. From then on nothing
  // that comes out is to leave.
  const std::string& blocked_by() const noexcept;
  std::size_t held() const; // and not released

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Redacted {
  std::string text;
  Findings findings;
  std::string blocked_by = {}; // a rule; "": nothing blocks it
};
// For values that are whole: header values, URLs, evidence strings.
Redacted redact_whole(const std::shared_ptr<const RuleSet>& rules, std::string_view text,
                      Scope scope = {});

} // namespace sluice::redact
