// What a rule asks of the agent, the session, the time, the server name and the class of the
// address, made ready for the compiled engine: it keeps views of the rule, which must outlive it.
// Never allocates to answer, and never asks rule.hpp or time_window.hpp whether something matches.
// Private to policy/engine. Tested by tests/unit/engine/given_match_test.cpp.
#pragma once

#include "policy/engine/rule.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::engine {

class GivenMatch {
 public:
  explicit GivenMatch(const Rule& rule);

  bool asks() const noexcept { return asks_; } // false: it fits whatever is given
  // Agent, session and time.
  bool fits(const model::Given& given) const noexcept;
  // The rest; `resolved` is what the name of the call resolved to, or null.
  bool fits(const model::EgressCall& call, const model::IpAddress* resolved) const noexcept;

 private:
  struct Stretch { // of the week's minutes, half open
    std::uint16_t begin = 0, end = 0;
  };
  void add(const TimeWindow& window);
  bool fits_time(const model::Given& given) const noexcept;
  bool fits_name(const model::EgressCall& call) const noexcept;

  const Match* match_;
  bool asks_ = false, allows_ = false;
  std::uint16_t classes_ = 0; // bits; 0: any
  std::vector<Stretch> week_; // in order and apart
};

} // namespace sluice::engine
