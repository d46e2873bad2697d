// A small HTTP server for people and orchestrators: one request a connection, on a thread of its
// own, so that a worker that is busy or stuck does not silence it. Never on an address an agent is
// meant to reach; over TCP it only tells, and nothing that changes anything is done.
// Tested by tests/e2e/test_admin.py.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/io/endpoint.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::io {

struct AdminRequest {
  std::string method, path, body;
  bool may_change = false; // came by the Unix socket, which only its owner can open
};

struct AdminAnswer {
  int status = 404;
  std::string content_type = "application/json";
  std::string body;
};

using AdminAddress = std::variant<std::string, Endpoint>; // a socket's path, or loopback TCP

class AdminServer {
 public:
  using Handler = std::function<AdminAnswer(const AdminRequest&)>;
  // Binds and starts. The Unix socket is 0600 and replaces one that nobody listens on; a lock file
  // beside it stays. Serves a few connections at a time and closes the others at once. Fails
  // (config, "cannot_listen"). `handler` runs on threads of the server's, several at a time: one
  // that takes long, a reload, does not keep the kill switch waiting.
  static Result<std::unique_ptr<AdminServer>> start(const std::vector<AdminAddress>& addresses,
                                                    Handler handler);
  ~AdminServer(); // stops, and removes the socket file if it is still its own

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace sluice::io
