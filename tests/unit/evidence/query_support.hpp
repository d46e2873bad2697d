// A log of calls with different hosts, rules and decisions, and questions about it. Never used by
// the product.
#pragma once

#include "policy/evidence/query.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <future>
#include <string>
#include <vector>

namespace sluice::evidence::test {

inline Record call_record(std::uint64_t n) {
  const std::string host = "host-" + std::to_string(n % 7) + ".example";
  const bool blocked = n % 5 == 0;
  return event_record({"run-" + std::to_string(n / 1000), "session-1", "agent-1"},
                      blocked ? "policy_denied" : "egress_allowed",
                      {{"call_id", "call-" + std::to_string(n)},
                       {"decision", blocked ? "block" : "allow"},
                       {"destination_text", host + ":443"},
                       {"rule_id", "egress[" + std::to_string(n % 3) + "]"}},
                      nullptr);
}

// Record `n` has seq n + 1 and is n seconds after kStart; without a key.
inline void write_calls(const LogConfig& config, std::uint64_t from, std::uint64_t to) {
  ManualClock clock(kStart + static_cast<std::int64_t>(from) * 1'000'000'000);
  const auto log = open_log(config, clock);
  for (std::uint64_t n = from; n < to; ++n) {
    if (n + 1 == to) {
      BOOST_REQUIRE(log->append_and_wait(call_record(n)).has_value());
    } else {
      log->append(call_record(n), nullptr);
    }
    clock.advance(1'000'000'000);
  }
}

struct Answer {
  std::vector<std::uint64_t> seqs;
  std::vector<std::string> notes;
  std::vector<std::string> issues;
  std::string error;
};

inline Answer ask(const std::string& directory, const QueryOptions& options) {
  Answer answer;
  QueryTold told;
  told.each = [&](std::string_view, const Line& line) {
    answer.seqs.push_back(line.seq);
    return true;
  };
  told.note = [&](const std::string& said) { answer.notes.push_back(said); };
  told.issue = [&](const Issue& issue) { answer.issues.push_back(issue.type); };
  const Result<> done = query(directory, options, told);
  if (!done) answer.error = done.error().code;
  return answer;
}

inline QueryOptions by(Fact fact, std::string value) {
  QueryOptions options;
  options.filter.wanted[static_cast<std::size_t>(fact)] = std::move(value);
  return options;
}

} // namespace sluice::evidence::test
