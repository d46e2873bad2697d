// Calls that are likely to be judged differently by two policies: for each rule of either its
// hosts, ports, methods, paths and schemes as somebody might call them, and what only just misses
// them, combined. They find differences by example: a difference between two policies that is in
// none of them is not seen. The same two policies give the same calls. Never resolves a name.
// Tested by tests/unit/engine/policy_diff_test.cpp.
#pragma once

#include "policy/engine/snapshot.hpp"
#include "policy/model/egress_call.hpp"

#include <cstddef>
#include <functional>
#include <string>

namespace sluice::engine {

inline constexpr std::size_t kMostCallsOfARule = 4'096;     // by http, and by https
inline constexpr std::size_t kMostWitnessCalls = 1'000'000; // of both policies

struct WitnessSweep {
  std::size_t calls = 0;
  bool all = true; // false: there were more combinations than are tried
};

// Hands out the calls, of the first rules first.
WitnessSweep each_witness_call(const Snapshot& a, const Snapshot& b,
                               const std::function<void(const model::EgressCall&)>& each);

// As `policy explain METHOD URL` takes it.
std::string method_of(const model::EgressCall& call);
std::string url_of(const model::EgressCall& call);
// The rest, in words: what is called there, by whom, when; "" when nothing is to be said.
enum class ShowTime : bool { no, yes };
std::string circumstances_of(const model::EgressCall& call, ShowTime time);

} // namespace sluice::engine
