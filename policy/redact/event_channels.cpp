#include "policy/redact/event_channels.hpp"

#include "policy/redact/json_text.hpp"

#include <algorithm>

namespace sluice::redact {

void EventForm::write(std::string_view payload, std::string& out) const {
  out += name_line;
  while (true) {
    const auto end = std::min(payload.find('\n'), payload.size());
    out += prefix;
    out += payload.substr(0, end);
    out += line_end;
    if (end == payload.size()) break;
    payload.remove_prefix(end + 1);
  }
  out += last_line;
}

Channels::Found Channels::get(std::uint64_t key) {
  const auto find = [&](std::uint64_t wanted) {
    return std::find_if(all_.begin(), all_.end(),
                        [&](const std::unique_ptr<Channel>& one) { return one->key == wanted; });
  };
  auto found = find(key);
  if (found == all_.end() && all_.size() + 1 >= kMost) found = find(key = 0);
  if (found != all_.end()) return {**found, false};
  all_.push_back(std::make_unique<Channel>(rules_, scope_, key));
  return {*all_.back(), true};
}

// When the last event could not be written as JSON again, what is held stays behind: closed.
void Channels::flush(Channel& channel, std::string& out) {
  ++generation_;
  std::string text;
  channel.redactor.finish(text);
  ended_.merge(channel.redactor.findings());
  if (blocked_by_.empty()) blocked_by_ = channel.redactor.blocked_by();
  if (text.empty() || channel.writing == Channel::Writing::none) return;
  std::string payload = channel.before;
  if (channel.writing == Channel::Writing::json) {
    json_escape(text, payload);
  } else {
    payload += text;
  }
  payload += channel.after;
  channel.form.write(payload, out);
}

std::string Channels::blocked_by() const {
  for (const auto& one : all_) {
    if (!one->redactor.blocked_by().empty()) return one->redactor.blocked_by();
  }
  return blocked_by_;
}

Findings Channels::findings() const {
  Findings out = ended_;
  for (const auto& one : all_) out.merge(one->redactor.findings());
  return out;
}

} // namespace sluice::redact
