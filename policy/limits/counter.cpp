#include "policy/limits/counter.hpp"

#include <algorithm>
#include <limits>

namespace sluice::limits {
namespace {

using model::Quota;

constexpr std::int64_t kHour = 3'600, kDay = 86'400;

std::int64_t length_of(Quota quota) noexcept {
  return quota == Quota::requests_per_hour ? kHour : kDay;
}

std::size_t slot_of(std::int64_t second) noexcept {
  return static_cast<std::size_t>(second % MinuteWindow::kSlots);
}

} // namespace

void MinuteWindow::advance(std::int64_t second) noexcept {
  if (second <= second_) return;
  for (std::int64_t at = std::max(second_ + 1, second - kSlots + 1); at <= second; ++at) {
    used_ -= slots_[slot_of(at)];
    slots_[slot_of(at)] = 0;
  }
  second_ = second;
}

void MinuteWindow::add() noexcept {
  auto& slot = slots_[slot_of(second_)];
  if (slot == std::numeric_limits<std::uint32_t>::max()) return;
  ++slot;
  ++used_;
}

void MinuteWindow::give_back(std::int64_t second) noexcept {
  if (second > second_ || second <= second_ - kSlots) return;
  auto& slot = slots_[slot_of(second)];
  if (slot == 0) return;
  --slot;
  --used_;
}

std::int64_t MinuteWindow::seconds_until_free(std::uint64_t limit) const noexcept {
  std::uint64_t left = used_;
  for (std::int64_t at = second_ - kSlots + 1; at <= second_; ++at) {
    if (at < 0) continue;
    left -= slots_[slot_of(at)];
    if (left < limit) return std::max<std::int64_t>(1, at + kSlots - second_);
  }
  return kSlots;
}

void MinuteWindow::restore(std::int64_t second,
                           const std::array<std::uint32_t, kSlots>& slots) noexcept {
  second_ = second;
  slots_ = slots;
  used_ = 0;
  for (const std::uint32_t one : slots_) used_ += one;
}

void FixedWindow::advance(std::int64_t to) noexcept {
  if (to <= number) return;
  number = to;
  used = 0;
}

void FixedWindow::add(std::uint64_t amount) noexcept {
  used = std::min(model::kMaxQuota, used + std::min(model::kMaxQuota, amount));
}

void Counter::advance(std::int64_t second) noexcept {
  second_ = std::max(second_, second);
  minute_.advance(second_);
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    windows_[i].advance(second_ / length_of(static_cast<Quota>(i)));
  }
}

FixedWindow& Counter::window(Quota quota) noexcept {
  return windows_[static_cast<std::size_t>(quota)];
}

const FixedWindow& Counter::window(Quota quota) const noexcept {
  return windows_[static_cast<std::size_t>(quota)];
}

std::uint64_t Counter::used(Quota quota) const noexcept {
  return quota == Quota::requests_per_minute ? minute_.used() : window(quota).used;
}

void Counter::add(Quota quota, std::uint64_t amount) noexcept {
  if (quota == Quota::requests_per_minute) return minute_.add();
  window(quota).add(amount);
}

void Counter::fill(Quota quota, std::uint64_t limit) noexcept {
  auto& of = window(quota);
  of.used = std::max(of.used, limit);
}

void Counter::give_back(Quota quota, std::int64_t second) noexcept {
  if (quota == Quota::requests_per_minute) return minute_.give_back(second);
  auto& of = window(quota);
  if (of.number == second / length_of(quota) && of.used > 0) --of.used;
}

std::int64_t Counter::seconds_until_free(Quota quota, std::uint64_t limit) const noexcept {
  if (quota == Quota::requests_per_minute) return minute_.seconds_until_free(limit);
  const std::int64_t end = (window(quota).number + 1) * length_of(quota);
  return std::max<std::int64_t>(1, end - second_);
}

bool Counter::stale() const noexcept {
  return minute_.used() == 0 && std::all_of(windows_.begin(), windows_.end(),
                                            [](const FixedWindow& one) { return one.used == 0; });
}

} // namespace sluice::limits
