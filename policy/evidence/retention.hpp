// Retention: takes the oldest closed segments away when they are too old, or the log too large.
// Only whole ones, only after all of what is to go was verified, signatures included, and only once
// a signed record says which; their checkpoints stay, and so does what a verifier needs to begin
// behind them. The newest records always stay. Never on the writer's thread.
// Tested by tests/unit/evidence/retention_test.cpp.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/base/result.hpp"
#include "policy/evidence/log.hpp"
#include "policy/evidence/retained.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::evidence {

struct Removal {
  std::string cause; // age | size
  std::uint64_t first_seq = 0, bytes = 0;
  std::vector<std::string> files; // oldest first
  Retained retained;
};

// What is due, verified; nullopt: nothing. Fails (evidence, "evidence_chain_broken") when what is
// due does not hold: then nothing is removed.
Result<std::optional<Removal>> plan_removal(const std::string& directory, const Retention& limits,
                                            std::int64_t now_unix_nanos);
Record removal_record(const RunIdentity& who, const Removal& removal);
// Requires: the record is signed. A process that dies in here leaves files that count as removed.
Result<> remove_segments(const std::string& directory, const Removal& removal);
// Takes away what such a process left. Requires: the log is locked, and verified.
Result<> finish_removal(const std::string& directory);

// Does it again and again, on a thread of its own.
class Retainer {
 public:
  // Puts a record into the log and a checkpoint behind it; returns when both are on the disk.
  using Tell = std::function<Result<>(Record)>;
  Retainer(const LogConfig& config, const Clock& clock, Tell tell);
  ~Retainer();
  Retainer(const Retainer&) = delete;
  Retainer& operator=(const Retainer&) = delete;

 private:
  void run();
  Result<> look();

  const std::string directory_;
  const Retention limits_;
  const RunIdentity who_;
  const std::chrono::nanoseconds every_;
  const Clock& clock_;
  const Tell tell_;
  std::string complained_; // the error that is on record
  std::mutex mutex_;       // guards stopping_
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_; // last: it uses everything above
};

} // namespace sluice::evidence
