// What can be wrong with a log. Used by the checks, which never stop at the first one.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::evidence {

struct Issue {
  // AgentPaaS's: tamper_middle | tail_truncation | reorder | missing_checkpoint |
  // invalid_signature | broken_checkpoint_chain
  // Ours: missing_file | malformed | missing_policy | wrong_root (the Merkle root in a record is
  // not that of the records before it) | unsigned_tail (records behind the last checkpoint of a log
  // that nobody writes) | unclosed (no clean stop: the writer died, or the end was cut off) |
  // missing_segments (the log begins behind its first record, and no record says why) |
  // bad_manifest (of an export bundle) | more_issues (the list is cut at kMaxIssues)
  std::string type;
  std::string message;
  std::uint64_t line = 0; // 0 when it is about the file
  std::uint64_t seq = 0;  // of the record
  std::string file = {};  // the file's name; "" = audit.jsonl
};

} // namespace sluice::evidence
