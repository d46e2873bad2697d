// Where the matches of formats without an anchor have been, of one piece of a stream. Two that meet
// in the same state have the same future, so one that began later inside the earlier adds nothing:
// neither to what is masked nor to what is counted. Hence it does not matter when it is given up,
// and a text that repeats the beginning of a rule is read about once. Never says so of two that may
// still end differently. Private to policy/redact. Tested by tests/unit/redact/user_rule_test.cpp.
#pragma once

#include "policy/redact/candidate.hpp"

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

namespace sluice::redact {

class Trails {
 public:
  static constexpr std::uint64_t kStride = 128; // bytes from a stop to the next

  static bool follows(const Needle& needle) noexcept;
  // Requires: all of a needle come in the order of their beginnings, each once to a place.
  bool joins(const Candidate& one);
  void forget() noexcept { stops_.clear(); } // the piece ends

  // What is certain of a match, and whether all of one is inside an earlier one.
  void note(const Candidate& one);
  bool is_inside_earlier(const Candidate& one) const;

 private:
  struct Way {
    std::uint64_t matched_until, secret_begin, secret_last;
  };
  struct Reach {
    std::uint64_t anchor, begin, end;
  };
  using Stop = std::tuple<std::uint64_t, const Needle*, Shape::State, unsigned>;

  std::map<Stop, std::vector<Way>> stops_;
  std::map<const Needle*, Reach> farthest_; // kept for the few rules that are there
};

} // namespace sluice::redact
