// What one sidecar of a deployment is told: its sluice.yaml and policy.yaml, as JSON, which both
// may be. A sidecar lets through exactly what its edges are: calls of its peers to the program, of
// the program to its slots, and of what goes out into the world only what an overlay's policy
// allows. Never holds a secret: those are named by the files they will be in.
// Tested by tests/unit/overlay/sidecar_files_test.cpp.
#pragma once

#include "overlay/config/config_tree.hpp"
#include "overlay/deploy/deployment.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::overlay {

// An interposer of ours, or what a declared overlay says about a component's egress.
struct BuiltinTask {
  Builtin builtin = Builtin::record;
  Json config = Json::object();        // evaluated, without `terms`
  std::vector<std::string> term_files; // of `redact`: what must not pass, each in a file
};

// `config` as somebody wrote it for such a task, before its values are known: what is wrong with
// it. Pointers are into it.
std::vector<ConfigFault> check_builtin_config(Builtin builtin, const Json& config);

// Where things are: what a local run and a compose file do in ways of their own.
struct Layout {
  std::function<std::string(UnitId)> host;                 // by which other sidecars call a unit's
  std::function<std::uint16_t(InletRef)> mesh_port;        // and on which port
  std::function<std::uint16_t(const Export&)> export_port; // of the listener
  std::function<std::string(const Export&)> export_url;    // what callers outside write
  std::function<std::string(const std::string& slot)> external_url; // "": nobody filled it
  std::string mesh_address, export_address;                         // to listen on
  std::string program_host;                                         // the program, for its sidecar
  std::map<std::string, std::vector<std::string>> resolve;
  std::string evidence_dir;
  std::string roots;                           // of identities, a file
  std::function<std::string(UnitId)> identity; // <this>.pem and <this>.key
  std::function<std::string(UnitId)> ca_dir;   // of what its program believes
  bool captures = false; // listens for captured connections and for DNS itself
};

struct SidecarFiles {
  Json config, policy;
};

class Sidecars {
 public:
  // `tasks`: of each built-in interposer, and of each component whose egress overlays select, in
  // the order in which a request meets them.
  Sidecars(const Scenario& scenario, const Deployment& deployment,
           std::map<ComponentId, std::vector<BuiltinTask>> tasks, Layout layout);

  // Faults name what cannot be carried out, e.g. two policies on one egress.
  SidecarFiles files_of(UnitId unit, std::vector<DeployFault>& faults) const;
  std::string identity(UnitId unit) const;
  const std::string& trust_domain() const noexcept { return domain_; }

 private:
  const Scenario& scenario_;
  const Deployment& deployment_;
  std::map<ComponentId, std::vector<BuiltinTask>> tasks_;
  Layout layout_;
  std::string domain_;
};

} // namespace sluice::overlay
