// Checks a log with no trust in whoever wrote it, in constant memory. Never changes a file.
// It proves that the log is whole from its first record to its last one and unchanged since each
// record was chained. It does not prove that the tail is still there, nor that the whole log was
// not written anew: without signed checkpoints only `head`, remembered elsewhere, shows that.
// Tested by tests/unit/evidence/verify_test.cpp: every single-byte change of a small log is found.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::evidence {

struct Issue {
  // tamper_middle | tail_truncation | reorder | missing_file | malformed | missing_policy |
  // more_issues (the list is cut at kMaxIssues)
  std::string type;
  std::string message;
  std::uint64_t line = 0; // 0 when it is about the file
  std::uint64_t seq = 0;
};

inline constexpr std::size_t kMaxIssues = 1000;

struct Verification {
  std::uint64_t audit_record_count = 0, audit_head_seq = 0;
  std::string audit_head_hash;
  std::vector<Issue> issues;
  bool passed() const noexcept { return issues.empty(); }
};

struct ExpectedHead { // --head SEQ:HASH, what a witness remembers
  std::uint64_t seq = 0;
  std::string hash;
};

Verification verify_directory(const std::string& directory,
                              const std::optional<ExpectedHead>& head = std::nullopt);

// A record as read back, for `evidence show`; owns its text, so `each` may keep it.
struct RecordView {
  std::uint64_t seq = 0;
  std::string prev_hash, record_hash, timestamp, event_type, deployment_mode, actor;
  std::string payload; // JSON text
};
// Calls `each` for every line that is a record, stops when it returns false; calls `unread` for
// every other one, if given. False when the file could not be opened.
bool read_records(const std::string& directory, const std::function<bool(const RecordView&)>& each,
                  const std::function<void(const Issue&)>& unread = {});

} // namespace sluice::evidence
