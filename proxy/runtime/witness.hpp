// Hands each signed checkpoint of the evidence to somebody outside: a command that gets the line on
// its standard input, or a URL that it is posted to. On a thread of its own: a witness that is
// slow, broken or gone delays nothing and refuses no call; that it is gone goes on record, and so
// does that it is back. What it could not take is not kept: a later checkpoint speaks of all
// records before it. Tested by tests/e2e/test_evidence_anchor.py.
#pragma once

#include "policy/base/result.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::runtime {

class Witness {
 public:
  // `tell` runs on this thread: the first failure of a row and how many there were, "" once it is
  // over. False when it could not be put on record yet: it is told again. Never after close().
  using Tell = std::function<bool(const std::string& error, std::uint64_t missed)>;
  // Hands one over, within 10 s; runs on this thread.
  using Hand = std::function<Result<>(const std::string& checkpoint)>;
  Witness(Hand give, Tell tell);
  ~Witness();
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  void hand(std::string checkpoint); // never blocks; the oldest goes when too many wait
  void keep_quiet();                 // the log is about to close: nobody is told any more
  // What waits is handed over, within the time that one may take; "" or what the last one failed
  // with.
  std::string close();

 private:
  void run();

  const Hand give_;
  const Tell tell_;
  std::mutex mutex_; // guards all below but what only the thread uses
  std::condition_variable wake_;
  std::deque<std::string> waiting_;
  std::uint64_t dropped_ = 0;
  bool quiet_ = false, stopping_ = false;
  std::string last_error_;
  std::thread thread_; // last: it uses everything above
};

// Runs it to its end with `input`; at most 10 s.
Result<> feed_command(const std::vector<std::string>& command, const std::string& input);

} // namespace sluice::runtime
