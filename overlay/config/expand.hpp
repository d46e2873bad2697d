// A program with everything known: `when` and `each` carried out, config and slots put into its
// strings, so that it can be started. The result may hold secrets; messages never show a value.
//
//   when    left out while what it names is absent or null; a slot is absent without an edge
//   each    once for each item of a list, or each edge of a slot with `multiple`; with `join` all
//   in
//           one. Nothing to repeat: left out
//   ${…}    a string as it is, numbers and such as JSON, the rest as compact JSON; what is absent
//   is
//           a fault. ${slots.s} is {"url": …}, ${slots} an object of them by name
// Tested by tests/unit/overlay/expand_test.cpp.
#pragma once

#include "overlay/config/compose.hpp"
#include "overlay/manifest/program.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

inline constexpr std::size_t kMaxExpandedBytes = 8U << 20;
// PATH of a program that is started here and says none.
inline constexpr std::string_view kProgramPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct ExpandedEndpoint {
  std::string name;
  std::uint16_t port = 0;
  Protocol protocol = Protocol::http;
};

struct ExpandedMount {
  std::string path;
  MountSource source;
  std::string content; // of a file from the config
};

struct ExpandedProgram {
  std::string location;             // the image or the path; "" for a built-in
  std::vector<std::string> command; // entrypoint or args
  std::map<std::string, std::string> env;
  std::vector<ExpandedEndpoint> endpoints;
  std::vector<ExpandedMount> mounts;
};

// The addresses behind a slot, one per edge, in the order of edges.
using SlotUrls = std::function<std::vector<std::string>(const std::string& slot)>;

struct ExpandInput {
  const Json& config;             // evaluated
  std::vector<std::string> slots; // names, for ${slots}
  SlotUrls urls;
};

// nullopt exactly when a fault was added; pointers are into the program.
std::optional<ExpandedProgram> expand_program(const Program& program, const ExpandInput& input,
                                              std::vector<ConfigFault>& faults);

} // namespace sluice::overlay
