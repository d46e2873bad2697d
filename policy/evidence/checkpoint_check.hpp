// Follows a log together with its checkpoints: every checkpoint against the record it names, the
// checkpoints against each other, their signatures, the Merkle root in each log_checkpoint record,
// and the keys from the first one to the one in force. Pure: records and checkpoints are handed in,
// each in its order, and are not kept. Never trusts a key only because the log holds it: that is
// what a pin is for.
// Tested by tests/unit/evidence/forgery_test.cpp.
#pragma once

#include "policy/evidence/checkpoint.hpp"
#include "policy/evidence/key.hpp"
#include "policy/evidence/merkle.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sluice::evidence {

struct KeyPin { // what a person knows about the log's key from elsewhere; empty: nothing
  std::optional<PublicKey> key;
  std::string fingerprint; // hex; that of `key` when there is one
};

struct NumberedCheckpoint {
  Checkpoint checkpoint;
  std::uint64_t line = 0; // in its file
};

class CheckpointCheck {
 public:
  // `next` gives the checkpoints in their order and nullopt at the end; it is asked again later,
  // because a log may be written while it is read.
  using Next = std::function<std::optional<NumberedCheckpoint>()>;
  using Report = std::function<void(Issue)>;
  CheckpointCheck(KeyPin pin, Next next, Report report);

  // Every record in its order; `before` is the tree without it.
  void record(const Line& line, std::uint64_t number, const MerkleTree& before);
  // Whether a checkpoint is known that names a record behind this one.
  bool expects_more(std::uint64_t seq);
  void finish(const Head& head);

  // After finish():
  std::uint64_t count() const noexcept { return count_; }
  const Checkpoint& last() const noexcept { return last_; }             // the last that was read
  std::uint64_t signed_up_to() const noexcept { return signed_up_to_; } // seq of a record
  bool closed() const noexcept { return closed_; } // ends with the checkpoint of a clean stop
  // The last record is a log_checkpoint whose checkpoint was not written: a process died between
  // the two, or a line was taken away.
  bool lacks_last() const noexcept { return lacking_.has_value(); }
  const std::optional<PublicKey>& key() const noexcept { return key_; }
  // The first record behind the checkpoint of a clean stop that no start of a log writes; 0: none.
  std::uint64_t added_after_stop() const noexcept { return added_after_stop_; }

 private:
  struct Named { // a record that a checkpoint may name
    std::uint64_t line = 0, seq = 0;
    std::string hash;
  };
  void peek();
  void learn_key(const Line& line, std::uint64_t number);
  void check_root(const Line& line, std::uint64_t number, const MerkleTree& before);
  void accept(const Named* record);
  void check_signature();
  void find_lacking();
  void report_lacking();

  KeyPin pin_;
  Next next_;
  Report report_;
  std::optional<NumberedCheckpoint> ahead_; // read, its record not yet seen
  bool at_end_ = false;
  std::uint64_t count_ = 0;
  Checkpoint last_;
  std::uint64_t signed_up_to_ = 0;
  std::optional<Named> lacking_;          // it was promised a checkpoint and has none yet
  std::optional<std::uint64_t> promised_; // the checkpoint_seq of the record that is looked at
  bool closing_ = false;                  // that record says that the log stops
  bool closed_ = false, last_is_stop_ = false;
  std::uint64_t added_after_stop_ = 0;
  std::optional<PublicKey> key_; // in force
  bool first_key_seen_ = false;
  bool wrong_root_told_ = false;
  bool trusted_ = false;      // the key in force is the pinned one, or vouched for from there
  bool last_trusted_ = false; // so was that of the last checkpoint
};

} // namespace sluice::evidence
