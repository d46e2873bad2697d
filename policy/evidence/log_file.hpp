// The files behind the log: locked for life, checked from the first record when they are opened,
// only ever extended by whole lines. Never repairs what somebody else did to them.
// Tested by tests/unit/evidence/log_test.cpp, log_fault_test.cpp and seal_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/append_file.hpp"
#include "policy/evidence/log.hpp"
#include "policy/evidence/log_walk.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::evidence {

struct TornTail { // bytes behind the last newline, moved to a file of their own
  std::string file;
  std::uint64_t size = 0;
  std::string sha256;
};

enum class Seal : std::uint8_t { with_checkpoints = 0, none };

class LogFile {
 public:
  // Fails (evidence) with evidence_locked, evidence_chain_broken or evidence_unavailable. A log
  // that has checkpoints is never opened without them.
  static Result<LogFile> open(const std::string& directory, Seal seal);

  // As it was opened:
  const Walk& found() const noexcept { return found_; }
  const std::vector<TornTail>& torn() const noexcept { return torn_; } // no record tells of it yet
  bool found_empty() const noexcept { return found_empty_; } // it existed and held nothing
  bool created() const noexcept { return audit_.created(); }

  // Requires: `lines` is whole lines. On failure nothing of them stays in the file.
  Result<> write(std::string_view lines, Commit commit);
  // The records it speaks of reach the disk before it does, and so does it before this returns.
  Result<> write_checkpoint(std::string_view line);
  Result<> sync() { return audit_.sync(); }

  // Closes audit.jsonl as a segment and begins another one, whose first record is `next_seq`. When
  // it fails half-way, writing fails until the new file could be made.
  Result<> rotate(std::uint64_t next_seq);
  std::uint64_t size() const noexcept { return audit_.size(); } // of audit.jsonl

 private:
  explicit LogFile(std::string directory) : directory_(std::move(directory)) {}
  Result<> lock();
  Result<> verify(Seal seal);
  Result<> begin_segment();
  Result<> set_tail_aside(AppendFile& file, std::string_view name, const std::optional<Tail>& tail);

  std::string directory_;
  UniqueFd lock_; // released after the files it guards: members die in reverse order
  AppendFile audit_, checkpoints_;
  Walk found_;
  std::vector<TornTail> torn_;
  bool found_empty_ = false;
  std::uint64_t segment_from_ = 0; // seq of the first record of audit.jsonl
  bool between_segments_ = false;  // it was closed, and the next one is not there yet
};

} // namespace sluice::evidence
