// The names inside an evidence directory. Never builds a path from a digest that is not one.
// Tested by tests/unit/evidence/log_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::evidence {

inline constexpr std::string_view kAuditFile = "audit.jsonl";
inline constexpr std::string_view kCheckpointFile = "audit.checkpoints";
inline constexpr std::string_view kRetainedFile = "audit.retained";
inline constexpr std::string_view kKeyFile = "signing.key"; // unless the configuration names one

inline constexpr std::string_view kManifestFile = "manifest.json"; // of an export bundle
inline constexpr std::string_view kBundleKeyFile = "daemon.pub";   // as AgentPaaS names it

std::string audit_path(const std::string& directory);
std::string checkpoint_path(const std::string& directory);
std::string key_path(const std::string& directory);
std::string lock_path(const std::string& directory);
// <file>.torn-<seq>, then ….1, ….2: what a crash before the recovery record was written leaves.
std::string torn_name(std::string_view file, std::uint64_t seq, int copy);

std::string policy_digest(std::string_view canonical_json); // "sha256:" and 64 hex digits
bool is_policy_digest(std::string_view text);
std::string policies_path(const std::string& directory);
// Requires: is_policy_digest(digest). The ':' becomes '-', for file systems that have no ':'.
std::string policy_path(const std::string& directory, std::string_view digest);

} // namespace sluice::evidence
