// Reads the file of a key: a regular one, small, and a private key only where nobody else may read
// it. What was looked at is what is read. Never waits for a pipe, and quotes nothing of the key.
// Tested by tests/unit/base/ed25519_test.cpp and tests/unit/certs/card_signer_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/secret.hpp"

#include <cstddef>
#include <string>

namespace sluice {

inline constexpr std::size_t kMaxKeyFile = 16384;

enum class Privacy { anybody_may_read, owner_only };

// Fails (config, "key_invalid" or "key_unreadable").
Result<Secret> read_key_file(const std::string& path, Privacy privacy);

} // namespace sluice
