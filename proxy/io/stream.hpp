// A connected socket, plain or TLS, behind one type. Reads and writes return errors as values.
// Never falls back from TLS to plain. Not thread-safe: a stream stays on its worker.
// Tested by tests/e2e/test_forward_clients.py.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/io/task.hpp"

#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::io {

class Stream {
 public:
  explicit Stream(Socket socket);

  Task<IoResult> read_some(char* data, std::size_t size);
  Task<ErrorCode> write(std::string_view bytes); // all of them
  // Requires: plain until now. `already_read` are bytes of the handshake that came before.
  Task<ErrorCode> accept_tls(SSL_CTX* context, std::string_view already_read);
  // Two steps, so that the caller can set name and session on native_tls() in between.
  void start_tls(SSL_CTX* context);
  Task<ErrorCode> connect_tls();
  Task<> finish_writing(); // close_notify when TLS, then FIN; bounded by the caller's deadline
  Task<> end_sending();    // the same, but what the peer sends can still be read

  bool secure() const noexcept { return std::holds_alternative<Tls>(layer_); }
  SSL* native_tls() noexcept;      // null when plain
  std::string tls_version() const; // "TLSv1.3"; "" when plain
  std::string server_name() const; // SNI the peer sent; "" when none
  Socket& socket() noexcept;
  void cancel() noexcept; // pending operations fail with operation_aborted
  void close() noexcept;
  void abort() noexcept;        // RST
  bool peer_is_gone() noexcept; // FIN or RST has arrived, read or not

 private:
  using TlsLayer = net::ssl::stream<Socket>;
  using Tls = std::unique_ptr<TlsLayer>;
  std::variant<Socket, Tls> layer_;
};

} // namespace sluice::io
