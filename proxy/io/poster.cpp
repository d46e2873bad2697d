#include "proxy/io/poster.hpp"

#include "certs/trust.hpp"
#include "proxy/io/endpoint.hpp"
#include "proxy/io/upstream_socket.hpp"
#include "proxy/wire/http1.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace sluice::io {
namespace {

using model::AddressClass;
using model::Scheme;

constexpr auto kWithin = std::chrono::milliseconds(10'000);
constexpr std::size_t kMostAnswered = 64 * 1024; // nobody reads what a witness says

Error bad_url(std::string what) {
  return make_error(Origin::config, "url_invalid", std::move(what));
}

bool is_loopback(const model::IpAddress& address) {
  return address.classify() == AddressClass::loopback;
}

bool names_this_machine(const model::Host& host) {
  return host.is_address() ? is_loopback(host.address()) : host.text() == "localhost";
}

} // namespace

Result<PostTo> parse_post_url(std::string_view url) {
  const auto parsed = model::parse_target(url);
  if (!parsed || !parsed.value().absolute) return bad_url("not an http or https URL");
  PostTo out{*parsed.value().absolute, parsed.value().raw_path};
  if (parsed.value().has_query) out.target += "?" + parsed.value().query;
  const bool visible =
      std::all_of(out.target.begin(), out.target.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!visible) return bad_url("a byte that no URL has");
  // Who stands on the way could take what is meant for the witness, and answer in its place.
  if (out.to.scheme == Scheme::http && !names_this_machine(out.to.host)) {
    return bad_url("without TLS only to a loopback address or localhost");
  }
  return out;
}

struct Poster::Attempt {
  explicit Attempt(const Executor& executor) : deadline(executor) {}
  Timer deadline;
  Socket* socket = nullptr; // what is waited for
  bool late = false;
  std::optional<std::string> failure = "no answer"; // nothing: it was taken

  void fail(std::string why) { failure = std::move(why); }
  void stop() {
    late = true;
    ErrorCode ignored;
    if (socket != nullptr) socket->close(ignored);
  }
};

Poster::Poster(PostTo where, SSL_CTX* trust, Settings settings, OwnPorts& own_ports)
    : where_(std::move(where)), trust_(trust), settings_(std::move(settings)),
      own_ports_(own_ports), resolver_(context_.get_executor(), lookups_, settings_) {
  auto& resolve = settings_.limits.resolve_timeout;
  resolve = std::min(resolve, kWithin);
}

Poster::~Poster() = default;

std::string Poster::name() const {
  return std::string(model::to_string(where_.to.scheme)) + "://" + where_.to.authority();
}

Result<> Poster::post(std::string_view json) {
  context_.restart();
  Attempt at(context_.get_executor());
  at.deadline.expires_after(kWithin);
  at.deadline.async_wait([&at](const ErrorCode& error) {
    if (!error) at.stop();
  });
  net::co_spawn(context_, attempt(at, json), [&at](const std::exception_ptr& thrown) {
    if (thrown) at.fail("an error of ours");
    at.deadline.cancel();
  });
  context_.run();
  if (!at.failure) return success();
  return make_error(Origin::upstream, "post_failed",
                    name() + ": " + (at.late ? "took over 10 s" : *at.failure));
}

Task<> Poster::attempt(Attempt& at, std::string_view json) {
  Socket socket(context_.get_executor());
  OwnPorts::Entry own_port;
  const bool connected = co_await connect(at, socket, own_port);
  if (!connected) co_return;
  Stream stream(std::move(socket));
  at.socket = &stream.socket();
  const bool secured = co_await secure(at, stream);
  if (secured) {
    const std::string bytes = request(json);
    const auto error = co_await stream.write(bytes);
    if (error) at.fail(error.message());
    if (!error) co_await read_answer(at, stream);
  }
  at.socket = nullptr;
  stream.close();
}

Task<bool> Poster::connect(Attempt& at, Socket& socket, OwnPorts::Entry& own_port) {
  auto resolved = co_await resolver_.resolve(where_.to.host);
  if (!resolved) at.fail(resolved.error().detail);
  if (!resolved || at.late) co_return false;
  at.socket = &socket;
  for (const auto& address : resolved.value()) {
    if (where_.to.scheme == Scheme::http && !is_loopback(address)) {
      at.fail("is not this machine, and without TLS it must be");
      co_return false;
    }
    const Tcp::endpoint endpoint = to_asio({address, where_.to.port});
    ErrorCode error = open_upstream_socket(socket, endpoint, settings_, own_ports_, own_port);
    if (!error) std::tie(error) = co_await socket.async_connect(endpoint, use_task);
    if (!error) co_return true;
    at.fail(error.message());
    if (at.late) break;
    socket.close(error);
  }
  at.socket = nullptr;
  co_return false;
}

Task<bool> Poster::secure(Attempt& at, Stream& stream) {
  if (where_.to.scheme != Scheme::https) co_return true;
  stream.start_tls(trust_);
  at.socket = &stream.socket();
  SSL* ssl = stream.native_tls();
  const auto& host = where_.to.host;
  if (auto named = certs::expect_peer(ssl, host.text(), host.is_address()); !named) {
    at.fail(named.error().detail);
    co_return false;
  }
  const auto error = co_await stream.connect_tls();
  if (!error) co_return true;
  const auto unverified = certs::verification_failure(ssl);
  at.fail(unverified.empty() ? "TLS handshake failed: " + error.message()
                             : "its certificate is not believed: " + unverified);
  co_return false;
}

std::string Poster::request(std::string_view json) const {
  wire::RequestHead head;
  head.method = "POST";
  head.target = where_.target;
  head.fields.add("Host", where_.to.authority());
  head.fields.add("Content-Type", "application/json");
  head.fields.add("User-Agent", "sluice/" SLUICE_VERSION);
  head.framing = wire::BodyFraming::length;
  head.content_length = json.size();
  std::string out;
  wire::encode(head, out);
  out += json;
  return out;
}

// To its end: an answer that breaks off may have been meant otherwise.
Task<> Poster::read_answer(Attempt& at, Stream& stream) {
  wire::ResponseReader reader;
  reader.expect("POST");
  std::string bytes;
  std::size_t answered = 0;
  int status = 0;
  std::array<char, 4096> piece{};
  while (true) {
    std::string_view in = bytes;
    auto event = reader.next(in);
    bytes.erase(0, bytes.size() - in.size());
    if (std::holds_alternative<wire::NeedMore>(event)) {
      const auto got = co_await stream.read_some(piece.data(), piece.size());
      bytes.append(piece.data(), got.bytes);
      answered += got.bytes;
      if (answered > kMostAnswered) co_return at.fail("answered more than 64 KiB");
      if (!got.error) continue;
      if (got.error != net::error::eof) co_return at.fail(got.error.message());
      event = reader.finish(); // only a clean end may close a body that has no length
    }
    if (const auto* head = std::get_if<wire::ResponseHead>(&event)) {
      status = head->status;
      const bool interim = status >= 100 && status < 200 && status != 101;
      if (interim) continue;
      if (status < 200 || status > 299) {
        co_return at.fail("answered " + std::to_string(status));
      }
    } else if (std::holds_alternative<wire::MessageEnd>(event)) {
      at.failure.reset();
      co_return;
    } else if (!std::holds_alternative<wire::BodyBytes>(event)) {
      co_return at.fail("did not answer in HTTP");
    }
  }
}

} // namespace sluice::io
