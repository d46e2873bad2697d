// A scenario as a folder for docker-compose: a sidecar for each component, which owns the network
// its program is in, and all that they are told. The same scenario gives the same bytes. Pure. No
// secret is in a file but those of `secrets`. Never gives a program a way out, or in, but through
// its sidecar. Tested by tests/unit/overlay/compose_project_test.cpp and
// tests/e2e/test_overlay_compose.py.
#pragma once

#include "overlay/deploy/prepare.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace sluice::overlay {

inline constexpr std::uint16_t kFirstPublishedPort = 18'080;
inline constexpr std::uint16_t kFirstExportPort = 24'000; // in the container

// Where things are in the containers.
inline constexpr const char* kComposeKeys = "/var/lib/sluice/keys";
inline constexpr const char* kComposeEvidence = "/var/lib/sluice/evidence";
inline constexpr const char* kComposeTrustBundle = "/sluice/trust/ca-bundle.pem";
inline constexpr const char* kComposeAdmin = "/run/sluice/admin.sock";

struct ComposeWish {
  std::string name;                                                 // of the scenario, for people
  std::function<std::string(const std::string& slot)> external_url; // "": nobody filled it
  std::map<std::string, std::uint16_t> ports;                       // of exports
  std::map<std::string, std::string> trust; // variables that make programs believe the bundle
};

struct ComposeProject {
  std::map<std::string, std::string> files;         // below the folder
  std::map<std::string, std::string> secrets;       // by name, below secrets/: what authors typed
  std::map<std::string, std::string> first_secrets; // the same, when there is none yet
};

// nullopt exactly when an error was added.
std::optional<ComposeProject> compose_project(const Scenario& scenario, const Prepared& prepared,
                                              const ComposeWish& wish, Diagnostics& out);

} // namespace sluice::overlay
