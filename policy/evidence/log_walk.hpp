// One pass over a log from its first record to its last, with everything that can be checked on the
// way: chain, Merkle roots, checkpoints, keys. What the writer does before it writes and what
// `verify` does for a person, so that the two cannot disagree. In constant memory; never changes a
// file. It tells what is there; whether that is good enough is for the caller to say.
// Tested by tests/unit/evidence/verify_test.cpp and tests/unit/evidence/seal_test.cpp.
#pragma once

#include "policy/evidence/chain.hpp"
#include "policy/evidence/checkpoint_check.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/merkle.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sluice::evidence {

struct Tail { // what stands behind the last newline of a file
  std::string text;
  std::uint64_t line = 0;
  std::uint64_t offset = 0;
};

struct Walk {
  std::uint64_t records = 0, lines = 0;
  std::uint64_t removed_up_to = 0;     // by retention: the log goes on behind that record
  std::uint64_t last_segment_from = 0; // seq of the first record of audit.jsonl; 0: it has none
  Head head;
  MerkleTree tree;
  std::optional<Tail> audit_tail, checkpoint_tail;
  bool has_checkpoint_file = false;
  std::uint64_t checkpoints = 0;
  Checkpoint last_checkpoint;
  std::string last_checkpoint_record; // the line it names, when that is a log_checkpoint
  std::string last_checkpoint_key;    // PEM
  std::uint64_t signed_up_to = 0;
  bool closed = false;                // nothing stands behind the checkpoint of a clean stop
  std::uint64_t added_after_stop = 0; // the first record there that a start does not write
  bool lacks_last_checkpoint = false;
  bool speaks_of_checkpoints = false; // in log_checkpoint records: a log of ours, not AgentPaaS's
  std::optional<PublicKey> key;       // in force at the end
};

enum class Checkpoints : std::uint8_t { check = 0, ignore };

struct WalkOptions {
  Checkpoints checkpoints = Checkpoints::check;
  KeyPin pin;
  std::function<void(const Line&, std::uint64_t number)> each; // every record, if given
  std::uint64_t until = 0; // the last record that is looked at; 0: all. Then the end is not judged
};

Walk walk_log(const std::string& directory, WalkOptions options,
              const std::function<void(Issue)>& report);

// What is wrong with a line before it is looked into; nullopt for a line and at the end.
std::optional<Issue> issue_of(const LineReader::Item& item);
Issue not_canonical(std::uint64_t line, std::size_t stopped_at);

} // namespace sluice::evidence
