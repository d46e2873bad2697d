// Who stands for a policy: an Ed25519 signature in a file beside it (FILE.sig, JSON), so that the
// policy itself stays a text for people. It covers what the policy means, not how it is written:
// its digest, its id and its version, under a label of our own, so that no signature made for
// another purpose is one of a policy. It never says that this is the newest policy its signer made.
// Format and statement: policy/README.md. Tested by tests/unit/engine/signature_test.cpp.
#pragma once

#include "policy/base/ed25519.hpp"
#include "policy/engine/snapshot.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

inline constexpr std::size_t kMaxSignatureFile = 16384;

std::string signature_file(const std::string& policy_file); // where it stands
std::string signed_statement(const Snapshot& policy);       // the bytes that are signed
std::string write_signature(const Snapshot& policy, const Ed25519Private& key);

// The fingerprint of the key that signed this policy; nullopt, and an error in `out`, unless it is
// one of `trusted` and its signature holds. Nobody trusted: nothing holds.
std::optional<std::string> verify_signature(const Snapshot& policy, std::string_view text,
                                            const std::string& file,
                                            const std::vector<std::string>& trusted,
                                            Diagnostics& out);

} // namespace sluice::engine
