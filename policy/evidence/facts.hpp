// What a record is asked for: its type, run, agent, call, decision, rule and host. Read here, by
// the index and by the filter, so that the two cannot disagree. Pure. Never says what a record
// means, only which words it holds where. Tested by tests/unit/evidence/facts_test.cpp.
#pragma once

#include "policy/evidence/chain.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::evidence {

enum class Fact : std::uint8_t { type = 0, decision, rule, host, agent, call, run };
inline constexpr std::size_t kFactCount = 7;
inline constexpr std::array<std::string_view, kFactCount> kFactNames = {
    "type", "decision", "rule", "host", "agent", "call", "run"};

struct FoundFact {
  Fact fact = Fact::type;
  std::string value;
};
// All of a line, each value once for its fact; a rule by its id and by its name. `out` is cleared.
void facts_of(const Line& line, std::vector<FoundFact>& out);
std::optional<std::int64_t> time_of(const Line& line); // nullopt: not RFC 3339

struct Filter {
  std::array<std::string, kFactCount> wanted; // "" = any
  std::optional<std::int64_t> since, until;   // nanoseconds; from `since` to before `until`
  bool wants(Fact fact) const noexcept { return !wanted[static_cast<std::size_t>(fact)].empty(); }
  const std::string& operator[](Fact fact) const noexcept {
    return wanted[static_cast<std::size_t>(fact)];
  }
  bool empty() const noexcept;
};

class Matcher {
 public:
  explicit Matcher(Filter filter) : filter_(std::move(filter)), any_(filter_.empty()) {}
  const Filter& filter() const noexcept { return filter_; }
  bool matches(const Line& line) { return any_ || (has_facts(line) && in_time(line)); }
  bool has_facts(const Line& line);
  // A record whose time cannot be read is in: nothing says that it is not.
  bool in_time(const Line& line) const;

 private:
  Filter filter_;
  bool any_;
  std::vector<FoundFact> found_;
};

} // namespace sluice::evidence
