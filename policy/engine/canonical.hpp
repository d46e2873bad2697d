// The canonical form of a policy, and the digest over it: JSON with sorted keys and sorted sets of
// everything that can change a decision or an obligation. Not metadata, comments, key order, group
// names. Changing what is written here changes the digest of every policy in the field.
// Tested by tests/unit/engine/digest_test.cpp.
#pragma once

#include "policy/engine/snapshot.hpp"

namespace sluice::engine {

// A string as JSON and YAML read it alike.
std::string quoted(std::string_view text);

void seal(Snapshot& policy); // sets canonical and digest

} // namespace sluice::engine
