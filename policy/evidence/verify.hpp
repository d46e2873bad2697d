// Checks a log with no trust in whoever wrote it, in constant memory. Never changes a file.
// It proves that the log is whole from its first record to its last one, unchanged since each
// record was chained, and what of it a key signed. It does not prove that this is the first log of
// that name: without a pinned key it may all have been written and signed anew, without a head
// remembered elsewhere it may be an older one.
// Tested by tests/unit/evidence/verify_test.cpp: every single-byte change of a small log is found.
#pragma once

#include "policy/evidence/head.hpp"
#include "policy/evidence/issue.hpp"
#include "policy/evidence/log_walk.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::evidence {

inline constexpr std::size_t kMaxIssues = 1000;

struct Verification {
  std::uint64_t audit_record_count = 0, audit_head_seq = 0;
  std::string audit_head_hash;
  std::uint64_t checkpoint_count = 0, latest_anchor_seq = 0;
  std::string latest_anchor_hash;
  std::uint64_t removed_up_to = 0; // by retention, on record: what is checked begins behind it
  std::uint64_t signed_up_to = 0;  // the last record that a checkpoint covers
  std::string key_fingerprint;     // of the key in force at the end; "" = none
  bool being_written = false;      // a process holds the log open: its end is not judged
  std::vector<Issue> issues;
  bool passed() const noexcept { return issues.empty(); }
};

using ExpectedHead = Head; // --head SEQ:HASH, what a witness remembers

struct VerifyOptions {
  std::optional<ExpectedHead> head;
  KeyPin pin;
  Checkpoints checkpoints = Checkpoints::check; // ignore: the chain alone
  bool copied_while_written = false;            // no lock tells that, so somebody has to
};
Verification verify_directory(const std::string& directory, const VerifyOptions& options = {});

// A record as read back, for `evidence show`; owns its text, so `each` may keep it.
struct RecordView {
  std::uint64_t seq = 0;
  std::string prev_hash, record_hash, timestamp, event_type, deployment_mode, actor;
  std::string payload; // JSON text
};
RecordView view_of(const Line& line);
// Calls `each` for every line that is a record, stops when it returns false; calls `unread` for
// every other one, if given. False when the file could not be opened.
bool read_records(const std::string& directory, const std::function<bool(const RecordView&)>& each,
                  const std::function<void(const Issue&)>& unread = {});

} // namespace sluice::evidence
