// The network of a box, made from inside it: `lo`, routes that make every destination local, the
// rules that steer and refuse, and the sockets the sidecar will listen on. Requires: a network
// namespace of our own; the host's configuration is never touched. Internal to proxy/contain.
// Tested by tests/contain/box_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/contain/plan.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::contain {

// Where `name` is, for somebody whose PATH has no sbin; "" when nowhere. Never looks at PATH: what
// runs with capabilities is not the caller's choice.
std::string find_tool(std::string_view name);

Result<> make_network(Plan& plan);
Result<std::vector<BoxSocket>> open_sockets(const Plan& plan);

} // namespace sluice::contain
