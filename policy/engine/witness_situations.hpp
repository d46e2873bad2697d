// By whom, when, under which server name and to which class of address calls are tried that are
// likely to be judged differently: what a rule asks of these, and what just misses it.
// Private to policy/engine: a part of WitnessCalls. Tested by
// tests/unit/engine/policy_diff_test.cpp.
#pragma once

#include "policy/engine/rule.hpp"
#include "policy/engine/witness_calls.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

inline constexpr std::string_view kUnlikely = "sluice-witness"; // a label that nobody has

struct Situation {
  model::Given given;
  std::string sni;
  std::optional<model::IpAddress> address; // that is dialled
};

// What such a pattern matches, where that is simple.
std::string text_of(const TextPattern& pattern);
std::string plain_of(std::string_view regex);
std::string replace_all(std::string text, std::string_view what, std::string_view by);

// At least one, of all rules the same: somebody whom no rule means, on a Monday at noon.
std::vector<Situation> situations_of(const Match& match);
// In words; "" when nothing is given but, unless it is asked for, a time.
std::string describe(const model::EgressCall& call, ShowTime time);

} // namespace sluice::engine
