// A JSON5 text (spec.json5.org 1.0.0) as a Document in which every node knows its line and column,
// so that a Reader does the rest. Bounded like document.hpp: bytes, nodes, depth. Never throws,
// never guesses: a duplicate key, a value that JSON has not (NaN, Infinity, a number out of range),
// a NUL, invalid UTF-8 or a lone surrogate is an error with its position; the text is never quoted.
// Lines end with LF, CR or CR LF, as editors count them.
// Tested by tests/unit/overlay/json5_test.cpp and tests/fuzz/json5_fuzz.cpp.
#pragma once

#include "policy/base/document.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::overlay {

// Integers that fit int64 are integers. What fits only uint64 is a real whose text is its decimal
// digits, so that json_value.hpp loses nothing. nullopt exactly when an error was added to `out`.
std::optional<Document> parse_json5(std::string_view text, std::string file, Diagnostics& out);

} // namespace sluice::overlay
