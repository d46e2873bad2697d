// An export bundle in AgentPaaS's form (reference §5.6): the log in one file, its checkpoints, the
// public key, and a signed manifest of what is in it. A bundle of a log that is being written ends
// at its last checkpoint. `verify` checks a bundle as any log, and its manifest. Never overwrites.
// Tested by tests/unit/evidence/bundle_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/key.hpp"
#include "policy/evidence/manifest.hpp"

#include <cstdint>
#include <string>

namespace sluice::evidence {

// Fails (evidence) with evidence_chain_broken when the log does not hold, evidence_key_mismatch
// when `key` is not the one that signs it, evidence_exists when `to` is there already.
Result<Manifest> export_bundle(const std::string& directory, const SigningKey& key,
                               const std::string& to, std::int64_t unix_nanos);

} // namespace sluice::evidence
