// The box around the command of `sluice exec`: what of ours it must not see, whom it runs as, the
// sidecar's listeners inside it, and the proof, on record. Never leaves a box usable whose probe
// did not hold. Tested by tests/e2e/test_exec.py.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/contain/box.hpp"
#include "proxy/runtime/runtime.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::cli {

struct BoxWish {
  std::string user;         // --user; "": whoever called sudo, else nobody
  std::string state_folder; // of `exec --allow`: hidden as a whole; "" for none
  std::string trust_bundle; // what clients must be able to read to trust our CA; "" for none
  // Of a component of a scenario: listeners of the config by the port in the box that they serve,
  // what of others it must not see, and whether calls go in.
  std::map<std::uint16_t, std::string> slots = {};
  std::vector<std::string> hidden = {};
  bool door = false;
  bool own_files = false; // and what others could see, it cannot write, see BoxOptions
  std::vector<std::string> kept = {};
};

// Makes the box, and in `config` the listeners that serve it. Before any thread exists.
Result<std::unique_ptr<contain::Box>> make_box(runtime::Config& config, const BoxWish& wish);

// The report goes on record before anybody gets it.
Result<contain::ProbeReport> probe_box(contain::Box& box, runtime::Runtime& runtime);
Json to_json(const contain::ProbeReport& report);
// Fails (config, "containment_not_proven") with the checks that failed.
Result<> prove_box(contain::Box& box, runtime::Runtime& runtime);

} // namespace sluice::cli
