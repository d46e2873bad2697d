// The file behind the log: locked for life, checked from its first record when it is opened, only
// ever extended by whole lines. After a failed write it is as it was before. Never repairs what
// somebody else did to it.
// Tested by tests/unit/evidence/log_test.cpp and tests/unit/evidence/log_fault_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/chain.hpp"
#include "policy/evidence/file.hpp"
#include "policy/evidence/log.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace sluice::evidence {

struct TornTail { // bytes behind the last newline, moved to a file of their own
  std::string file;
  std::uint64_t size = 0;
  std::string sha256;
};

class LogFile {
 public:
  // Fails (evidence) with evidence_locked, evidence_chain_broken or evidence_unavailable.
  static Result<LogFile> open(const std::string& directory);

  const Head& head() const noexcept { return head_; }                  // as it was opened
  const std::vector<TornTail>& torn() const noexcept { return torn_; } // no record tells of it yet
  bool found_empty() const noexcept { return found_empty_; } // it existed and held nothing

  // Requires: `lines` is whole lines. On failure nothing of them stays in the file; if even that
  // cannot be done, the next call does it first.
  Result<> write(std::string_view lines, Commit commit);
  Result<> sync();

 private:
  explicit LogFile(std::string directory) : directory_(std::move(directory)) {}
  Result<> lock();
  Result<> open_audit();
  Result<> verify(std::string& tail);
  Result<> set_tail_aside(const std::string& tail);
  Result<> check_untouched();
  Result<> undo(std::string_view action, int error);

  std::string directory_;
  UniqueFd lock_; // released after the file it guards: members die in reverse order
  UniqueFd audit_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::uint64_t size_ = 0; // of the whole lines; everything behind it is not ours or not whole
  bool half_written_ = false;
  Head head_;
  std::vector<TornTail> torn_;
  bool found_empty_ = false;
};

} // namespace sluice::evidence
