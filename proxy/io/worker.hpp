// One thread, one io_context, and everything a connection needs on it: acceptors, gate, resolver,
// upstream pool, leaf store. A connection never leaves its worker, so none of it needs a lock.
// Tested by tests/e2e/test_connections.py.
#pragma once

#include "certs/leaf_store.hpp"
#include "proxy/io/dns_server.hpp"
#include "proxy/io/gate.hpp"
#include "proxy/io/interrupt.hpp"
#include "proxy/io/resolver.hpp"
#include "proxy/io/services.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/task.hpp"
#include "proxy/io/upstream_pool.hpp"

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace sluice::io {

class Worker {
 public:
  Worker(const Settings& settings, SharedServices services,
         std::shared_ptr<const ActivePolicy> policy, Surroundings around);
  ~Worker();

  // Requires: not started. Takes over a listening socket (one per worker, SO_REUSEPORT).
  void add_listener(const ListenerSettings& listener, Acceptor acceptor);
  void add_dns_socket(const ListenerSettings& listener, UdpSocket socket);
  void start();
  // From any thread:
  void use(std::shared_ptr<const ActivePolicy> policy);
  void drain();                // stop accepting, let calls finish
  void cut(model::Reason why); // end every session
  void stop();                 // joins; requires cut() or no sessions left
  std::size_t session_count() const noexcept { return session_count_.load(); }

  // On the worker's thread:
  net::io_context& context() noexcept { return context_; }
  Executor executor() noexcept { return context_.get_executor(); }
  Gate& gate() noexcept { return gate_; }
  Resolver& resolver() noexcept { return resolver_; }
  DnsServer& dns() noexcept { return dns_; }
  UpstreamPool& upstreams() noexcept { return upstreams_; }
  NamePins& pins() const noexcept { return services_.pins; }
  const OwnPorts& own_ports() const noexcept { return services_.own_ports; }
  certs::LeafStore* leaves() noexcept { return leaves_ ? &*leaves_ : nullptr; }
  const Settings& settings() const noexcept { return settings_; }
  const SharedServices& services() const noexcept { return services_; }
  bool draining() const noexcept { return draining_; }

 private:
  // Lets what is suspended in the context be destroyed while gate and pool still exist.
  struct Context : net::io_context {
    using net::io_context::io_context;
    using net::io_context::shutdown;
  };
  struct Listening {
    ListenerSettings settings;
    Acceptor acceptor;
  };
  Task<> accept_loop(Listening& listening);
  Task<> run_session(Socket socket, const ListenerSettings& listener);
  Task<> ticker();
  void judge_each_minute();
  void admit_connection(Socket socket, const ListenerSettings& listener);

  const Settings& settings_;
  SharedServices services_;
  Context context_;
  net::executor_work_guard<Executor> work_;
  Timer tick_;
  Resolver resolver_;
  Gate gate_;
  UpstreamPool upstreams_;
  std::optional<certs::LeafStore> leaves_;
  DnsServer dns_;
  std::list<Listening> listeners_;
  std::list<Watched*> sessions_;
  std::atomic<std::size_t> session_count_{0};
  bool draining_ = false;
  std::int64_t minute_ = 0; // of the wall clock, when streams were judged last
  std::thread thread_;
};

} // namespace sluice::io
