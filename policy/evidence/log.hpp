// The evidence log: one directory, one writer process (lock held for life), one writer thread.
// A record is accepted when it has reached the kernel (`written`) or the disk (`synced`); `done`
// then runs on the writer thread. Any failure refuses records until it heals, and the log says
// so afterwards. Never repairs silently, never drops an accepted record.
// Tested by tests/unit/evidence/log_test.cpp.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/base/result.hpp"
#include "policy/evidence/record.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace sluice::evidence {

enum class Commit : std::uint8_t { written, synced };

struct LogConfig {
  std::string directory;  // created 0700 when absent
  Commit commit = Commit::written;
  std::string actor = "sluice";
  RunIdentity who;
};

struct Receipt {
  std::uint64_t seq = 0;
  std::string hash;  // hex record_hash
};

class EvidenceLog {
 public:
  // Verifies the existing tail first. A torn last line moves to audit.jsonl.torn-<seq> and a
  // log_recovered record says so; a broken chain fails (evidence, "evidence_chain_broken").
  static Result<std::unique_ptr<EvidenceLog>> open(const LogConfig& config, const Clock& clock);
  ~EvidenceLog();  // flushes and stops the writer
  EvidenceLog(const EvidenceLog&) = delete;
  EvidenceLog& operator=(const EvidenceLog&) = delete;

  using Done = std::function<void(Result<Receipt>)>;
  // Thread-safe, never blocks on the disk. `done` runs exactly once, on the writer thread, and must not throw.
  // Fails (evidence, "evidence_unavailable") when the record cannot be written; too large is also refused.
  void append(Record record, Done done);
  Result<Receipt> append_and_wait(Record record);  // for start-up, shut-down and tools
  // Stores a policy snapshot as policies/<digest>.json (atomic, idempotent).
  Result<> store_policy(const std::string& digest, const std::string& canonical_json);
  bool healthy() const noexcept;

 private:
  struct Impl;
  explicit EvidenceLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::evidence
