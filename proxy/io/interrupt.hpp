// Lets a deadline, a drain or a dead peer stop whatever a session waits for. One coarse clock per
// worker looks at every session a few times a second, so a call costs no timer of its own.
// Tested by tests/e2e/test_limits.py.
#pragma once

#include "policy/model/reason.hpp"
#include "proxy/io/task.hpp"

#include <chrono>
#include <list>

namespace sluice::io {

using Time = std::chrono::steady_clock::time_point;

class Watched {
 public:
  virtual ~Watched() = default;
  virtual void tick(Time now) = 0;         // must not destroy the object
  virtual void begin_drain() = 0;          // finish what runs, start nothing new
  virtual void cut(model::Reason why) = 0; // end now, and say why in the record
  virtual void policy_changed() = 0; // or a minute: judge again what streams, cut what is forbidden
};

// What a connect in progress can be stopped by: the session's deadline closes the socket.
class Interruptible {
 public:
  void attach(Socket& socket) { socket_ = &socket; }
  void detach() { socket_ = nullptr; }
  void interrupt() {
    if (socket_ == nullptr) return;
    ErrorCode ignored;
    socket_->cancel(ignored);
  }

 private:
  Socket* socket_ = nullptr;
};

} // namespace sluice::io
