// What is counted, for /metrics. Counters only grow; all workers write, the admin thread reads.
// Relaxed atomics: a reader may see one counter a moment before another. Never a label whose values
// come from the agent.
// Tested by tests/e2e/test_admin.py.
#pragma once

#include "policy/evidence/record.hpp"
#include "policy/model/decision.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice::io {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Metrics {
  static constexpr std::size_t kReasons = static_cast<std::size_t>(model::Reason::count_);
  std::array<Counter, 3> decisions;       // by Verdict
  std::array<Counter, kReasons> refusals; // by Reason
  std::array<Counter, 4> outcomes;        // by OutcomeStatus
  Counter bytes_to_upstream, bytes_to_downstream;
  Counter findings;
  Counter dns_answered, dns_refused;
  Counter connections_accepted;

  void decided(const model::Decision& decision) noexcept {
    decisions[static_cast<std::size_t>(decision.verdict)].add();
    if (!decision.allowed()) refusals[static_cast<std::size_t>(decision.reason)].add();
  }
};

} // namespace sluice::io
