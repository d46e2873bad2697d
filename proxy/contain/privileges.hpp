// What CMD may do, taken away for good from the process that becomes it: another user, no
// capability, no way to gain one, and no system call that opens a way past the network namespace.
// Internal to proxy/contain. Tested by tests/contain/box_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/contain/box.hpp"

#include <optional>

namespace sluice::contain {

// Lets programs that this process starts keep CAP_NET_ADMIN although its user is not root.
Result<> hand_on_network_capability();

// `user`: whom to become; none keeps the user (a user namespace has no other).
Result<> drop_privileges(const std::optional<User>& user);

// For init, once CMD runs: it may signal CMD, and CMD may not look into it.
Result<> keep_only_signals();

Result<> die_with_parent(); // the box ends with the sidecar

} // namespace sluice::contain
