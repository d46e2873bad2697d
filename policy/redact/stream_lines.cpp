// Stream, the part that finds needles in base64 which was folded at line ends.
#include "policy/redact/stream.hpp"

#include <algorithm>

namespace sluice::redact {

// A needle that goes on after a line end begins in the line before it, and each line that ends is
// looked at once, when its end comes. Gives the place up to which line ends have been dealt with.
std::uint64_t Stream::look_over_lines(const StreamText& text, std::uint64_t line_end,
                                      Ending ending) {
  const char c = text.from(line_end).front();
  const bool may_end = c == '\n' || c == '\r' || c == '\\' || c == '%';
  if (!may_end || line_before(text, line_end) < kShortestLine) {
    return line_end + 1;
  }
  const NeedleSet& needles = compiled().needles(Looking::over_lines);
  if (needles.empty()) return text.end();
  const auto longest = needles.longest();
  const auto begin = line_end - base64_before(text, line_end, longest - 1);
  const JoinedLines lines(text, begin, ~std::size_t{0});
  std::size_t line = 0;
  for (; line < lines.lines() && lines.ended(line); ++line) {
    const auto end = lines.end_of(line);
    for (auto at = end - std::min(longest - 1, end - lines.begin_of(line)); at < end; ++at) {
      const bool whole = at + needles.gram() <= lines.text().size();
      if (whole && !needles.may_begin(lines.text().data() + at)) continue;
      const auto place = lines.place_of(line) + (at - lines.begin_of(line));
      look_in_lines(text, lines, line, at, {place, 0, Looking::over_lines}, ending);
    }
  }
  return std::max(line_end + 1, line < lines.lines() ? lines.place_of(line) : text.end());
}

void Stream::look_in_lines(const StreamText& text, const JoinedLines& lines, std::size_t line,
                           std::size_t at, Start start, Ending ending) {
  const auto rest = lines.text().substr(at);
  const auto in_line = lines.end_of(line) - at;
  const auto more = compiled().needles(start.set).match(rest, [&](const Needle& needle) {
    const auto size = needle.text.size();
    if (size <= start.seen || size <= in_line) return;
    found(text, start.place, lines.place_at(at + size - 1) + 1, needle);
  });
  if (more == NeedleSet::Rest::open && lines.open() && ending == Ending::more_may_come) {
    starts_.push_back({start.place, rest.size(), start.set});
  }
}

void Stream::look_over_lines_again(const StreamText& text, Start start, Ending ending) {
  const JoinedLines lines(text, start.place, compiled().needles(start.set).longest());
  look_in_lines(text, lines, 0, 0, start, ending);
}

} // namespace sluice::redact
