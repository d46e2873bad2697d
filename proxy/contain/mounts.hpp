// What the box sees of the file system: everything as it is, but /proc its own, DNS pointed at the
// sidecar, and covered what could lead past it: the sidecar's own files, and sockets behind which
// somebody outside does things for whoever asks. Internal to proxy/contain.
// Tested by tests/contain/box_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/contain/plan.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::contain {

// Unix sockets do not end at a network namespace: the paths that are listened on, of a table in
// the form of /proc/net/unix, and the folders where such sockets come and go. Made outside.
std::vector<std::string> known_exits(std::string_view unix_sockets);

// Requires: a mount namespace of our own, capabilities in it, and pid 1.
Result<> make_view(const Plan& plan);

} // namespace sluice::contain
