// The first process of a box, pid 1 inside: makes the box around itself, probes it, starts CMD,
// gives up what it needed for that, waits for everything, and ends with CMD's exit code. Its end is
// the end of every process in the box. Internal to proxy/contain. Tested by
// tests/contain/box_test.cpp.
#pragma once

#include "proxy/contain/channel.hpp"
#include "proxy/contain/plan.hpp"

namespace sluice::contain {

// Requires: a process just cloned into namespaces of its own. Gives the exit code.
int run_init(Plan plan, const Channel& sidecar);

} // namespace sluice::contain
