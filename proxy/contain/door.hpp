// The way into a box, for who made it: connections to what listens on the box's loopback. A thread
// of the box's init answers it, with no privilege left; it connects to 127.0.0.1 or ::1 of the box
// and to nothing else, so that what runs in the box could gain nothing by it. Tested by
// tests/contain/box_test.cpp.
#pragma once

#include "proxy/contain/channel.hpp"

#include <cstdint>

namespace sluice::contain {

// Inside: answers until the other end is gone.
void answer_door(const Channel& line);

// Outside: a connected socket, blocking. Fails (upstream, "connection_refused" or
// "connect_timeout") when nobody listens there, or does not accept within a second.
Result<UniqueFd> dial_through(const Channel& line, std::uint16_t port);

} // namespace sluice::contain
