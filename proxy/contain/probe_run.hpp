// Tries the ways out of a box, from inside, with CMD's privileges, and tells each result as soon as
// it has it. Ends the process's own usefulness: some of what it tries would change it. Internal to
// proxy/contain. Tested by tests/contain/probe_test.cpp.
#pragma once

#include "proxy/contain/channel.hpp"
#include "proxy/contain/plan.hpp"

#include <functional>

namespace sluice::contain {

using Tell = std::function<void(const Check&)>;

void run_probe(const Plan& plan, const Channel& sidecar);
void probe_network(const Plan& plan, const Tell& tell); // probe_network.cpp
void probe_process(const Plan& plan, const Tell& tell); // probe_process.cpp

} // namespace sluice::contain
