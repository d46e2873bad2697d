// What makes a chain into a signed log: the key, the next checkpoint, and the records about both.
// Pure apart from the key: it says what is to be written, the writer writes it.
// Tested by tests/unit/evidence/seal_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/checkpoint.hpp"
#include "policy/evidence/key.hpp"
#include "policy/evidence/log_walk.hpp"
#include "policy/evidence/merkle.hpp"
#include "policy/evidence/record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::evidence {

class Sealer {
 public:
  // Loads the key the log was signed with, or makes one when the log has none. A log whose key is
  // gone or another one is not gone on with: (evidence, "evidence_key_missing" |
  // "evidence_key_mismatch").
  static Result<Sealer> open(const std::string& key_path, const Walk& found, RunIdentity who);

  // Makes the key that comes next, beside the one in force; it is not used before use_next_key().
  Result<> rotate();
  // What has to be on record before anything else: a key that no record names.
  const std::vector<Record>& opening() const noexcept { return opening_; }
  // Once that is on record: the old key is gone from here on.
  Result<> use_next_key();

  Record record(std::string_view cause, const MerkleTree& tree) const; // log_checkpoint
  // Signs that `head` is the log's last record; the line for the checkpoint file.
  std::string checkpoint(Head head, std::int64_t unix_nanos);
  const PublicKey& public_key() const noexcept { return key_.public_key(); }

 private:
  Sealer(std::string path, SigningKey key, Checkpoint last, RunIdentity who)
      : path_(std::move(path)), key_(std::move(key)), last_(std::move(last)), who_(std::move(who)) {
  }

  std::string path_;
  SigningKey key_;
  std::optional<SigningKey> next_key_;
  Checkpoint last_;
  RunIdentity who_;
  std::vector<Record> opening_;
};

} // namespace sluice::evidence
