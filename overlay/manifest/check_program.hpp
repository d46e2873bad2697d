// Whether a program fits the component it stands in: the endpoints' names, what its strings name in
// the config and the slots, what is mounted. The same checks for a manifest's program and for an
// interposer's of a plan (reference §3.4), all faults at once, in the order of the program's parts.
// Tested by tests/unit/overlay/check_program_test.cpp.
#pragma once

#include "overlay/manifest/manifest.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::overlay {

struct ProgramScope {
  const std::map<std::string, Slot>& slots;
  const std::map<std::string, Resource>& resources;
  const ConfigSchema* config_schema = nullptr; // null: there is no config
  const std::set<Feature>& features;           // none for an interposer
};

struct ProgramFault {
  std::string pointer; // below the program, "/env/PORT"
  std::string code;    // "manifest::duplicate_endpoint_name" and such
  std::string message;
  std::string hint;
};

std::vector<ProgramFault> check_program(const Program& program, const ProgramScope& scope);

// The capabilities that the framework gives, and the feature one needs for it.
struct FrameworkCapability {
  std::string_view name;
  Kind kind;
  std::optional<Feature> feature;
};
const FrameworkCapability* framework_capability(std::string_view name) noexcept; // null: unknown
std::string framework_words();                                                   // for hints

} // namespace sluice::overlay
