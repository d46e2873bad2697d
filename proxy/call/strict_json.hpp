// JSON as RFC 8259 has it and nothing wider, for answers that something depends on: what two
// readers could take differently (a name that comes twice, bytes that are no UTF-8, a second
// document) is no JSON here. Bounded in depth and in values. Never guesses. Tested by
// tests/unit/call/strict_json_test.cpp.
#pragma once

#include "policy/base/document.hpp"

#include <optional>
#include <string_view>

namespace sluice::call {

inline constexpr int kMaxJsonDepth = 32;
inline constexpr int kMaxJsonValues = 4096;

// nullopt: it is not one whole value. Numbers keep their text, integers of 64 bits their value.
std::optional<Node> parse_strict_json(std::string_view text);

} // namespace sluice::call
