// What to start so that overlays can be asked: the programs of their helpers, with everything put
// into them that the config of the scenario's root has. Starts nothing. A helper whose programs
// call each other, and one that is an image, are refused with a word for it: not in this version.
// Tested by tests/e2e/test_overlays.py.
#pragma once

#include "overlay/run/helpers.hpp"
#include "overlay/scenario/link.hpp"

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace sluice::overlay {

inline constexpr std::string_view kStartCode =
    "compiler::overlay_pass_start_overlay_scenario"; // what cannot be started

struct HelperPrograms {
  std::vector<HelperProgram> programs;
  std::map<std::size_t, std::size_t> of_overlay; // place in Linked::overlays -> in programs
};

// `asked`: places in Linked::overlays, none of them declarative. nullopt exactly when an error was
// added.
std::optional<HelperPrograms> helper_programs(const Linked& linked,
                                              const std::set<std::size_t>& asked,
                                              const Json& root_values, Diagnostics& out);

} // namespace sluice::overlay
