// Names to addresses, through the system's resolver on a few threads of its own, with a deadline
// and a short cache. A name is only asked for after policy allowed it. Never returns an empty list.
// Tested by tests/e2e/test_hostile_upstream.py.
#pragma once

#include "policy/base/result.hpp"
#include "policy/model/destination.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/task.hpp"

#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::io {

// The code of an Error that says that there is no such name; any other is a failure of ours.
inline constexpr std::string_view kNameNotFound = "name_not_found";

class Resolver { // one per worker; the lookup threads are shared
 public:
  Resolver(const Executor& executor, net::thread_pool& lookups, const Settings& settings);
  // Fails (upstream, "resolver_failed") on no answer, an error, or the deadline.
  Task<Result<std::vector<model::IpAddress>>> resolve(const model::Host& host);

 private:
  struct Cached {
    std::vector<model::IpAddress> addresses;
    std::chrono::steady_clock::time_point until;
  };
  Executor executor_;
  net::thread_pool& lookups_;
  std::size_t asked_ = 0; // and not answered; names nobody waits for any more among them
  const Settings& settings_;
  std::unordered_map<std::string, Cached> cache_;
};

} // namespace sluice::io
