#include "policy/evidence/follow.hpp"

#include "policy/evidence/log_walk.hpp"

#include <optional>
#include <utility>

namespace sluice::evidence {

bool Follower::read(const Each& each, const Report& report) {
  while (true) {
    const LineReader::Item item = reader_.next();
    if (item.kind == LineReader::Kind::end) {
      if (!reader_.was_cut()) return true;
      tell({"tail_truncation", "the log is shorter than it was", 0, chain_.head().seq}, report);
      return false;
    }
    if (item.kind == LineReader::Kind::torn && reader_.in_last()) {
      reader_.again(item); // the writer is not done with it
      return true;
    }
    if (std::optional<Issue> issue = issue_of(item)) {
      tell(std::move(*issue), report);
      if (item.kind == LineReader::Kind::failed) return false;
      continue;
    }
    if (!line(item, each, report)) return false;
  }
}

bool Follower::line(const LineReader::Item& item, const Each& each, const Report& report) {
  std::size_t stopped_at = 0;
  const std::optional<Line> line = parse_line(item.text, stopped_at);
  if (!line) {
    tell(not_canonical(item.number, stopped_at), report);
    return true;
  }
  if (std::optional<Issue> issue = chain_.next(*line)) {
    issue->line = item.number;
    tell(std::move(*issue), report);
  }
  return each(item.text, *line);
}

void Follower::tell(Issue issue, const Report& report) const {
  if (!reader_.in_last()) issue.file = reader_.file();
  report(issue);
}

} // namespace sluice::evidence
