// Opens the listening sockets: first one of each to fix its port, so that "ourselves" is known
// before the first call, then one for each worker (SO_REUSEPORT). Sockets that were made elsewhere
// are taken over as they are. Never listens before every socket could be opened.
// Tested by tests/e2e/test_cli.py.
#pragma once

#include "proxy/io/worker.hpp"
#include "proxy/runtime/config.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::runtime {

struct BoundListener {
  std::string name, kind, address; // "127.0.0.1:15001"; of adopted ones where they were made
};

class Listeners {
 public:
  // Fills in the ports the kernel chose. Fails (config, "cannot_listen").
  Result<> reserve(std::vector<io::ListenerSettings>& listeners,
                   const std::vector<io::AdminAddress>& admin);
  // Requires: reserve(). Takes the adopted sockets over: they are closed with their worker.
  Result<> give_to(io::Worker& worker, unsigned number, unsigned workers,
                   const std::vector<io::ListenerSettings>& listeners,
                   const std::vector<AdoptedSocket>& adopted);
  const io::Surroundings& around() const noexcept { return around_; }
  const std::vector<BoundListener>& bound() const noexcept { return bound_; }

 private:
  Result<> open_for(io::Worker& worker, unsigned number, const io::ListenerSettings& listener);

  io::Surroundings around_;
  std::vector<BoundListener> bound_;
  io::net::io_context unused_;
  std::vector<io::Acceptor> reserved_;
};

} // namespace sluice::runtime
