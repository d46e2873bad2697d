#include "policy/model/quota.hpp"

#include <algorithm>

namespace sluice::model {

std::string_view to_string(Quota quota) noexcept {
  switch (quota) {
  case Quota::requests_per_minute: return "requests_per_minute";
  case Quota::requests_per_hour: return "requests_per_hour";
  case Quota::requests_per_day: return "requests_per_day";
  case Quota::bytes_per_day: return "bytes_per_day";
  case Quota::tokens_per_day: return "tokens_per_day";
  case Quota::count_: break;
  }
  return "requests_per_minute";
}

Reason reason_of(Quota quota) noexcept {
  switch (quota) {
  case Quota::bytes_per_day: return Reason::volume_limit_reached;
  case Quota::tokens_per_day: return Reason::token_limit_reached;
  case Quota::requests_per_minute:
  case Quota::requests_per_hour:
  case Quota::requests_per_day:
  case Quota::count_: break;
  }
  return Reason::request_limit_reached;
}

bool any(const QuotaLimits& limits) noexcept {
  return std::any_of(limits.begin(), limits.end(),
                     [](const auto& limit) { return limit.has_value(); });
}

} // namespace sluice::model
