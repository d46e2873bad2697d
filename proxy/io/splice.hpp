// Moves bytes between two sockets inside the kernel (splice(2) through a pipe). For plain sockets
// whose bytes nobody has to see. Never loses what it took: bytes in the pipe go out before more are
// read.
// Tested by tests/e2e/test_tcp.py.
#pragma once

#include "proxy/io/task.hpp"

namespace sluice::io {

class SplicePipe {
 public:
  SplicePipe();
  ~SplicePipe();
  SplicePipe(const SplicePipe&) = delete;
  SplicePipe& operator=(const SplicePipe&) = delete;

  // Waits for bytes from `from` and writes all it got to `to`. eof when there are no more.
  Task<IoResult> move(Socket& from, Socket& to);
  bool source_failed() const noexcept { return source_failed_; } // else it was `to`

 private:
  int ends_[2] = {-1, -1};
  bool source_failed_ = false;
};

} // namespace sluice::io
