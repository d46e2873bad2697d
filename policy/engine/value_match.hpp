// The reference engine's tests of JSON values. The compiled engine has its own in
// section_index.cpp. Private to policy/engine. Tested by tests/unit/engine/value_match_test.cpp.
#pragma once

#include "policy/engine/rule.hpp"

namespace sluice::engine {

// Whether all tests pass: an allow wants every value somebody may take from there, a refusal one.
bool values_fit(const std::vector<ValueMatch>& tests, const Node& tree, bool allow);

} // namespace sluice::engine
