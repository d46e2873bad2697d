// The bytes on their way to one peer: machine actions append, one coroutine at a time writes.
// A writer that finds another at work leaves its bytes behind and waits only when too many wait.
// Tested by tests/e2e/test_redaction.py.
#pragma once

#include "proxy/io/stream.hpp"
#include "proxy/io/task.hpp"
#include "proxy/wire/http1.hpp"

#include <string>

namespace sluice::io {

class Lane {
 public:
  explicit Lane(const Executor& executor) : drained_(executor) {}

  std::string& pending() noexcept { return pending_; }
  bool ok() const noexcept { return !error_; }
  const ErrorCode& error() const noexcept { return error_; }
  // Writes everything pending to `stream`. The lane keeps its error: later bytes are dropped.
  Task<> flush(Stream& stream);
  // The same, and waits for whoever writes: afterwards nothing is under way.
  Task<> drain(Stream& stream);
  void reset(); // for the next connection
  void fail() noexcept { error_ = net::error::operation_aborted; }

  wire::BodyFraming framing = wire::BodyFraming::none; // of the message being sent

 private:
  static constexpr std::size_t kHighWater = 256 * 1024;
  std::string pending_, in_flight_;
  bool writing_ = false;
  ErrorCode error_;
  Signal drained_;
};

} // namespace sluice::io
