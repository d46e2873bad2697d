// One call of a session while it runs: its machine and the connections it uses. Lives in the
// coroutine frame of Session::exchange. Private to proxy/io.
#pragma once

#include "proxy/io/session.hpp"

namespace sluice::io {

struct Session::Exchange {
  Exchange(call::CallContext context, const Executor& executor)
      : machine(std::move(context)), pump_done(executor) {}

  call::CallMachine machine;
  std::int64_t admitted_at = 0; // monotonic ns
  call::Actions actions;
  UpstreamPtr upstream;
  bool reusable = false; // the machine let the upstream go in good order
  bool close_downstream = false;
  bool close_upstream = false;
  bool abort_downstream = false;
  bool over = false; // the pump must stop
  bool pumping = false;
  Signal pump_done;
};

} // namespace sluice::io
