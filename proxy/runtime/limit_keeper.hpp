// Keeps the counters of limits over a restart: reads them at the start and writes them, when they
// changed, at most once a second and at the end, each time as a whole new file that is on the disk.
// A file that cannot be read is an error, since a counter that is lost would open its limit.
// Tested by tests/socket/limit_keeper_test.cpp and tests/e2e/test_policy_limits.py.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/base/result.hpp"
#include "policy/limits/ledger.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace sluice::runtime {

// Nothing is counted yet where there is no file. Fails (evidence, "limits_unreadable").
Result<> read_limits(const std::string& file, limits::Ledger& ledger);

class LimitKeeper {
 public:
  // Told when it begins to fail, and when it writes again (""): on the keeper's thread. What is
  // counted goes on counting in memory, and each second it tries again.
  using Told = std::function<void(const std::string& error)>;
  // `ledger` and `clock` outlive it.
  LimitKeeper(limits::Ledger& ledger, std::string file, const Clock& clock, Told told);
  ~LimitKeeper(); // writes what is new
  LimitKeeper(const LimitKeeper&) = delete;
  LimitKeeper& operator=(const LimitKeeper&) = delete;

 private:
  void run();
  void save();

  limits::Ledger& ledger_;
  const std::string file_;
  const Clock& clock_;
  const Told told_;
  bool failing_ = false; // of the keeper's thread
  std::mutex lock_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_; // last: it uses everything above
};

} // namespace sluice::runtime
