#include "policy/redact/event_stream.hpp"

#include "policy/base/bytes.hpp"
#include "policy/redact/event_state.hpp"

#include <algorithm>
#include <utility>

namespace sluice::redact {
namespace {

EventLines::Format lines_of(EventFormat format) {
  return format == EventFormat::server_sent ? EventLines::Format::server_sent
                                            : EventLines::Format::line_each;
}

constexpr std::string_view kMark = "\xEF\xBB\xBF"; // byte order
constexpr std::string_view kBetween = "\xFF";      // messages; in no text

void cut_messages(std::string_view all, std::vector<std::string>& out) {
  while (!all.empty()) {
    const auto end = all.find(kBetween);
    auto message = all.substr(0, end);
    if (message.ends_with('\n')) message.remove_suffix(1); // see EventForm
    out.emplace_back(message);
    all.remove_prefix(end + kBetween.size());
  }
}

} // namespace

std::optional<EventFormat> event_format_of(std::string_view content_type) {
  const auto end = content_type.find_first_of(";,");
  auto type = content_type.substr(0, end);
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  const std::string name = ascii_lower(type);
  if (name == "text/event-stream") return EventFormat::server_sent;
  for (const auto* each : {"application/x-ndjson", "application/ndjson", "application/jsonl",
                           "application/x-jsonlines", "application/jsonlines",
                           "application/stream+json", "application/json-seq"}) {
    if (name == each) return EventFormat::line_each;
  }
  return std::nullopt;
}

EventStream::EventStream(const std::shared_ptr<const RuleSet>& rules, EventFormat format,
                         Scope scope)
    : state_(std::make_unique<State>(rules, format, scope)) {}
EventStream::EventStream(EventStream&&) noexcept = default;
EventStream& EventStream::operator=(EventStream&&) noexcept = default;
EventStream::~EventStream() = default;

void EventStream::feed(std::string_view in, std::string& out) {
  state_->feed(in, out);
}
void EventStream::finish(std::string& out) {
  state_->finish(out);
}
bool EventStream::take_message(std::string_view message, std::vector<std::string>& out) {
  return state_->take_message(message, out);
}
void EventStream::finish_messages(std::vector<std::string>& out) {
  state_->finish_messages(out);
}
Findings EventStream::findings() const {
  return state_->findings();
}
std::string EventStream::blocked_by() const {
  return state_->blocked_by();
}
bool EventStream::rewrote() const noexcept {
  return state_->rewrote();
}

EventStream::State::State(const std::shared_ptr<const RuleSet>& rules, EventFormat format,
                          Scope scope)
    : messages_(format == EventFormat::message_each), lines_(lines_of(format)),
      channels_(rules, scope.written_as(Escape::json_read)),
      bytes_(rules, Redactor::Mask::placeholder, scope.written_as(Escape::nothing_special)),
      whole_(rules, Redactor::Mask::placeholder, scope.written_as(Escape::json_read)),
      probe_(rules, Redactor::Mask::placeholder, scope.written_as(Escape::json_read)) {}

// What blocks is masked, too, so one of these has seen it.
std::string EventStream::State::blocked_by() const {
  for (const auto* one : {&bytes_, &whole_}) {
    if (!one->blocked_by().empty()) return one->blocked_by();
  }
  return channels_.blocked_by();
}

void EventStream::State::feed(std::string_view in, std::string& out) {
  lines_.add(in);
  while (true) {
    const auto known = take_known(out);
    if (known == Known::incomplete) return;
    if (known == Known::taken) continue;
    const auto piece = lines_.take();
    if (piece.kind == EventLines::Piece::Kind::none) return;
    take_piece(piece, out);
  }
}

void EventStream::State::finish(std::string& out) {
  const auto all = [](const Channel&) { return true; };
  const auto rest = lines_.take_rest();
  const bool cut_off = rest.kind == EventLines::Piece::Kind::event;
  // What is held goes before an event that has no end, or it would become a part of it.
  if (cut_off && bytes_idle_ && !has_payload()) channels_.end_those(all, out);
  if (cut_off) take_event(rest.bytes, Then::stream_ends, out);
  bytes_.finish(out);
  std::string clones;
  channels_.end_those(all, clones);
  if (clones.empty()) return;
  rewrote_ = true;
  if (cut_off) out += "\n\n";
  out += clones;
}

bool EventStream::State::take_message(std::string_view message, std::vector<std::string>& out) {
  if (!json_.read(message)) return false;
  std::string before;
  const bool rewritten = take_json(message, message, Then::more_comes, before);
  rewrote_ = rewrote_ || rewritten;
  cut_messages(before, out);
  out.emplace_back(rewritten ? std::string_view(rewritten_) : message);
  return true;
}

void EventStream::State::finish_messages(std::vector<std::string>& out) {
  std::string held;
  channels_.end_those([](const Channel&) { return true; }, held);
  cut_messages(held, out);
}

bool EventStream::State::has_payload() const {
  const auto& lines = lines_.lines();
  return std::any_of(lines.begin(), lines.end(), [](const auto& line) { return line.data; });
}

Findings EventStream::State::findings() const {
  Findings out = bytes_.findings();
  out.merge(whole_.findings());
  out.merge(reported_);
  out.merge(channels_.findings());
  return out;
}

void EventStream::State::take_piece(const EventLines::Piece& piece, std::string& out) {
  switch (piece.kind) {
  case EventLines::Piece::Kind::none: return;
  case EventLines::Piece::Kind::event: return take_event(piece.bytes, Then::more_comes, out);
  case EventLines::Piece::Kind::as_it_is: // after a comment its line end is still on its way
    if (!bytes_idle_) return redact_as_bytes(piece.bytes, out);
    out += piece.bytes;
    return;
  case EventLines::Piece::Kind::too_large: return redact_as_bytes(piece.bytes, out);
  case EventLines::Piece::Kind::its_end:
    bytes_.finish(out);
    bytes_idle_ = true;
    out += piece.bytes;
    return;
  }
}

void EventStream::State::redact_as_bytes(std::string_view bytes, std::string& out) {
  bytes_idle_ = false;
  bytes_.feed(bytes, out);
}

void EventStream::State::take_event(std::string_view event, Then then, std::string& out) {
  if (!has_payload()) return redact_as_bytes(event, out);
  const auto payload = payload_of(event);
  // Lines of JSON that are none are a text of lines: one redactor reads them all.
  if (lines_.format() == EventLines::Format::line_each && !json_.read(payload)) {
    return redact_as_bytes(event, out);
  }
  if (!std::exchange(bytes_idle_, true)) bytes_.finish(out);
  seen_before_ = false;
  const bool rewritten = take_payload(event, payload, then, out);
  rewrote_ = rewrote_ || rewritten;
  const auto from = out.size();
  write_event(event, rewritten, out);
  if (seen_before_ && std::string_view(out).substr(from) == event) remember_shape(event, payload);
}

// The lines of the payload joined: as they stand in the event when there is one.
std::string_view EventStream::State::payload_of(std::string_view event) {
  payload_.clear();
  std::string_view first;
  std::size_t count = 0;
  for (const auto& line : lines_.lines()) {
    if (!line.data) continue;
    const auto value = event.substr(line.value, line.end - line.value);
    if (count++ == 0) {
      first = value;
      continue;
    }
    if (count == 2) payload_ = first;
    payload_ += '\n';
    payload_ += value;
  }
  return count > 1 ? std::string_view(payload_) : first;
}

void EventStream::State::write_event(std::string_view event, bool rewritten, std::string& out) {
  const auto& lines = lines_.lines();
  bool payload_written = false;
  for (std::size_t i = 0; i < lines.size();) {
    if (lines[i].data) {
      if (!rewritten) {
        out += event.substr(lines[i].begin, lines[i].next - lines[i].begin);
      } else if (!std::exchange(payload_written, true)) {
        write_payload(event, out);
      }
      ++i;
      continue;
    }
    const auto begin = lines[i].begin;
    while (i < lines.size() && !lines[i].data && lines[i].begin != lines[i].end) ++i;
    const auto end = i < lines.size() ? lines[i].begin : lines.back().next;
    if (end > begin) write_other_lines(event.substr(begin, end - begin), out);
    if (i < lines.size() && lines[i].begin == lines[i].end) out += event.substr(lines[i++].begin);
  }
}

// Line by line as the payload was; a line more than there were is written like the last.
void EventStream::State::write_payload(std::string_view event, std::string& out) {
  const auto& lines = lines_.lines();
  const auto next_data = [&](std::size_t from) {
    while (from < lines.size() && !lines[from].data) ++from;
    return from;
  };
  std::string_view rest = rewritten_;
  for (auto at = next_data(0);;) {
    const auto end = std::min(rest.find('\n'), rest.size());
    out += event.substr(lines[at].begin, lines[at].value - lines[at].begin);
    out += rest.substr(0, end);
    out += event.substr(lines[at].end, lines[at].next - lines[at].end);
    if (end == rest.size()) return;
    rest.remove_prefix(end + 1);
    if (const auto next = next_data(at + 1); next < lines.size()) at = next;
  }
}

void EventStream::State::write_other_lines(std::string_view lines, std::string& out) {
  if (lines == clean_lines_) {
    out += lines;
    return;
  }
  const auto from = out.size();
  bytes_.whole(lines, out);
  if (std::string_view(out).substr(from) == lines) {
    clean_lines_ = lines;
  } else {
    rewrote_ = true;
  }
}

EventForm EventStream::State::form_of(std::string_view event) {
  EventForm out;
  if (messages_) {
    out.line_end = "\n";
    out.last_line = kBetween;
    return out;
  }
  bool has_prefix = false;
  for (const auto& line : lines_.lines()) {
    const auto text = event.substr(line.begin, line.next - line.begin);
    if (line.name && (text == clean_name_ || finds_nothing(text))) {
      clean_name_ = text;
      out.name_line = text;
    }
    if (!line.data || std::exchange(has_prefix, true)) continue;
    auto prefix = event.substr(line.begin, line.value - line.begin);
    if (prefix.starts_with(kMark)) prefix.remove_prefix(kMark.size());
    out.prefix = prefix;
    out.line_end = event.substr(line.end, line.next - line.end);
    if (out.line_end.empty()) out.line_end = "\n";
  }
  if (lines_.format() == EventLines::Format::server_sent) out.last_line = out.line_end;
  return out;
}

} // namespace sluice::redact
