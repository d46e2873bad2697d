#include "proxy/io/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <tuple>
#include <utility>

namespace sluice::io {
namespace {

net::ssl::context borrow(SSL_CTX* context) {
  SSL_CTX_up_ref(context); // net::ssl::context gives its reference back when it dies
  return net::ssl::context(context);
}

} // namespace

Stream::Stream(Socket socket) : layer_(std::move(socket)) {
  ErrorCode ignored;
  std::get<Socket>(layer_).set_option(Tcp::no_delay(true), ignored);
}

Socket& Stream::socket() noexcept {
  if (auto* tls = std::get_if<Tls>(&layer_)) return (*tls)->next_layer();
  return *std::get_if<Socket>(&layer_);
}

Task<IoResult> Stream::read_some(char* data, std::size_t size) {
  const auto buffer = net::buffer(data, size);
  IoResult result;
  if (auto* tls = std::get_if<Tls>(&layer_)) {
    std::tie(result.error, result.bytes) = co_await (*tls)->async_read_some(buffer, use_task);
  } else {
    auto& plain = std::get<Socket>(layer_);
    std::tie(result.error, result.bytes) = co_await plain.async_read_some(buffer, use_task);
  }
  co_return result;
}

Task<ErrorCode> Stream::write(std::string_view bytes) {
  const auto buffer = net::buffer(bytes.data(), bytes.size());
  ErrorCode error;
  std::size_t written = 0;
  if (auto* tls = std::get_if<Tls>(&layer_)) {
    std::tie(error, written) = co_await net::async_write(**tls, buffer, use_task);
  } else {
    auto& plain = std::get<Socket>(layer_);
    std::tie(error, written) = co_await net::async_write(plain, buffer, use_task);
  }
  co_return error;
}

void Stream::start_tls(SSL_CTX* context) {
  auto owner = borrow(context);
  Socket plain = std::move(std::get<Socket>(layer_));
  layer_ = std::make_unique<TlsLayer>(std::move(plain), owner);
}

Task<ErrorCode> Stream::accept_tls(SSL_CTX* context, std::string_view already_read) {
  start_tls(context);
  auto& tls = *std::get<Tls>(layer_);
  const auto early = net::buffer(already_read.data(), already_read.size());
  const auto role = TlsLayer::server;
  auto [error, used] = co_await tls.async_handshake(role, early, use_task);
  co_return error;
}

Task<ErrorCode> Stream::connect_tls() {
  auto& tls = *std::get<Tls>(layer_);
  const auto role = TlsLayer::client;
  auto [error] = co_await tls.async_handshake(role, use_task);
  co_return error;
}

Task<> Stream::finish_writing() {
  if (auto* tls = std::get_if<Tls>(&layer_)) {
    // Only our close_notify: waiting for the peer's would let it keep us here.
    SSL_set_quiet_shutdown((*tls)->native_handle(), 0);
    SSL_set_shutdown((*tls)->native_handle(), SSL_RECEIVED_SHUTDOWN);
    co_await (*tls)->async_shutdown(use_task);
  }
  ErrorCode ignored;
  socket().shutdown(Tcp::socket::shutdown_send, ignored);
}

// SSL_shutdown() takes a connection for ended only when the peer's close_notify is there, and would
// read for it, which another coroutine may be doing. So it is told that it is there, while it makes
// ours: that happens before async_shutdown() returns, and nothing else runs in between.
Task<> Stream::end_sending() {
  if (auto* tls = std::get_if<Tls>(&layer_)) {
    SSL* ssl = (*tls)->native_handle();
    const int heard = SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN;
    Signal sent(socket().get_executor());
    bool done = false;
    SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
    (*tls)->async_shutdown([&sent, &done](const ErrorCode&) {
      done = true;
      sent.notify();
    });
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | heard);
    while (!done) co_await sent.wait();
  }
  ErrorCode ignored;
  socket().shutdown(Tcp::socket::shutdown_send, ignored);
}

SSL* Stream::native_tls() noexcept {
  auto* tls = std::get_if<Tls>(&layer_);
  return tls == nullptr ? nullptr : (*tls)->native_handle();
}

std::string Stream::tls_version() const {
  const auto* tls = std::get_if<Tls>(&layer_);
  return tls == nullptr ? std::string() : SSL_get_version((*tls)->native_handle());
}

std::string Stream::server_name() const {
  const auto* tls = std::get_if<Tls>(&layer_);
  if (tls == nullptr) return {};
  const char* name = SSL_get_servername((*tls)->native_handle(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string() : name;
}

void Stream::cancel() noexcept {
  ErrorCode ignored;
  socket().cancel(ignored);
}

void Stream::close() noexcept {
  ErrorCode ignored;
  socket().close(ignored);
}

void Stream::abort() noexcept {
  ErrorCode ignored;
  socket().set_option(net::socket_base::linger(true, 0), ignored);
  socket().close(ignored);
}

bool Stream::peer_is_gone() noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (!socket().is_open()) return true;
  if (::getsockopt(socket().native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return true;
  return info.tcpi_state != TCP_ESTABLISHED;
}

} // namespace sluice::io
