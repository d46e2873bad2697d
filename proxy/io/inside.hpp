// The way to a program that is contained: to its own loopback, where no network of ours leads. Only
// a destination by the one name that stands for it goes there, over a door that whoever made the
// box keeps. What is behind it is the program and nothing else. Tested by
// tests/e2e/test_overlay_run.py.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/unique_fd.hpp"
#include "proxy/io/task.hpp"

#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace sluice::io {

struct Inside {
  std::string host; // "program.box": of destinations that lie there
  // A connected socket. Blocks for a moment; from one thread at a time.
  std::function<Result<UniqueFd>(std::uint16_t port)> dial;
};

// Fails (upstream, "connect_timeout") when it takes longer than `limit`.
Task<Result<UniqueFd>> dial_inside(Executor executor, net::thread_pool& threads,
                                   std::shared_ptr<const Inside> inside, std::uint16_t port,
                                   std::chrono::milliseconds limit);

} // namespace sluice::io
