// One HTTP exchange over a connection that is there already, waited for: how overlays are asked. It
// ends by its deadline whatever the other side does, follows no redirect, and reads no more of an
// answer than it was told to. Blocking: never for the traffic of agents.
// Tested by tests/contain/helpers_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace sluice::overlay {

struct Asked {
  std::string method = "GET";
  std::string path = "/";
  std::string host; // of the field, "127.0.0.1:8120"
  std::string body; // JSON; none for GET
};

struct Answer {
  int status = 0;
  std::string body;
};

using Deadline = std::chrono::steady_clock::time_point;

// Fails (upstream) with "too_late", "response_too_large", "not_http" or "connection_lost".
Result<Answer> exchange(UniqueFd connection, const Asked& asked, std::size_t most, Deadline until);

} // namespace sluice::overlay
