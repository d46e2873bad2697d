// Where a service is that the operator named for Sluice itself: a witness, a decision point. Never
// without TLS to another machine, never with a user name or a fragment in it.
// Tested by tests/socket/poster_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/model/destination.hpp"

#include <string>
#include <string_view>

namespace sluice::model {

struct ServiceUrl {
  Destination to;
  std::string target; // path and query
  bool operator==(const ServiceUrl&) const = default;
  std::string text() const; // canonical
};

// Fails (config, "url_invalid") on what is no http or https URL, on a user name, on a fragment, and
// on http: to another machine. The detail is for people, and has nothing of the URL.
Result<ServiceUrl> parse_service_url(std::string_view url);

bool is_loopback(const IpAddress& address);

} // namespace sluice::model
