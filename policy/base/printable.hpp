// Text from outside, for a terminal: a control character in it must not forge a second line or
// drive the terminal. Tested by tests/unit/base/printable_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// C0, DEL, C1 (in UTF-8) and bytes that are not UTF-8 as \xNN, one for each byte; the rest as it
// is. Never fails.
std::string printable(std::string_view text);

} // namespace sluice
