// A call as a person writes it (METHOD URL) made the facts that the engine judges. Asks nobody:
// names are not resolved. Tested by tests/e2e/test_cli.py.
#pragma once

#include "policy/model/egress_call.hpp"

#include <optional>
#include <string>

namespace sluice::cli {

// None: `why` says why there is no such call. TCP goes with tcp://host:port, all else with http(s).
std::optional<model::EgressCall> asked_call(const std::string& method, const std::string& url,
                                            std::string& why);
// What is typed before an '@' may be a password, even where no scheme says that it is a URL.
std::string shown_url(const std::string& url);

} // namespace sluice::cli
