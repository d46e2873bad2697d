// What a second policy lets pass, refuses, or does to calls that a first one judges otherwise: each
// by a call that both engines judge so. Found by example (witness_calls.hpp): what is reported
// differs for certain, and what is not reported may differ all the same. What is no matter of a
// call, how masks look and what is looked for, is compared as it is written.
// Tested by tests/unit/engine/policy_diff_test.cpp and tests/property/diff_property_test.cpp.
#pragma once

#include "policy/engine/snapshot.hpp"
#include "policy/engine/witness_calls.hpp"
#include "policy/model/decision.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

enum class Change : std::uint8_t {
  newly_allowed = 0,
  newly_needs_approval,
  newly_blocked,
  loosened,
  tightened,
  changed // one way or the other: a person has to look
};
std::string_view to_string(Change change) noexcept; // as in JSON

struct CallChange {
  Change change = Change::changed;
  model::EgressCall call; // the example
  model::Decision before, after;
  std::vector<std::string> what; // of the duties, when the verdict is the same
};

struct SettingChange {
  Change change = Change::changed;
  std::string what;
};

struct PolicyDiff {
  std::vector<CallChange> calls; // one for each change, pair of rules and difference of duties
  std::vector<SettingChange> settings;
  WitnessSweep sweep;
  bool same = false;             // the two mean the same to the last bit
  ShowTime times = ShowTime::no; // yes: one of the two asks for the time
};

PolicyDiff diff_policies(const std::shared_ptr<const Snapshot>& a,
                         const std::shared_ptr<const Snapshot>& b);

} // namespace sluice::engine
