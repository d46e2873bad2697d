// The evidence log: one directory, one writer process (lock held for life), one writer thread.
// A record is accepted when it has reached the kernel (`written`) or the disk (`synced`); `done`
// then runs on the writer thread. Any failure refuses records until it heals, and the log says
// so afterwards. Never repairs silently, never drops an accepted record.
// Tested by tests/unit/evidence/log_test.cpp.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/base/result.hpp"
#include "policy/evidence/head.hpp"
#include "policy/evidence/record.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::evidence {

enum class Commit : std::uint8_t { written, synced };

struct Retention { // closed segments beyond either limit are removed, oldest first; 0: no limit
  std::uint64_t bytes = 0; // of all records that are there
  std::chrono::nanoseconds age{0};
  bool wanted() const noexcept { return bytes != 0 || age.count() != 0; }
};

struct LogConfig {
  std::string directory; // created 0700 when absent
  Commit commit = Commit::written;
  std::string actor = "sluice";
  RunIdentity who;
  // What the checkpoints are signed with; made when neither it nor a log is there. "": no
  // checkpoints, which a log that has some refuses.
  std::string key_file;
  bool rotate_key = false; // open with a new key that the old one vouches for
  // A heartbeat, with these counts, and a signed checkpoint this often. `counts` runs on the writer
  // thread.
  std::chrono::nanoseconds heartbeat = std::chrono::seconds(60);
  std::function<std::vector<Count>()> counts;
  // Gets the line of each checkpoint once it is on the disk, on the writer thread: must not block.
  std::function<void(const std::string& line)> on_checkpoint;
  // audit.jsonl is closed as a segment when it is larger or was written longer; 0: never. Only a
  // signed log has segments.
  std::uint64_t segment_bytes = 0;
  std::chrono::nanoseconds segment_age{0};
  Retention retention; // looked at as often as there is a heartbeat
};

struct Receipt {
  std::uint64_t seq = 0;
  std::string hash; // hex record_hash
};

class EvidenceLog {
 public:
  // Verifies the whole existing log first. A torn last line moves to audit.jsonl.torn-<seq> and a
  // log_recovered record says so; a broken chain fails (evidence, "evidence_chain_broken"), a log
  // that another process writes fails (evidence, "evidence_locked"). `clock` outlives the log and
  // is read from any thread that appends. With a key the checkpoints are verified too, and the log
  // is signed from its first record on; a log that contradicts its checkpoints is broken.
  static Result<std::unique_ptr<EvidenceLog>> open(const LogConfig& config, const Clock& clock);
  ~EvidenceLog(); // flushes and stops the writer
  EvidenceLog(const EvidenceLog&) = delete;
  EvidenceLog& operator=(const EvidenceLog&) = delete;

  using Done = std::function<void(Result<Receipt>)>;
  using BatchDone = std::function<void(std::vector<Result<Receipt>>)>; // one for each record
  // Thread-safe, never blocks on the disk. `done` runs exactly once, on the writer thread, and must
  // not throw. Fails (evidence, "evidence_unavailable") when the record cannot be written; too
  // large is also refused, and so is everything while 65,536 records or 64 MiB wait. Not written is
  // not the end: every append tries again, and so does the writer each second, until the log is
  // whole and says in a log_recovered record how many records it refused, since when, and why.
  void append(Record record, Done done);
  // The same for several records that become known together: one hand-over, one answer, in their
  // order. Batches of one caller are answered in the order in which they were appended.
  void append(std::vector<Record> records, BatchDone done);
  // For start-up, shut-down and tools. Never from inside a `done`: it would wait for itself.
  Result<Receipt> append_and_wait(Record record);
  // Stores a policy snapshot as policies/<digest>.json, the ':' of the digest as '-' (atomic,
  // idempotent). Requires: digest is "sha256:" and the hex SHA-256 of the text, or it fails. A file
  // of that name with another content is not repaired: (evidence, "evidence_policy_changed"). From
  // one thread at a time.
  Result<> store_policy(const std::string& digest, const std::string& canonical_json);
  bool healthy() const noexcept;
  Head found() const; // the last record as the log was found; seq 0: there was none
  Head head() const;  // the last record that was written

 private:
  struct Impl;
  explicit EvidenceLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace sluice::evidence
