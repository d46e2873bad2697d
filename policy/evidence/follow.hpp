// Goes on where a log ends: hands out what is appended, through the closing of segments, until it
// is told to stop. A line is handed out when it is whole. Follows the chain, so that a log that is
// changed or cut under it is noticed. Never writes, never takes the writer's lock.
// Tested by tests/unit/evidence/follow_test.cpp.
#pragma once

#include "policy/evidence/facts.hpp"
#include "policy/evidence/issue.hpp"
#include "policy/evidence/segments.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace sluice::evidence {

class Follower {
 public:
  using Each = std::function<bool(std::string_view text, const Line&)>;
  using Report = std::function<void(const Issue&)>;
  explicit Follower(std::string directory)
      : reader_(std::move(directory)), chain_(reader_.before()) {}

  // Everything that is whole by now and was not handed out before. False: `each` returned false,
  // the log could not be read, or it is shorter than it was.
  bool read(const Each& each, const Report& report);

 private:
  bool line(const LineReader::Item& item, const Each& each, const Report& report);
  void tell(Issue issue, const Report& report) const;

  SegmentReader reader_;
  ChainCheck chain_;
};

} // namespace sluice::evidence
