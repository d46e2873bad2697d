// Posts text to one URL that the operator named, by a ServiceClient, and waits for the answer.
// Never takes longer than 10 s, never shows path or query, which may hold a key. Tested by
// tests/e2e/test_evidence_anchor.py and tests/socket/poster_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/model/service_url.hpp"
#include "proxy/io/own_ports.hpp"
#include "proxy/io/resolver.hpp"
#include "proxy/io/service_client.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/task.hpp"

#include <boost/asio/thread_pool.hpp>

#include <optional>
#include <string_view>

namespace sluice::io {

class Poster {
 public:
  // `trust` and `own_ports` outlive it.
  Poster(model::ServiceUrl where, SSL_CTX* trust, Settings settings, OwnPorts& own_ports);
  ~Poster();
  // Success: an answer of 2xx, whole. One thread at a time.
  Result<> post(std::string_view json);

 private:
  ServiceRequest request(std::string_view json) const;
  Task<> ask(std::string_view json, std::optional<Result<ServiceAnswer>>& out);

  model::ServiceUrl where_;
  Settings settings_;
  net::io_context context_;
  net::thread_pool lookups_{1}; // before the context goes: a late answer is posted to it
  Resolver resolver_;
  ServiceClient client_;
};

} // namespace sluice::io
