// What the tests of certs/ share: a folder that goes away, a clock, and a handshake in memory.
#pragma once

#include "certs/authority.hpp"
#include "certs/trust.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

namespace sluice::test {

constexpr std::int64_t kSecondNanos = 1'000'000'000;
constexpr std::int64_t kDayNanos = 24 * 3600 * kSecondNanos;
constexpr std::int64_t kNow = 1'790'000'000 * kSecondNanos; // September 2026

class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() / ("sluice-" + to_hex(random_bytes(8)))) {
    std::filesystem::create_directory(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

struct SslDeleter {
  void operator()(SSL* p) const noexcept { SSL_free(p); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

struct Handshake {
  SslPtr client, server;
  bool done = false;
};

// Both ends over a pair of memory BIOs, verified at the time of `clock`.
inline Handshake handshake(SslPtr client, SSL_CTX* server_context, const Clock& clock) {
  Handshake out;
  out.client = std::move(client);
  out.server.reset(SSL_new(server_context));
  BIO *one = nullptr, *other = nullptr;
  BIO_new_bio_pair(&one, 0, &other, 0);
  SSL_set_bio(out.client.get(), one, one);
  SSL_set_bio(out.server.get(), other, other);
  SSL_set_connect_state(out.client.get());
  SSL_set_accept_state(out.server.get());
  X509_VERIFY_PARAM_set_time(SSL_get0_param(out.client.get()), clock.unix_nanos() / kSecondNanos);
  for (int round = 0; round < 20 && !out.done; ++round) {
    const int c = SSL_do_handshake(out.client.get());
    const int s = SSL_do_handshake(out.server.get());
    out.done = c == 1 && s == 1;
  }
  ERR_clear_error();
  return out;
}

inline SslPtr client_for(SSL_CTX* context, const std::string& host, bool is_address = false) {
  SslPtr ssl(SSL_new(context));
  if (!certs::expect_peer(ssl.get(), host, is_address)) ssl.reset();
  return ssl;
}

} // namespace sluice::test
