// A rule of a policy: a pattern as people write it, made a format that can be streamed, or a word
// about a built-in one. Refuses, with the reason, what a stream cannot hold: no beginning to look
// for and no bound. The pattern is over bytes, a subset of RE2's (see Shape); `\b` may stand at its
// two ends. Tested by tests/unit/redact/user_rule_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/redact/scope.hpp"
#include "policy/redact/token_format.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::redact {

inline constexpr std::size_t kMostOfARule = 4096;      // max_length: what a stream may hold for it
inline constexpr std::size_t kMostWithoutAnchor = 512; // and when it may begin anywhere
inline constexpr std::size_t kLongestPattern = 2000;

struct RuleText { // as it is written; empty and zero: not written
  std::string id, title, pattern;
  std::string anchor; // a fixed beginning that may stay visible
  std::size_t max_length = 0;
  double entropy = 0;
  TokenCheck check = TokenCheck::none;
};

// The code of the error is the key that is wrong: pattern, anchor, max_length.
Result<std::shared_ptr<const TokenFormat>> compile_rule(const RuleText& text);

struct UserRule {
  std::string id;
  std::shared_ptr<const TokenFormat> format; // null: the built-in rule of that id is meant
  Action action = Action::mask;
  PlaceSet places = kAllPlaces & ~kCredentials;
};

} // namespace sluice::redact
