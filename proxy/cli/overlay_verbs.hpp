// What the files of `sluice overlay` share: the verbs of one are added by overlay_commands.cpp,
// those of compose by overlay_compose_command.cpp. Tested by tests/e2e/test_overlays.py.
#pragma once

#include "proxy/cli/overlay_compile.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sluice::cli {

// Of --port NAME=PORT; nullopt when one is neither, which is told.
std::optional<std::map<std::string, std::uint16_t>> export_ports(const Output& out,
                                                                 const OverlayOptions& options);

void add_overlay_compose_commands(CLI::App& group, Program& program,
                                  const std::shared_ptr<OverlayOptions>& options);

} // namespace sluice::cli
