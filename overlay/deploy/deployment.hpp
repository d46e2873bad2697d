// Which sidecars a rewritten scenario needs, and who talks to whom through which: one sidecar for
// each program, one for each run of built-in interposers on an edge, which are nothing but
// sidecars. Says nothing of addresses, files or processes, so that a local run and a compose file
// are made from the same. Pure. Never lets two components talk but over an edge of the scenario.
// Tested by tests/unit/overlay/deployment_test.cpp.
#pragma once

#include "overlay/config/expand.hpp"
#include "overlay/rewrite/rewrite.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::overlay {

inline constexpr std::uint16_t kFirstSlotPort = 20'000; // on the program's loopback, as Amber's
inline constexpr std::uint16_t kFirstMeshPort = 23'000; // where other sidecars call

using UnitId = std::size_t; // place in Deployment::units

// Where a unit takes calls for one of its provides.
struct Inlet {
  std::string name;               // "in-a2a": of the listener
  Source from;                    // the provide
  Capability capability;          // of the provide
  bool http = true;               // else bytes as they are
  std::uint16_t program_port = 0; // of the program; 0: a unit without one
  std::uint16_t mesh_port = 0;
  std::vector<UnitId> callers; // who may call, each once
};

struct InletRef {
  UnitId unit = 0;
  std::size_t inlet = 0;
  bool operator==(const InletRef&) const = default;
};

// Where a unit's program, or the unit itself, sends what is for a slot.
struct Outlet {
  std::string name; // "slot-agent": of the listener
  std::string slot;
  Capability capability;
  bool http = true;
  std::string passes_on;  // an interposer's: the provide whose calls go on here; "" for none
  std::uint16_t port = 0; // of the listener on the program's loopback; 0: a unit without one
  // One of the two: another unit, or a slot of the scenario that whoever runs it fills.
  std::optional<InletRef> to;
  std::string external;
};

struct Export {
  std::string name;
  std::string provide;
  Capability capability;
  bool http = true;
  std::uint16_t program_port = 0; // 0: a unit without a program
};

struct Unit {
  std::string name; // "c1-caller": for services, folders and hosts
  std::vector<ComponentId>
      stands;                  // the component; or the interposers in it, as a request meets them
  bool builtin = false;        // no program: the sidecar does it
  std::vector<Inlet> inlets;   // by provide; of a built-in one the first alone, if any
  std::vector<Outlet> outlets; // by edge; a built-in one has exactly one
  std::vector<Export> exports; // by name
  std::vector<UnitId> needs;   // whom it calls over edges that are not weak, each once
};

struct Deployment {
  std::vector<Unit> units; // by component; what another needs may come later
};

struct DeployFault {
  std::string where; // the moniker of a component
  std::string message, hint;
};

// The endpoints of each component's program, in the order of components; nothing for the others and
// for built-in interposers.
using Endpoints = std::vector<std::vector<ExpandedEndpoint>>;

// nullopt exactly when a fault was added. Requires: `rewritten` is one that rewrite() gave without
// faults.
std::optional<Deployment> deploy(const Scenario& rewritten, const Endpoints& endpoints,
                                 std::vector<DeployFault>& faults);

// "http://127.0.0.1:20000", of each edge of the slot, in the order of edges.
std::vector<std::string> slot_urls(const Unit& unit, const std::string& slot);
// Units in an order in which each comes behind those it needs.
std::vector<UnitId> starting_order(const Deployment& deployment);
// Who a component is towards others: "spiffe://<trust domain>/component/a/b".
std::string identity_of(const Scenario& scenario, const Unit& unit, const std::string& domain);
// Of the scenario as it is: another scenario's identities are nobody here.
std::string trust_domain_of(const Scenario& scenario);

} // namespace sluice::overlay
