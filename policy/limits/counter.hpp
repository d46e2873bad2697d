// The counters of one rule: requests of the last minute, hour and day, bytes and tokens of the day.
// The minute slides: in any 60 seconds no more than the limit pass. Hours and days are those of
// UTC. Time is an input, in whole seconds, and one that is earlier than the last changes nothing.
// Not thread-safe. Tested by tests/unit/limits/counter_test.cpp.
#pragma once

#include "policy/model/quota.hpp"

#include <array>
#include <cstdint>

namespace sluice::limits {

// Requests by the second in which they came. The current second and the 60 before it count, so that
// no stretch of 60 seconds, wherever it begins, holds more than the limit.
class MinuteWindow {
 public:
  static constexpr std::int64_t kSlots = 61;
  void advance(std::int64_t second) noexcept;
  void add() noexcept;
  void give_back(std::int64_t second) noexcept; // one that was added in that second
  std::uint64_t used() const noexcept { return used_; }
  // Until one more is let through; at least 1.
  std::int64_t seconds_until_free(std::uint64_t limit) const noexcept;

  std::int64_t second() const noexcept { return second_; }
  const std::array<std::uint32_t, kSlots>& slots() const noexcept { return slots_; }
  void restore(std::int64_t second, const std::array<std::uint32_t, kSlots>& slots) noexcept;

 private:
  std::array<std::uint32_t, kSlots> slots_{}; // by second modulo their number
  std::int64_t second_ = 0;                   // the last that was told
  std::uint64_t used_ = 0;
};

struct FixedWindow { // an hour or a day of UTC
  std::int64_t number = 0;
  std::uint64_t used = 0;
  void advance(std::int64_t to) noexcept; // a later one begins at zero
  void add(std::uint64_t amount) noexcept;
};

class Counter {
 public:
  void advance(std::int64_t second) noexcept;
  std::uint64_t used(model::Quota quota) const noexcept;
  void add(model::Quota quota, std::uint64_t amount) noexcept;      // of requests: one
  void fill(model::Quota quota, std::uint64_t limit) noexcept;      // as if it had been used up
  void give_back(model::Quota quota, std::int64_t second) noexcept; // one request of that second
  std::int64_t seconds_until_free(model::Quota quota, std::uint64_t limit) const noexcept;
  bool stale() const noexcept; // nothing is used: forgetting it changes nothing

  // As the file has them.
  MinuteWindow& minute() noexcept { return minute_; }
  const MinuteWindow& minute() const noexcept { return minute_; }
  FixedWindow& window(model::Quota quota) noexcept; // requires: not of a minute
  const FixedWindow& window(model::Quota quota) const noexcept;

 private:
  std::int64_t second_ = 0;
  MinuteWindow minute_;
  std::array<FixedWindow, model::kQuotas> windows_; // that of the minute stays empty
};

} // namespace sluice::limits
