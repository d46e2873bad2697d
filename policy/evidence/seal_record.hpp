// The records that a log writes about its own proof: the key that signs it, a new key that the old
// one vouches for, and the Merkle root a checkpoint signs. Written and read here, so that the two
// cannot differ. Pure.
// Tested by tests/unit/evidence/seal_test.cpp.
#pragma once

#include "policy/evidence/key.hpp"
#include "policy/evidence/merkle.hpp"
#include "policy/evidence/record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::evidence {

inline constexpr std::string_view kKeyCreated = "log_key_created";
inline constexpr std::string_view kKeyRotated = "log_key_rotated";
inline constexpr std::string_view kLogCheckpoint = "log_checkpoint";
inline constexpr std::string_view kLogRecovered = "log_recovered";
inline constexpr std::string_view kHeartbeat = "heartbeat";

// Why a checkpoint was made; a log whose last one is `stop` was closed by its writer.
inline constexpr std::string_view kCauseStart = "start", kCauseHeartbeat = "heartbeat",
                                  kCauseKey = "key_rotated", kCauseSegment = "segment_closed",
                                  kCauseRetention = "segments_removed", kCauseStop = "stop";
inline constexpr std::string_view kSegmentsRemoved = "segments_removed";

struct KeyFacts {
  std::string fingerprint;
  PublicKey key;
  std::string signature; // of the old key over rotation_text; "" for the first key
};
Record key_created_record(const RunIdentity& who, const PublicKey& key);
Record key_rotated_record(const RunIdentity& who, const SigningKey& old_key, const PublicKey& key);
std::string rotation_text(const PublicKey& key); // what the old key signs
std::optional<KeyFacts> read_key(std::string_view payload);

struct CheckpointFacts {
  std::string cause;
  std::uint64_t checkpoint_seq = 0;
  std::uint64_t merkle_size = 0; // records before this one, since the log began
  std::string merkle_root;       // hex
  // The complete subtrees of that tree in hex, largest first; of the last record of a segment only,
  // so that the log can begin behind it.
  std::string merkle_subtrees;
};
Record checkpoint_record(const RunIdentity& who, std::string_view cause,
                         std::uint64_t checkpoint_seq, const MerkleTree& tree);
std::optional<CheckpointFacts> read_checkpoint(std::string_view payload);
std::optional<MerkleTree> tree_of(const CheckpointFacts& facts); // if it says so, and rightly

// A sign of life: a gap between two of them is time of which the log tells nothing.
Record heartbeat_record(const RunIdentity& who, std::vector<Count> counts, std::int64_t uptime_ns);

} // namespace sluice::evidence
