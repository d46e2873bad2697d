// The first process of a container whose program needs values that nobody knew when the compose
// file was made: puts them in and becomes the program. Reads secrets from files and nothing of them
// but the program gets them. Tested by tests/e2e/test_overlay_compose.py.
#pragma once

#include "proxy/cli/output.hpp"

#include <string>

namespace sluice::cli {

// Returns only when the program could not be started: the exit code.
int start_program(const Output& out, const std::string& file);

} // namespace sluice::cli
