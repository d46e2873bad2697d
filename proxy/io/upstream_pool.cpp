#include "proxy/io/upstream_pool.hpp"

#include "proxy/io/endpoint.hpp"
#include "proxy/io/upstream_socket.hpp"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <utility>

namespace sluice::io {
namespace {

using call::UpstreamFailed;
using model::Reason;

constexpr std::size_t kIdlePerKey = 64;
constexpr std::size_t kIdleTotal = 1024;
constexpr std::size_t kTlsSessions = 1024;
constexpr auto kIdleFor = std::chrono::seconds(30); // shorter than common servers' keep-alive

std::string pool_key(const model::EgressCall& call, const model::IpAddress& address) {
  std::string key(model::to_string(call.to.scheme));
  key.append("|").append(call.to.host_port()).append("|").append(address.text());
  key.append("|").append(call.chain.upstream_peer); // whoever is there must be who was asked for
  return key;
}

// A server that closed, or that speaks unasked, is of no further use.
bool still_quiet(Stream& stream) {
  char byte = 0;
  const auto got = ::recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
  // Bytes behind the last answer would be taken for the next: late tickets cost a connection.
  SSL* ssl = stream.native_tls();
  return ssl == nullptr || (SSL_has_pending(ssl) == 0 && BIO_pending(SSL_get_rbio(ssl)) == 0);
}

// `none` when nothing did.
UpstreamFailed what_failed(SSL* ssl, const ErrorCode& error) {
  UpstreamFailed result;
  result.reason = Reason::none;
  if (!error) return result;
  result.detail = certs::verification_failure(ssl);
  result.reason =
      result.detail.empty() ? Reason::upstream_unreachable : Reason::upstream_tls_unverified;
  if (result.detail.empty()) result.detail = "TLS handshake failed: " + error.message();
  return result;
}

} // namespace

void UpstreamPool::SessionDeleter::operator()(SSL_SESSION* p) const noexcept {
  SSL_SESSION_free(p);
}

UpstreamPool::UpstreamPool(const Executor& executor, Trust trust, const Settings& settings,
                           OwnPorts& own_ports, net::thread_pool& threads)
    : executor_(executor), trust_(trust), settings_(settings), own_ports_(own_ports),
      threads_(threads) {}

UpstreamPool::~UpstreamPool() = default;

UpstreamPtr UpstreamPool::take_idle(const std::string& key) {
  const auto at = idle_.find(key);
  if (at == idle_.end()) return nullptr;
  while (!at->second.empty()) {
    UpstreamPtr upstream = std::move(at->second.back().upstream);
    at->second.pop_back();
    --idle_count_;
    if (still_quiet(upstream->stream)) {
      upstream->age = call::ConnectionAge::reused;
      return upstream;
    }
  }
  idle_.erase(at);
  return nullptr;
}

void UpstreamPool::release(UpstreamPtr upstream) {
  keep_session(*upstream);
  auto& same = idle_[upstream->key];
  if (same.size() >= kIdlePerKey || idle_count_ >= kIdleTotal) return; // closes
  Idle idle;
  idle.since = std::chrono::steady_clock::now();
  idle.upstream = std::move(upstream);
  same.push_back(std::move(idle));
  ++idle_count_;
}

void UpstreamPool::close_idle(Time now) {
  for (auto at = idle_.begin(); at != idle_.end();) {
    auto& same = at->second;
    while (!same.empty() && now - same.front().since > kIdleFor) {
      same.pop_front();
      --idle_count_;
    }
    at = same.empty() ? idle_.erase(at) : std::next(at);
  }
}

Task<Opened> UpstreamPool::open(const call::Permit& permit, call::Pooling pooling,
                                Interruptible& stop) {
  const auto& call = permit.call();
  if (pooling == call::Pooling::may_reuse) {
    for (const auto& address : permit.addresses()) {
      if (auto idle = take_idle(pool_key(call, address))) co_return Opened(std::move(idle));
    }
  }
  if (!call.chain.upstream_peer.empty()) co_return co_await open_tunnel(permit, stop);
  auto opened = co_await dial(permit, stop);
  auto* upstream = std::get_if<UpstreamPtr>(&opened);
  if (upstream == nullptr || call.to.scheme != model::Scheme::https) co_return opened;
  auto failed = co_await secure(**upstream, call.to.host, stop);
  if (failed.reason != Reason::none) co_return Opened(std::move(failed));
  co_return opened;
}

Task<Opened> UpstreamPool::open_tunnel(const call::Permit& permit, Interruptible& stop) {
  auto opened = co_await dial(permit, stop);
  const auto& wanted = permit.call().chain.upstream_peer;
  auto* upstream = std::get_if<UpstreamPtr>(&opened);
  if (upstream == nullptr || wanted.empty()) co_return opened;
  auto failed = co_await secure_peer(**upstream, wanted, stop);
  if (failed.reason != Reason::none) co_return Opened(std::move(failed));
  co_return opened;
}

Task<Opened> UpstreamPool::dial(const call::Permit& permit, Interruptible& stop) {
  const auto& to = permit.call().to;
  if (settings_.inside && to.host.text() == settings_.inside->host)
    co_return co_await dial_program(permit);
  UpstreamFailed failed;
  failed.detail = "no address answered";
  for (const auto& address : permit.addresses()) {
    const Endpoint target{address, to.port};
    const Tcp::endpoint endpoint = to_asio(target);
    Socket socket(executor_);
    OwnPorts::Entry own_port;
    ErrorCode error = open_upstream_socket(socket, endpoint, settings_, own_ports_, own_port);
    if (!error) {
      stop.attach(socket);
      std::tie(error) = co_await socket.async_connect(endpoint, use_task);
      stop.detach();
    }
    if (!error) {
      auto upstream = std::make_unique<Upstream>(std::move(socket), settings_.limits.head);
      upstream->key = pool_key(permit.call(), address);
      upstream->address = target.text();
      upstream->own_port = std::move(own_port);
      co_return Opened(std::move(upstream));
    }
    failed.detail = target.text() + ": " + error.message();
    if (error == net::error::operation_aborted) break;
  }
  co_return Opened(std::move(failed));
}

Task<Opened> UpstreamPool::dial_program(const call::Permit& permit) {
  const auto& to = permit.call().to;
  auto got = co_await dial_inside(executor_, threads_, settings_.inside, to.port,
                                  settings_.limits.connect_timeout);
  UpstreamFailed failed;
  if (!got) {
    failed.detail = got.error().detail;
    co_return Opened(std::move(failed));
  }
  Socket socket(executor_);
  ErrorCode error;
  socket.assign(Tcp::v4(), got.value().release(), error);
  if (error) {
    failed.detail = error.message();
    co_return Opened(std::move(failed));
  }
  auto upstream = std::make_unique<Upstream>(std::move(socket), settings_.limits.head);
  upstream->key = pool_key(permit.call(), permit.addresses().front());
  upstream->address = to.host_port();
  co_return Opened(std::move(upstream));
}

Task<UpstreamFailed> UpstreamPool::secure(Upstream& upstream, const model::Host& host,
                                          Interruptible& stop) {
  UpstreamFailed result;
  upstream.stream.start_tls(trust_.names);
  SSL* ssl = upstream.stream.native_tls();
  if (auto named = certs::expect_peer(ssl, host.text(), host.is_address()); !named) {
    result.reason = Reason::upstream_tls_unverified;
    result.detail = named.error().detail;
    co_return result;
  }
  if (const auto known = tls_sessions_.find(upstream.key); known != tls_sessions_.end()) {
    SSL_set_session(ssl, known->second.get());
  }
  const auto error = co_await shake_hands(upstream, stop);
  result = what_failed(ssl, error);
  co_return result;
}

Task<ErrorCode> UpstreamPool::shake_hands(Upstream& upstream, Interruptible& stop) {
  stop.attach(upstream.stream.socket());
  const auto error = co_await upstream.stream.connect_tls();
  stop.detach();
  co_return error;
}

// Not a byte of the call goes before this; that its certificate is good is not enough.
Task<UpstreamFailed> UpstreamPool::secure_peer(Upstream& upstream, const std::string& wanted,
                                               Interruptible& stop) {
  UpstreamFailed result;
  result.reason = Reason::upstream_tls_unverified;
  result.detail = "this sidecar has no identity";
  if (trust_.mesh == nullptr) co_return result;
  upstream.stream.start_tls(trust_.mesh->to_connect());
  SSL* ssl = upstream.stream.native_tls();
  const auto error = co_await shake_hands(upstream, stop);
  result = what_failed(ssl, error);
  if (result.reason == Reason::none) {
    auto found = certs::peer_identity(ssl);
    if (found && found.value() == wanted) {
      upstream.peer = wanted;
      co_return result;
    }
    result.reason = Reason::upstream_tls_unverified;
    result.detail = found ? "there is " + found.value() : found.error().detail;
  }
  result.detail = "wanted " + wanted + ": " + result.detail;
  co_return result;
}

void UpstreamPool::keep_session(Upstream& upstream) {
  SSL* ssl = upstream.stream.native_tls();
  if (ssl == nullptr || upstream.age == call::ConnectionAge::reused) return;
  if (!upstream.peer.empty()) return; // proven anew each time
  SessionPtr session(SSL_get1_session(ssl));
  if (!session || SSL_SESSION_is_resumable(session.get()) == 0) return;
  if (tls_sessions_.size() >= kTlsSessions) tls_sessions_.clear();
  tls_sessions_[upstream.key] = std::move(session);
}

} // namespace sluice::io
