// A tree of JSON written again: in its own order, with its numbers as they were, or in the one form
// that signatures are over (RFC 8785). Tested by tests/unit/call/json_text_test.cpp.
#pragma once

#include "policy/base/document.hpp"
#include "policy/base/result.hpp"

#include <string>

namespace sluice::call {

// Requires of both: read by read_json.
std::string json_text(const Node& tree);
// Fails (upstream, "json_inexact") on an integer that readers take for different numbers: beyond
// 2^53 a double is not exact.
Result<std::string> canonical_json_text(const Node& tree);

} // namespace sluice::call
