#include "policy/redact/event_lines.hpp"

#include <algorithm>
#include <utility>

namespace sluice::redact {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF"; // byte order
constexpr char kRecord = '\x1E';                   // RFC 7464: before each text

// By windows: a stream of CR only does not search all of it for an LF at each line.
std::size_t find_line_end(std::string_view text, EventLines::Format format) {
  if (format == EventLines::Format::line_each) return text.find('\n');
  constexpr std::size_t kWindow = 256;
  for (std::size_t at = 0; at < text.size(); at += kWindow) {
    const auto window = text.substr(at, kWindow);
    const auto lf = window.find('\n');
    const auto found = std::min(lf, window.substr(0, lf).find('\r'));
    if (found != std::string_view::npos) return at + found;
  }
  return std::string_view::npos;
}

} // namespace

void EventLines::add(std::string_view in) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  buffer_.append(in);
}

void EventLines::skip(std::size_t size) {
  begin_ += size;
  scanned_ = begin_;
}

void EventLines::skip_event(std::size_t size) {
  half_end_ = format_ == Format::server_sent && buffer_[begin_ + size - 1] == '\r';
  skip(size);
}

EventLines::Piece EventLines::take() {
  if (std::exchange(taken_, false)) lines_.clear();
  if (half_end_ && begin_ < buffer_.size()) {
    half_end_ = false;
    if (buffer_[begin_] == '\n') {
      skip(1);
      return {Piece::Kind::as_it_is, "\n"};
    }
  }
  if (inside_) return take_some();
  while (take_line(At::stream)) {
    if (ends_event(lines_.back())) return take_event();
  }
  if (buffer_.size() - begin_ > kLargest) return take_event();
  return {};
}

EventLines::Piece EventLines::take_rest() {
  if (std::exchange(taken_, false)) lines_.clear();
  if (inside_ || begin_ == buffer_.size()) return {};
  while (take_line(At::last_byte)) {
  }
  return {Piece::Kind::event, std::string_view(buffer_).substr(begin_)};
}

bool EventLines::ends_event(const Line& line) const {
  return format_ == Format::line_each || line.begin == line.end;
}

EventLines::Piece EventLines::take_event() {
  const auto size = scanned_ - begin_;
  if (buffer_.size() - begin_ > kLargest &&
      (lines_.empty() || !ends_event(lines_.back()) || size > kLargest)) {
    lines_.clear();
    scanned_ = begin_;
    half_end_ = false;
    inside_ = true, line_begins_ = true, last_ = 0;
    return take_some();
  }
  const auto bytes = std::string_view(buffer_).substr(begin_, size);
  begin_ = scanned_;
  first_ = false;
  taken_ = true;
  return {Piece::Kind::event, bytes};
}

bool EventLines::take_line(At at) {
  const auto from = lines_.empty() ? begin_ : begin_ + lines_.back().next;
  if ((at == At::stream ? scanned_ : from) == buffer_.size()) return false;
  Line line;
  const auto rest = std::string_view(buffer_).substr(scanned_);
  const auto found = find_line_end(rest, format_);
  if (found == std::string_view::npos) {
    scanned_ = buffer_.size();
    if (at == At::stream) return false;
  }
  line.begin = from - begin_;
  line.end = found == std::string_view::npos ? buffer_.size() - begin_ : scanned_ + found - begin_;
  line.next = std::min(line.end + 1, buffer_.size() - begin_);
  const bool blank = line.begin == line.end;
  if (found != std::string_view::npos &&
      rest[found] ==
          '\r') { // the LF that may follow belongs to it; a blank one does not wait for that
    if (!blank && begin_ + line.next == buffer_.size() && at == At::stream) {
      scanned_ += found;
      return false;
    }
    half_end_ = blank;
    if (!blank && begin_ + line.next < buffer_.size() && buffer_[begin_ + line.next] == '\n') {
      ++line.next;
    }
  }
  describe(line);
  scanned_ = begin_ + line.next;
  lines_.push_back(line);
  return true;
}

void EventLines::describe(Line& line) const {
  auto text = std::string_view(buffer_).substr(begin_ + line.begin, line.end - line.begin);
  std::size_t skipped = 0;
  if (first_ && line.begin == 0 && text.starts_with(kMark)) skipped = kMark.size();
  text.remove_prefix(skipped);
  if (format_ == Format::line_each) {
    line.data = true;
    line.value = line.begin + skipped + (text.starts_with(kRecord) ? 1 : 0);
    return;
  }
  line.name = text.starts_with("event:");
  line.data = text == "data" || text.starts_with("data:");
  if (!line.data) return;
  text.remove_prefix(std::min<std::size_t>(text.size(), 5));
  line.value = line.end - text.size() + (text.starts_with(' ') ? 1 : 0);
}

// Bytes of an event that is too large, up to the line end that ends it.
EventLines::Piece EventLines::take_some() {
  const auto rest = ahead();
  std::size_t size = 0;
  bool over = false;
  for (; size < rest.size() && !over; ++size) {
    const char c = rest[size];
    const bool second_half = c == '\n' && std::exchange(last_, c) == '\r';
    last_ = c;
    if (second_half && format_ == Format::server_sent) continue;
    const bool line_end = c == '\n' || (c == '\r' && format_ == Format::server_sent);
    over = line_end && (line_begins_ || format_ == Format::line_each);
    line_begins_ = line_end;
  }
  if (size == 0) return {};
  first_ = false;
  if (over && size > 1) { // first what is before it
    --size;
    line_begins_ = true;
    last_ = 0;
    over = false;
  }
  skip(size);
  if (!over) return {Piece::Kind::too_large, rest.substr(0, size)};
  inside_ = false;
  half_end_ = rest.front() == '\r';
  return {Piece::Kind::its_end, rest.substr(0, 1)};
}

} // namespace sluice::redact
