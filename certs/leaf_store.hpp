// Server-side TLS contexts by name, minted on demand, least recently used out first. One per
// worker: not thread-safe. Never serves a leaf past half its remaining life.
// Tested by tests/unit/certs/leaf_store_test.cpp.
#pragma once

#include "certs/authority.hpp"

#include <openssl/types.h>

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::certs {

struct SslCtxDeleter {
  void operator()(SSL_CTX* p) const noexcept;
};
using SslCtxPtr = std::unique_ptr<SSL_CTX, SslCtxDeleter>;

class LeafStore {
 public:
  LeafStore(const Authority& authority, const Clock& clock, std::size_t capacity = 1024);
  // The context to accept TLS for this canonical host with: TLS 1.2+, ALPN http/1.1, session
  // tickets on, the chain leaf + CA. Lives until evicted; callers SSL_new() from it at once
  // (an SSL keeps its own reference).
  Result<SSL_CTX*> context_for(std::string_view canonical_host);
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string host;
    SslCtxPtr context;
    std::int64_t renew_at_unix_nanos = 0;
  };
  const Authority& authority_;
  const Clock& clock_;
  std::size_t capacity_;
  std::list<Entry> entries_; // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_host_;
};

} // namespace sluice::certs
