#include "proxy/io/worker.hpp"

#include "proxy/io/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <utility>

namespace sluice::io {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);

} // namespace

Worker::Worker(const Settings& settings, SharedServices services,
               std::shared_ptr<const ActivePolicy> policy, Surroundings around)
    : settings_(settings), services_(services), context_(1), work_(context_.get_executor()),
      tick_(context_.get_executor()),
      resolver_(context_.get_executor(), services_.lookups, settings_),
      gate_(context_.get_executor(), services_, resolver_, settings_, std::move(policy),
            std::move(around)),
      upstreams_(context_.get_executor(), {services_.upstream_trust, services_.identity}, settings_,
                 services_.own_ports, services_.lookups),
      dns_(*this) {
  if (services_.authority != nullptr) leaves_.emplace(*services_.authority, services_.clock);
}

Worker::~Worker() {
  stop();
  // Permits of sessions that did not end close here, as abandoned.
  gate_.abandon();
  context_.shutdown();
}

void Worker::add_listener(const ListenerSettings& listener, Acceptor acceptor) {
  listeners_.push_back(Listening{listener, std::move(acceptor)});
}

void Worker::add_dns_socket(const ListenerSettings& listener, UdpSocket socket) {
  net::co_spawn(context_, dns_.serve_datagrams(listener, std::move(socket)), net::detached);
}

void Worker::start() {
  for (auto& listening : listeners_) {
    net::co_spawn(context_, accept_loop(listening), net::detached);
  }
  net::co_spawn(context_, ticker(), net::detached);
  thread_ = std::thread([this] { context_.run(); });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  net::post(context_, [this] { tick_.cancel(); });
  context_.stop();
  thread_.join();
}

Task<> Worker::accept_loop(Listening& listening) {
  Timer pause(context_.get_executor());
  while (listening.acceptor.is_open()) {
    auto [error, socket] = co_await listening.acceptor.async_accept(use_task);
    if (error == net::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, or the peer left early: the listener lives on.
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(use_task);
      continue;
    }
    admit_connection(std::move(socket), listening.settings);
  }
}

void Worker::admit_connection(Socket socket, const ListenerSettings& listener) {
  net::co_spawn(context_, run_session(std::move(socket), listener), net::detached);
}

Task<> Worker::run_session(Socket socket, const ListenerSettings& listener) {
  services_.metrics.connections_accepted.add();
  const bool within_limit = services_.connections.fetch_add(1) < settings_.limits.connections;
  ++session_count_;
  {
    Session session(*this, std::move(socket), listener);
    const auto place = sessions_.insert(sessions_.end(), &session);
    try {
      if (within_limit && !draining_) {
        co_await session.run();
      } else {
        const auto reason =
            draining_ ? model::Reason::draining : model::Reason::too_many_connections;
        co_await session.turn_away(reason);
      }
    } catch (const std::exception&) {
      // Fail closed, out loud: the session's destructor aborts the connection and its permit closes
      // with an "abandoned" record.
    }
    sessions_.erase(place);
  }
  --session_count_;
  --services_.connections;
}

Task<> Worker::ticker() {
  for (;;) {
    tick_.expires_after(kTick);
    auto [error] = co_await tick_.async_wait(use_task);
    if (error) co_return;
    const Time now = std::chrono::steady_clock::now();
    judge_each_minute();
    for (auto* session : sessions_) session->tick(now);
    upstreams_.close_idle(now);
    gate_.close_idle(now);
  }
}

// Windows of time begin and end with a minute: what streams and is no longer allowed ends, as it
// does under a new policy.
void Worker::judge_each_minute() {
  constexpr std::int64_t kMinute = 60'000'000'000;
  const std::int64_t minute = services_.clock.unix_nanos() / kMinute;
  const bool same = std::exchange(minute_, minute) == minute;
  if (same || !gate_.policy().engine->policy().asks_for_time) return;
  for (auto* session : sessions_) session->policy_changed();
}

void Worker::use(std::shared_ptr<const ActivePolicy> policy) {
  net::post(context_, [this, policy = std::move(policy)]() mutable {
    gate_.use(std::move(policy));
    for (auto* session : sessions_) session->policy_changed();
  });
}

void Worker::drain() {
  net::post(context_, [this] {
    draining_ = true;
    for (auto& listening : listeners_) {
      ErrorCode ignored;
      listening.acceptor.close(ignored);
    }
    for (auto* session : sessions_) session->begin_drain();
  });
}

void Worker::cut(model::Reason why) {
  net::post(context_, [this, why] {
    for (auto* session : sessions_) session->cut(why);
  });
}

} // namespace sluice::io
