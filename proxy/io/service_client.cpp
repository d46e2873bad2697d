#include "proxy/io/service_client.hpp"

#include "certs/trust.hpp"
#include "policy/model/service_url.hpp"
#include "proxy/io/endpoint.hpp"
#include "proxy/io/stream.hpp"
#include "proxy/io/upstream_socket.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>

namespace sluice::io {
namespace {

constexpr std::size_t kMostServiceBytes = 64 * 1024; // of one answer, head and body
constexpr auto kServiceIdle = std::chrono::seconds(20);

} // namespace

struct ServiceClient::Connection {
  Connection(Socket socket, model::Destination whom)
      : stream(std::move(socket)), to(std::move(whom)) {}
  Stream stream;
  model::Destination to;
  wire::ResponseReader reader;
  std::string bytes; // came, and not yet read
  OwnPorts::Entry own_port;
  Time idle_since{};
};

struct ServiceClient::Attempt { // shared: who asks may be gone before it is over
  Attempt(const Executor& executor, ServiceRequest asked)
      : request(std::move(asked)), over(executor) {}
  ServiceRequest request;
  ServiceAnswer answer;
  std::optional<std::string> failure = "no answer"; // nothing: the answer is whole
  Socket* socket = nullptr;                         // what is waited for
  bool late = false, done = false;
  bool begun = false;    // a byte of the answer came
  bool reusable = false; // the connection, for another request
  Signal over;

  void fail(std::string why) { failure = std::move(why); }
  void stop() {
    late = true;
    ErrorCode ignored;
    if (socket != nullptr) socket->close(ignored);
  }
};

ServiceClient::ServiceClient(const Executor& executor, Ways ways, Bounds bounds)
    : executor_(executor), ways_(ways), bounds_(std::move(bounds)) {}

ServiceClient::~ServiceClient() = default;

// The attempt is a coroutine of its own, since a lookup cannot be called back: who waits goes on in
// time, whatever hangs.
Task<Result<ServiceAnswer>> ServiceClient::ask(ServiceRequest request,
                                               std::chrono::milliseconds within) {
  auto at = std::make_shared<Attempt>(executor_, std::move(request));
  ++under_way_;
  net::co_spawn(executor_, run(at), net::detached);
  if (!at->done) co_await at->over.wait(within);
  if (!at->done) {
    at->stop();
    co_return make_error(Origin::upstream, std::string(kServiceLate), "no answer in time");
  }
  if (at->failure) co_return make_error(Origin::upstream, "service_failed", *at->failure);
  co_return std::move(at->answer);
}

Task<> ServiceClient::run(std::shared_ptr<Attempt> at) {
  try {
    co_await attempt(*at);
  } catch (const std::exception&) {
    at->fail("an error of ours");
  }
  at->socket = nullptr;
  at->done = true;
  --under_way_;
  at->over.notify();
}

Task<> ServiceClient::attempt(Attempt& at) {
  ConnectionPtr connection = take_idle(at.request.to);
  if (connection) {
    co_await exchange(at, *connection);
    // A kept connection may have ended before the request came to it: that says nothing.
    const bool was_closed = at.failure && !at.begun && !at.late;
    if (!was_closed) {
      keep(at, std::move(connection));
      co_return;
    }
  }
  connection = co_await open(at);
  if (!connection) co_return;
  co_await exchange(at, *connection);
  keep(at, std::move(connection));
}

Task<ServiceClient::ConnectionPtr> ServiceClient::open(Attempt& at) {
  Socket socket(executor_);
  OwnPorts::Entry own_port;
  const bool connected = co_await connect(at, socket, own_port);
  at.socket = nullptr;
  if (!connected) co_return nullptr;
  auto connection = std::make_unique<Connection>(std::move(socket), at.request.to);
  connection->own_port = std::move(own_port);
  const bool secured = co_await secure(at, *connection);
  at.socket = nullptr;
  if (!secured) co_return nullptr;
  co_return connection;
}

bool ServiceClient::may_dial(Attempt& at, const model::IpAddress& address) const {
  const auto& to = at.request.to;
  if (to.scheme == model::Scheme::http && !model::is_loopback(address)) {
    at.fail("is not this machine, and without TLS it must be");
  } else if (bounds_.never && bounds_.never(address, to.port)) {
    at.fail("is Sluice itself");
  } else {
    return true;
  }
  return false;
}

Task<bool> ServiceClient::connect(Attempt& at, Socket& socket, OwnPorts::Entry& own_port) {
  auto resolved = co_await ways_.resolver.resolve(at.request.to.host);
  if (!resolved) at.fail(resolved.error().detail);
  if (!resolved || at.late) co_return false;
  at.socket = &socket;
  for (const auto& address : resolved.value()) {
    if (!may_dial(at, address)) co_return false;
    const Tcp::endpoint endpoint = to_asio({address, at.request.to.port});
    ErrorCode error =
        open_upstream_socket(socket, endpoint, ways_.settings, ways_.own_ports, own_port);
    if (!error) std::tie(error) = co_await socket.async_connect(endpoint, use_task);
    if (!error) co_return !at.late;
    at.fail(error.message());
    if (at.late) co_return false;
    socket.close(error);
  }
  co_return false;
}

Task<bool> ServiceClient::secure(Attempt& at, Connection& connection) {
  const auto& to = at.request.to;
  if (to.scheme != model::Scheme::https) co_return true;
  connection.stream.start_tls(ways_.trust);
  at.socket = &connection.stream.socket();
  SSL* ssl = connection.stream.native_tls();
  if (auto named = certs::expect_peer(ssl, to.host.text(), to.host.is_address()); !named) {
    at.fail(named.error().detail);
    co_return false;
  }
  const auto error = co_await connection.stream.connect_tls();
  if (!error) co_return true;
  const auto unverified = certs::verification_failure(ssl);
  at.fail(unverified.empty() ? "TLS handshake failed: " + error.message()
                             : "its certificate is not believed: " + unverified);
  co_return false;
}

Task<> ServiceClient::exchange(Attempt& at, Connection& connection) {
  at.socket = &connection.stream.socket();
  std::string bytes;
  wire::encode(at.request.head, bytes);
  bytes += at.request.body;
  const auto error = co_await connection.stream.write(bytes);
  if (error) {
    at.fail(error.message());
  } else {
    co_await read_answer(at, connection);
  }
  at.socket = nullptr;
}

// To its end: an answer that breaks off may have been meant otherwise.
Task<> ServiceClient::read_answer(Attempt& at, Connection& connection) {
  wire::ResponseReader& reader = connection.reader;
  std::string& bytes = connection.bytes;
  reader.expect(at.request.head.method);
  std::size_t answered = 0;
  std::array<char, 4096> piece{};
  while (true) {
    std::string_view in = bytes;
    auto event = reader.next(in);
    // What it yields lies in `bytes`, which changes below.
    if (const auto* body = std::get_if<wire::BodyBytes>(&event)) at.answer.body += body->bytes;
    bytes.erase(0, bytes.size() - in.size());
    if (std::holds_alternative<wire::NeedMore>(event)) {
      const auto got = co_await connection.stream.read_some(piece.data(), piece.size());
      bytes.append(piece.data(), got.bytes);
      answered += got.bytes;
      at.begun = at.begun || got.bytes > 0;
      if (answered > kMostServiceBytes) co_return at.fail("answered more than 64 KiB");
      if (!got.error) continue;
      if (got.error != net::error::eof) co_return at.fail(got.error.message());
      event = reader.finish(); // only a clean end may close a body that has no length
    }
    if (auto* head = std::get_if<wire::ResponseHead>(&event)) {
      const bool interim = head->status >= 100 && head->status < 200;
      if (interim && head->status != 101) continue;
      at.answer.status = head->status;
      at.reusable = head->keep_alive && head->framing != wire::BodyFraming::until_close;
      at.answer.fields = std::move(head->fields);
      if (interim) co_return at.fail("answered 101");
    } else if (std::holds_alternative<wire::MessageEnd>(event)) {
      at.failure.reset();
      co_return;
    } else if (!std::holds_alternative<wire::BodyBytes>(event)) {
      co_return at.fail("did not answer in HTTP");
    }
  }
}

ServiceClient::ConnectionPtr ServiceClient::take_idle(const model::Destination& to) {
  const auto now = std::chrono::steady_clock::now();
  close_idle(now);
  for (auto at = idle_.rbegin(); at != idle_.rend(); ++at) {
    if (!((*at)->to == to)) continue;
    ConnectionPtr out = std::move(*at);
    idle_.erase(std::next(at).base());
    if (out->stream.peer_is_gone()) return nullptr;
    return out;
  }
  return nullptr;
}

void ServiceClient::keep(Attempt& at, ConnectionPtr connection) {
  const bool clean = !at.failure && !at.late && at.reusable && connection->bytes.empty();
  if (!clean || bounds_.kept == 0) return;
  if (idle_.size() >= bounds_.kept) idle_.erase(idle_.begin());
  connection->idle_since = std::chrono::steady_clock::now();
  idle_.push_back(std::move(connection));
}

void ServiceClient::close_idle(Time now) {
  std::erase_if(idle_,
                [&](const ConnectionPtr& one) { return now - one->idle_since > kServiceIdle; });
}

} // namespace sluice::io
