// Redacts a stream of events as its reader will read it: the pieces of text that a model sends in
// many events (server-sent, or a line of JSON each) are joined, text by text, and a secret that is
// spread over them is masked where it stands. An event that holds nothing to hide passes byte for
// byte, and at once; text that may yet be part of a secret moves to the next event of its text, and
// goes out in an event like it before the text ends. Output and findings are a function of the
// bytes only. Never lets a byte out that no redactor saw: what cannot be read as an event is
// redacted as bytes. Tested by tests/unit/redact/event_stream_test.cpp.
#pragma once

#include "policy/redact/findings.hpp"
#include "policy/redact/rule_set.hpp"
#include "policy/redact/scope.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

enum class EventFormat : std::uint8_t { server_sent, line_each, message_each };
// Of a Content-Type field value; none: it is no stream of events.
std::optional<EventFormat> event_format_of(std::string_view content_type);

class EventStream {
 public:
  EventStream(const std::shared_ptr<const RuleSet>& rules, EventFormat format, Scope scope = {});
  EventStream(EventStream&&) noexcept;
  EventStream& operator=(EventStream&&) noexcept;
  ~EventStream();

  void feed(std::string_view in, std::string& out);
  void finish(std::string& out); // nothing is fed after it
  // message_each: for events that are whole messages (WebSocket), instead of feed() and finish().
  // Appends what is sent in its place, the message itself last. False, and nothing done: it is no
  // JSON. Requires: UTF-8.
  bool take_message(std::string_view message, std::vector<std::string>& out);
  void finish_messages(std::vector<std::string>& out);
  Findings findings() const;
  std::string blocked_by() const; // see Redactor
  bool rewrote() const noexcept;  // what came out is not, byte for byte, what went in

 private:
  class State;
  std::unique_ptr<State> state_;
};

} // namespace sluice::redact
