// Reads a file below a folder that is open already, so that neither the folder nor what lies on the
// way can be swapped for another, and no name leads out of it: no "..", no absolute path, no link
// that points away. Regular files only: it never waits for a pipe. Linux 5.6 (openat2).
// Tested by tests/unit/base/read_below_test.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <cstddef>
#include <string>

namespace sluice {

enum class Links : bool { refuse = false, inside }; // inside: followed while they stay below

// At most one byte over `limit`, so that who reads it sees that it is too long. The detail of an
// error says why in the words of the system.
Result<std::string> read_below(int folder, const std::string& name, std::size_t limit, Links links);

} // namespace sluice
