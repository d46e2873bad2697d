// A socket of ours that is about to connect to the outside. Where traffic is captured our own must
// be known as ours: by mark for the rules, by port for us. Never connects.
// Tested by tests/e2e/test_transparent.py.
#pragma once

#include "proxy/io/own_ports.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/task.hpp"

namespace sluice::io {

ErrorCode open_upstream_socket(Socket& socket, const Tcp::endpoint& to, const Settings& settings,
                               OwnPorts& own_ports, OwnPorts::Entry& own_port);

} // namespace sluice::io
