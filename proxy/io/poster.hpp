// Posts text to one URL that the operator named, and waits for the answer: our own traffic, not an
// agent's call, so no permit is asked for and no agent can choose where it goes. Verifies TLS as
// for upstreams; plain HTTP only to this machine. Follows no redirect, never takes longer than 10
// s, never shows path or query, which may hold a key. Tested by tests/e2e/test_evidence_anchor.py
// and tests/socket/poster_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/model/destination.hpp"
#include "proxy/io/own_ports.hpp"
#include "proxy/io/resolver.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/stream.hpp"
#include "proxy/io/task.hpp"

#include <boost/asio/thread_pool.hpp>

#include <string>
#include <string_view>

namespace sluice::io {

struct PostTo {
  model::Destination to;
  std::string target; // path and query
};
// Fails (config, "url_invalid") on what is no http or https URL, on a user name, on a fragment, and
// on http: to another machine. The detail is for people, and has nothing of the URL.
Result<PostTo> parse_post_url(std::string_view url);

class Poster {
 public:
  // `trust` and `own_ports` outlive it.
  Poster(PostTo where, SSL_CTX* trust, Settings settings, OwnPorts& own_ports);
  ~Poster();
  // Success: an answer of 2xx, whole. One thread at a time.
  Result<> post(std::string_view json);

 private:
  struct Attempt;
  Task<> attempt(Attempt& at, std::string_view json);
  Task<bool> connect(Attempt& at, Socket& socket, OwnPorts::Entry& own_port);
  Task<bool> secure(Attempt& at, Stream& stream);
  Task<> read_answer(Attempt& at, Stream& stream);
  std::string request(std::string_view json) const;
  std::string name() const; // of whom it posts to, for messages

  PostTo where_;
  SSL_CTX* trust_;
  Settings settings_;
  OwnPorts& own_ports_;
  net::io_context context_;
  net::thread_pool lookups_{1}; // before the context goes: a late answer is posted to it
  Resolver resolver_;
};

} // namespace sluice::io
