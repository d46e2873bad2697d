// What an allow rule lets through in a stretch of time: its limits with a counter. Only the words
// and the numbers; who counts is policy/limits. Never says how much is left.
// Tested by tests/unit/model/quota_test.cpp.
#pragma once

#include "policy/model/reason.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::model {

// In the order in which they are asked: the first that is used up names the refusal.
enum class Quota : std::uint8_t {
  requests_per_minute = 0,
  requests_per_hour,
  requests_per_day,
  bytes_per_day,
  tokens_per_day,
  count_
};
inline constexpr std::size_t kQuotas = static_cast<std::size_t>(Quota::count_);
inline constexpr std::uint64_t kMaxRequestQuota = 1'000'000'000;
inline constexpr std::uint64_t kMaxQuota = (std::uint64_t{1} << 53) - 1; // what JSON can say

std::string_view to_string(Quota quota) noexcept; // as the policy writes it
Reason reason_of(Quota quota) noexcept;           // why a call over it is refused

using QuotaLimits = std::array<std::optional<std::uint64_t>, kQuotas>; // nullopt: no such limit
bool any(const QuotaLimits& limits) noexcept;

struct RuleQuotas {    // of one allow rule of one snapshot
  std::string counter; // what it is counted under; an edit of another rule does not change it
  std::string rule_id, rule_name;
  QuotaLimits limits;
};
// Of all matching allow rules that have some, in source order. Two are equal when they are of the
// same rule of the same snapshot.
using Quotas = std::vector<std::shared_ptr<const RuleQuotas>>;

} // namespace sluice::model
