// Connections to upstreams: opened only for a Permit, to an address that permit carries, with TLS
// verified for the permitted name, or for the identity that the permit asks for. Idle ones are kept
// for the next permit to the very same destination, address and identity. Never retries a failed
// verification in another way.
// Tested by tests/e2e/test_hostile_upstream.py.
#pragma once

#include "certs/identity.hpp"
#include "certs/trust.hpp"
#include "proxy/call/action.hpp"
#include "proxy/call/event.hpp"
#include "proxy/call/permit.hpp"
#include "proxy/io/interrupt.hpp"
#include "proxy/io/own_ports.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/stream.hpp"
#include "proxy/wire/http1.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

namespace sluice::io {

struct Upstream {
  explicit Upstream(Socket socket, const wire::Limits& limits)
      : stream(std::move(socket)), reader(limits) {}
  Stream stream;
  wire::ResponseReader reader;
  std::string key;     // pool key
  std::string address; // "ip:port"
  std::string peer;    // the identity it proved; "" when none was asked for
  call::ConnectionAge age = call::ConnectionAge::fresh;
  OwnPorts::Entry own_port; // where something is captured
};
using UpstreamPtr = std::unique_ptr<Upstream>;
using Opened = std::variant<call::UpstreamFailed, UpstreamPtr>;

class UpstreamPool { // one per worker
 public:
  struct Trust {
    SSL_CTX* names = nullptr;              // whom to believe that it is a host
    const certs::Identity* mesh = nullptr; // who we are to other sidecars; null: nobody
  };
  UpstreamPool(const Executor& executor, Trust trust, const Settings& settings, OwnPorts& own_ports,
               net::thread_pool& threads);
  ~UpstreamPool();
  // `stop` interrupts a connect in progress (deadline, drain).
  Task<Opened> open(const call::Permit& permit, call::Pooling pooling, Interruptible& stop);
  // TLS is left to the peers, for passthrough tunnels; but where the permit asks for an identity it
  // is ours, around the bytes.
  Task<Opened> open_tunnel(const call::Permit& permit, Interruptible& stop);
  // Requires: the last response on it was read to its end.
  void release(UpstreamPtr upstream);
  void close_idle(Time now); // those past the idle timeout, and all of them when draining

 private:
  struct Idle {
    UpstreamPtr upstream;
    Time since;
  };
  struct SessionDeleter {
    void operator()(SSL_SESSION* p) const noexcept;
  };
  using SessionPtr = std::unique_ptr<SSL_SESSION, SessionDeleter>;

  UpstreamPtr take_idle(const std::string& key);
  Task<Opened> dial(const call::Permit& permit, Interruptible& stop);
  Task<Opened> dial_program(const call::Permit& permit);
  Task<call::UpstreamFailed> secure(Upstream& upstream, const model::Host& host,
                                    Interruptible& stop);
  Task<call::UpstreamFailed> secure_peer(Upstream& upstream, const std::string& wanted,
                                         Interruptible& stop);
  Task<ErrorCode> shake_hands(Upstream& upstream, Interruptible& stop);
  void keep_session(Upstream& upstream);

  Executor executor_;
  Trust trust_;
  const Settings& settings_;
  OwnPorts& own_ports_;
  net::thread_pool& threads_;
  std::unordered_map<std::string, std::deque<Idle>> idle_;
  std::unordered_map<std::string, SessionPtr> tls_sessions_;
  std::size_t idle_count_ = 0;
};

} // namespace sluice::io
