// A command as one string, split into words as a POSIX shell does: quotes, backslashes, comments.
// No variables, no globs, nothing is run. Tested by tests/unit/overlay/parse_program_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

// nullopt when a quote is not closed or a backslash ends the text.
std::optional<std::vector<std::string>> shell_words(std::string_view text);

} // namespace sluice::overlay
