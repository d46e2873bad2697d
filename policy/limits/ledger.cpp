#include "policy/limits/ledger.hpp"

#include <algorithm>
#include <utility>

namespace sluice::limits {
namespace {

using model::Quota;
using model::Quotas;

constexpr std::array kRequestQuotas = {Quota::requests_per_minute, Quota::requests_per_hour,
                                       Quota::requests_per_day};

const std::optional<std::uint64_t>& limit_of(const model::RuleQuotas& rule, Quota quota) {
  return rule.limits[static_cast<std::size_t>(quota)];
}

Exhausted named(const model::RuleQuotas& rule, Quota quota) {
  return {quota, rule.rule_id, rule.rule_name, limit_of(rule, quota).value_or(0), 1};
}

} // namespace

std::string Exhausted::text() const {
  return "the limit " + std::string(to_string(quota)) + ": " + std::to_string(limit) +
         " of the rule " + (rule_name.empty() ? rule_id : rule_name) + " is used up";
}

// ---- one call ----------------------------------------------------------------------------------

Meter::Meter(Ledger& ledger, std::vector<Line> lines, std::int64_t second, Binding binding)
    : ledger_(ledger), lines_(std::move(lines)), second_(second), binding_(binding) {
  for (const Line& line : lines_) {
    counts_bytes_ = counts_bytes_ || limit_of(*line.rule, Quota::bytes_per_day);
    counts_tokens_ = counts_tokens_ || limit_of(*line.rule, Quota::tokens_per_day);
  }
}

Meter::~Meter() {
  if (kept_) return;
  const std::lock_guard lock(ledger_.lock_);
  for (const Line& line : lines_) {
    for (const Quota quota : kRequestQuotas) {
      if (limit_of(*line.rule, quota)) line.counter->give_back(quota, second_);
    }
  }
  ledger_.changed_ = true;
}

std::optional<Exhausted> Meter::spend(std::uint64_t bytes) {
  if (!counts_bytes_ || bytes == 0) return std::nullopt;
  const std::lock_guard lock(ledger_.lock_);
  ledger_.changed_ = true;
  std::optional<Exhausted> over;
  for (const Line& line : lines_) {
    const auto& limit = limit_of(*line.rule, Quota::bytes_per_day);
    if (!limit) continue;
    Counter& counter = *line.counter;
    counter.advance(ledger_.second());
    const std::uint64_t used = counter.used(Quota::bytes_per_day);
    if (binding() && (used > *limit || bytes > *limit - used)) {
      counter.fill(Quota::bytes_per_day, *limit);
      if (!over) over = named(*line.rule, Quota::bytes_per_day);
      over->retry_after = counter.seconds_until_free(Quota::bytes_per_day, *limit);
    }
  }
  if (over) return over;
  for (const Line& line : lines_) {
    if (limit_of(*line.rule, Quota::bytes_per_day)) line.counter->add(Quota::bytes_per_day, bytes);
  }
  return std::nullopt;
}

void Meter::add_tokens(std::uint64_t tokens) {
  if (!counts_tokens_ || tokens == 0) return;
  const std::lock_guard lock(ledger_.lock_);
  ledger_.changed_ = true;
  for (const Line& line : lines_) {
    if (!limit_of(*line.rule, Quota::tokens_per_day)) continue;
    line.counter->advance(ledger_.second());
    line.counter->add(Quota::tokens_per_day, tokens);
  }
}

// ---- all calls ---------------------------------------------------------------------------------

std::int64_t Ledger::second() const noexcept {
  return nanos_ / kSecond;
}

std::int64_t Ledger::advance(Instant now) {
  if (told_) nanos_ += std::max<std::int64_t>(0, now.monotonic_nanos - monotonic_);
  monotonic_ = told_ ? std::max(monotonic_, now.monotonic_nanos) : now.monotonic_nanos;
  told_ = true;
  nanos_ = std::max(nanos_, now.unix_nanos);
  return second();
}

std::shared_ptr<Counter>& Ledger::counter_of(const std::string& name) {
  auto& out = counters_[CounterKey{agent_, name}];
  if (!out) out = std::make_shared<Counter>();
  out->advance(second());
  return out;
}

std::optional<Exhausted> Ledger::exhausted(const std::vector<Meter::Line>& lines) const {
  std::optional<Exhausted> out;
  for (const Meter::Line& line : lines) {
    for (std::size_t i = 0; i < model::kQuotas; ++i) {
      const auto quota = static_cast<Quota>(i);
      const auto& limit = limit_of(*line.rule, quota);
      if (!limit || line.counter->used(quota) < *limit) continue;
      if (!out) out = named(*line.rule, quota);
      out->retry_after =
          std::max(out->retry_after, line.counter->seconds_until_free(quota, *limit));
    }
  }
  return out;
}

Admitted Ledger::admit(const Quotas& quotas, Instant now, Meter::Binding binding) {
  Admitted out;
  if (quotas.empty()) return out;
  const std::lock_guard lock(lock_);
  const std::int64_t second = advance(now);
  std::vector<Meter::Line> lines;
  lines.reserve(quotas.size());
  for (const auto& rule : quotas) lines.push_back({counter_of(rule->counter), rule});
  out.refused = exhausted(lines);
  if (out.refused) return out;
  for (const Meter::Line& line : lines) {
    for (const Quota quota : kRequestQuotas) {
      if (limit_of(*line.rule, quota)) line.counter->add(quota, 1);
    }
  }
  changed_ = true;
  out.meter = std::make_shared<Meter>(*this, std::move(lines), second, binding);
  return out;
}

void Ledger::tick(Instant now) {
  const std::lock_guard lock(lock_);
  advance(now);
}

std::vector<Ledger::Use> Ledger::uses(const Quotas& quotas, Instant now) {
  const std::lock_guard lock(lock_);
  advance(now);
  std::vector<Use> out;
  for (const auto& rule : quotas) {
    const Counter& counter = *counter_of(rule->counter);
    for (std::size_t i = 0; i < model::kQuotas; ++i) {
      const auto quota = static_cast<Quota>(i);
      const auto& limit = limit_of(*rule, quota);
      if (!limit) continue;
      const std::uint64_t used = counter.used(quota);
      out.push_back({rule->rule_id, rule->rule_name, quota, used, *limit,
                     used == 0 ? 0 : counter.seconds_until_free(quota, used)});
    }
  }
  return out;
}

} // namespace sluice::limits
