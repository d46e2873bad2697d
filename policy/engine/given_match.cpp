#include "policy/engine/given_match.hpp"

#include "policy/engine/host_index.hpp"
#include "policy/engine/wildcard.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <iterator>

namespace sluice::engine {
namespace {

using model::kMinutesOfDay;
using model::kMinutesOfWeek;

unsigned class_bit(model::AddressClass klass) {
  return 1U << static_cast<unsigned>(klass);
}

// What is not known fits as `unknown` says.
bool word_fits(const std::vector<TextPattern>& wanted, std::string_view word, bool unknown) {
  if (wanted.empty()) return true;
  if (word.empty()) return unknown;
  for (const TextPattern& one : wanted) {
    const bool fits =
        one.regex() == nullptr
            ? fits_wildcard(one.text(), word)
            : re2::RE2::FullMatch(re2::StringPiece(word.data(), word.size()), *one.regex());
    if (fits) return true;
  }
  return false;
}

} // namespace

GivenMatch::GivenMatch(const Rule& rule)
    : match_(&rule.match),
      asks_(rule.match.asks_for_what_may_be_unknown() || !rule.match.address_classes.empty()),
      allows_(rule.effect == model::Verdict::allow) {
  for (const auto klass : match_->address_classes)
    classes_ = static_cast<std::uint16_t>(classes_ | class_bit(klass));
  for (const TimeWindow& window : match_->time) add(window);
  std::sort(week_.begin(), week_.end(),
            [](const Stretch& a, const Stretch& b) { return a.begin < b.begin; });
  std::vector<Stretch> joined;
  for (const Stretch& one : week_) {
    if (!joined.empty() && one.begin <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, one.end);
    } else {
      joined.push_back(one);
    }
  }
  week_ = std::move(joined);
}

// What goes over the end of the week begins it, too.
void GivenMatch::add(const TimeWindow& window) {
  const int length = window.end - window.begin + (window.end > window.begin ? 0 : kMinutesOfDay);
  for (int day = 0; day < 7; ++day) {
    if ((window.days >> static_cast<unsigned>(day) & 1U) == 0) continue;
    const int begin = day * kMinutesOfDay + window.begin;
    const int end = begin + length;
    week_.push_back({static_cast<std::uint16_t>(begin),
                     static_cast<std::uint16_t>(std::min<int>(end, kMinutesOfWeek))});
    if (end > kMinutesOfWeek)
      week_.push_back({0, static_cast<std::uint16_t>(end - kMinutesOfWeek)});
  }
}

bool GivenMatch::fits(const model::Given& given) const noexcept {
  return !asks_ || (word_fits(match_->agents, agent_of(given), !allows_) &&
                    word_fits(match_->sessions, session_of(given), !allows_) && fits_time(given));
}

bool GivenMatch::fits_time(const model::Given& given) const noexcept {
  if (week_.empty()) return true;
  if (!given.unix_seconds) return !allows_;
  const auto minute = model::minute_of_week(*given.unix_seconds);
  const auto after =
      std::upper_bound(week_.begin(), week_.end(), minute,
                       [](std::uint16_t value, const Stretch& one) { return value < one.begin; });
  return after != week_.begin() && minute < std::prev(after)->end;
}

// Only a tunnel that has said nothing yet may get a name; a call without TLS has none.
bool GivenMatch::fits_name(const model::EgressCall& call) const noexcept {
  const auto& wanted = match_->server_names;
  if (wanted.empty()) return true;
  if (const auto name = model::server_name(call); !name.empty()) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const HostPattern& one) { return HostIndex::fits_name(one, name); });
  }
  if (call.before_hello) return allows_;
  const bool secure =
      call.protocol == model::Protocol::connect || call.to.scheme == model::Scheme::https;
  return secure && !allows_;
}

bool GivenMatch::fits(const model::EgressCall& call,
                      const model::IpAddress* resolved) const noexcept {
  if (!asks_) return true;
  if (classes_ != 0) {
    const auto& host = call.to.host;
    const bool literal = resolved == nullptr && host.is_address();
    if (resolved == nullptr && !literal) {
      if (!allows_) return false;
    } else if ((classes_ & class_bit((literal ? host.address() : *resolved).classify())) == 0) {
      return false;
    }
  }
  return fits_name(call);
}

} // namespace sluice::engine
