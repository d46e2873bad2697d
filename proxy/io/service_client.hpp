// Sends a request to a service that the operator named for Sluice itself, and reads the answer: our
// own traffic, not an agent's call, so no permit is asked for and no agent can choose where it
// goes. Verifies TLS as for upstreams; plain HTTP only to this machine. Follows no redirect, reads
// at most 64 KiB, never shows path or query. An answer that breaks off is none.
// Tested by tests/socket/poster_test.cpp and tests/e2e/test_decision_points.py.
#pragma once

#include "policy/base/result.hpp"
#include "policy/model/destination.hpp"
#include "proxy/io/interrupt.hpp"
#include "proxy/io/own_ports.hpp"
#include "proxy/io/resolver.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/task.hpp"
#include "proxy/wire/http1.hpp"

#include <openssl/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::io {

struct ServiceRequest {
  model::Destination to;
  wire::RequestHead head; // with its Host and the length of the body
  std::string body;
};

struct ServiceAnswer {
  int status = 0;
  wire::Fields fields;
  std::string body;
};

// The code of an Error that says that the time was over.
inline constexpr std::string_view kServiceLate = "service_late";

class ServiceClient { // of one executor, one thread
 public:
  struct Ways {
    Resolver& resolver;
    SSL_CTX* trust;
    const Settings& settings;
    OwnPorts& own_ports;
  };
  struct Bounds {
    std::size_t kept = 0; // idle connections, for the next request to the same service
    // An address and port that is never dialled: ourselves.
    std::function<bool(const model::IpAddress&, std::uint16_t)> never = {};
  };
  // What `ways` names outlives it, and it outlives what is suspended in the executor's context.
  ServiceClient(const Executor& executor, Ways ways, Bounds bounds);
  ~ServiceClient();

  // Fails (upstream, kServiceLate or "service_failed"). The detail does not name the service.
  Task<Result<ServiceAnswer>> ask(ServiceRequest request, std::chrono::milliseconds within);
  std::size_t under_way() const noexcept { return under_way_; } // also those nobody waits for
  void close_idle(Time now);

 private:
  struct Connection;
  struct Attempt;
  using ConnectionPtr = std::unique_ptr<Connection>;
  Task<> run(std::shared_ptr<Attempt> at);
  Task<> attempt(Attempt& at);
  Task<ConnectionPtr> open(Attempt& at);
  Task<bool> connect(Attempt& at, Socket& socket, OwnPorts::Entry& own_port);
  Task<bool> secure(Attempt& at, Connection& connection);
  Task<> exchange(Attempt& at, Connection& connection);
  Task<> read_answer(Attempt& at, Connection& connection);
  bool may_dial(Attempt& at, const model::IpAddress& address) const;
  ConnectionPtr take_idle(const model::Destination& to);
  void keep(Attempt& at, ConnectionPtr connection);

  Executor executor_;
  Ways ways_;
  Bounds bounds_;
  std::size_t under_way_ = 0;
  std::vector<ConnectionPtr> idle_; // the latest last
};

} // namespace sluice::io
