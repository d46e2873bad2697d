// Who counts: the counters of all rules with limits, for all workers. A call is asked about once,
// before its decision is recorded, and counted in the same step, so that two calls never take one
// last place; what it then carries is told to its Meter. Pure but for its lock: time is an input.
// It never runs backwards: when the wall clock does, it goes on at the pace of the monotonic one,
// so that setting a clock back opens nothing. Never decides: it says what is used up. Tested by
// tests/unit/limits/ledger_test.cpp.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/base/result.hpp"
#include "policy/limits/counter.hpp"
#include "policy/model/quota.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::limits {

inline constexpr std::int64_t kSecond = 1'000'000'000; // nanoseconds

struct Instant {
  std::int64_t unix_nanos = 0, monotonic_nanos = 0;
  static Instant of(const Clock& clock) { return {clock.unix_nanos(), clock.monotonic_nanos()}; }
};

struct Exhausted {
  model::Quota quota = model::Quota::requests_per_minute;
  std::string rule_id, rule_name;
  std::uint64_t limit = 0;
  std::int64_t retry_after = 1; // seconds until all that is used up is free again
  std::string text() const;     // for the agent and the record: which rule, which limit
};

class Ledger;

// What one admitted call counts against. Thread-safe. Requires: the ledger outlives it.
class Meter {
 public:
  // Whether going over a limit stops the call, or is only counted (observe).
  enum class Binding : bool { no, yes };
  struct Line {
    std::shared_ptr<Counter> counter;
    std::shared_ptr<const model::RuleQuotas> rule;
  };
  Meter(Ledger& ledger, std::vector<Line> lines, std::int64_t second, Binding binding);
  ~Meter(); // a call that was not kept gives its requests back
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  void keep() noexcept { kept_ = true; } // the call was admitted
  bool binding() const noexcept { return binding_ == Binding::yes; }
  bool counts_bytes() const noexcept { return counts_bytes_; }
  bool counts_tokens() const noexcept { return counts_tokens_; }
  // Before they go. Refused: none of them may, and the day's bytes of that rule are used up, since
  // the next call would only be cut at the same place.
  std::optional<Exhausted> spend(std::uint64_t bytes);
  void add_tokens(std::uint64_t tokens);

 private:
  Ledger& ledger_;
  const std::vector<Line> lines_;
  const std::int64_t second_; // in which its requests were counted
  const Binding binding_;
  bool counts_bytes_ = false, counts_tokens_ = false;
  bool kept_ = false;
};

struct CounterKey {
  std::string agent, counter;
  bool operator<(const CounterKey& other) const {
    return agent != other.agent ? agent < other.agent : counter < other.counter;
  }
};

struct Admitted {
  std::shared_ptr<Meter> meter;     // null when there is nothing to count, or it was refused
  std::optional<Exhausted> refused; // the first limit that is used up, in source order
};

class Ledger {
 public:
  explicit Ledger(std::string agent) : agent_(std::move(agent)) {}

  Admitted admit(const model::Quotas& quotas, Instant now, Meter::Binding binding);
  void tick(Instant now); // so that a window ends without a call
  // What is used now, for people: of each limit of these rules.
  struct Use {
    std::string rule_id, rule_name;
    model::Quota quota;
    std::uint64_t used, limit;
    std::int64_t resets_in; // seconds; 0: nothing is used
  };
  std::vector<Use> uses(const model::Quotas& quotas, Instant now);

  // The counters of all agents that used this file, as text, when they are others than at the last
  // call; "" otherwise.
  std::string changed_text();
  void not_saved(); // what changed_text() gave is not on the disk: it gives it again
  // Requires: nothing was counted yet. Fails (evidence, "limits_unreadable"), and then nothing is.
  Result<> restore(std::string_view text, const std::string& file);

 private:
  friend class Meter;
  std::int64_t advance(Instant now); // requires the lock; the second it is
  std::int64_t second() const noexcept;
  std::shared_ptr<Counter>& counter_of(const std::string& name);
  std::optional<Exhausted> exhausted(const std::vector<Meter::Line>& lines) const;

  std::mutex lock_;
  std::string agent_;
  std::map<CounterKey, std::shared_ptr<Counter>> counters_;
  std::int64_t nanos_ = 0;     // what time it is for us
  std::int64_t monotonic_ = 0; // when we were told
  bool told_ = false, changed_ = false;
};

} // namespace sluice::limits
