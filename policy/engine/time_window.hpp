// A stretch of time that comes again each week, as `time` of a rule has it, in UTC:
//
//   mon-fri 08:00-18:00    from 08:00 to just before 18:00, on these days
//   sat,sun 10:00-24:00    to the end of the day
//   22:00-06:00            over midnight: it belongs to the day it begins on; without days every
//   day
//
// Reads no clock. Tested by tests/unit/engine/time_window_test.cpp.
#pragma once

#include "policy/engine/pattern.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::engine {

struct TimeWindow {
  std::uint8_t days = 0;            // on which it begins; bit 0 is Monday
  std::uint16_t begin = 0, end = 0; // minutes of a day; an end before the begin is the next day's

  static std::optional<TimeWindow> parse(std::string_view text, PatternFault& fault);
  bool contains(std::int64_t unix_seconds) const noexcept;
  // Whether it holds all of what `other` holds on this day (0 is Monday).
  bool covers(const TimeWindow& other, int day) const noexcept;
  std::uint16_t minutes() const noexcept; // how long it is
  std::string text() const;               // one for each meaning
  bool operator==(const TimeWindow&) const = default;
};

// "mon 08:05", for people.
std::string shown_minute(std::uint16_t minute_of_week);

} // namespace sluice::engine
