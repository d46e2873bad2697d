#include "proxy/call/message_pipe.hpp"

#include <algorithm>
#include <utility>

namespace sluice::call {
namespace {

using wire::MessageWriter;
using wire::Opcode;

wire::InflateLimits limits_of(std::uint64_t message_bytes) {
  wire::InflateLimits limits;
  limits.message_bytes = message_bytes;
  return limits;
}

bool begins_json(char c) {
  return c == '{' || c == '[';
}

constexpr std::string_view kSpace = " \t\r\n";

} // namespace

MessagePipe::MessagePipe(Config config)
    : config_(std::move(config)),
      reader_(config_.from, config_.deflate, config_.rules ? wire::Inspect::yes : wire::Inspect::no,
              limits_of(config_.message_bytes)),
      writer_(config_.from, config_.deflate), digest_(config_.digest_key) {}

std::optional<wire::WebSocketFault> MessagePipe::feed(std::string_view in, std::string& out) {
  while (true) {
    auto event = reader_.next(in);
    if (const auto* fault = std::get_if<wire::WebSocketFault>(&event)) return *fault;
    if (const auto* begins = std::get_if<wire::MessageBegins>(&event)) {
      begin(*begins);
    } else if (const auto* piece = std::get_if<wire::MessagePiece>(&event)) {
      take(piece->bytes, out);
    } else if (std::holds_alternative<wire::MessageEnds>(event)) {
      end(out);
    } else if (const auto* frame = std::get_if<wire::ControlFrame>(&event)) {
      control(*frame, out);
    } else {
      if (!holds_event_) say(std::exchange(ready_, {}), out);
      return std::nullopt;
    }
  }
}

void MessagePipe::begin(const wire::MessageBegins& begins) {
  is_text_ = begins.text;
  const bool matters = is_text_ && config_.rules && config_.rules->has_vault();
  writing_ = matters ? Writing::unknown : Writing::any;
  payload_ = !begins.compressed ? MessageWriter::Payload::plain
             : config_.rules    ? MessageWriter::Payload::deflate
                                : MessageWriter::Payload::compressed_already;
  // What its sender cuts is meant to be on its way before it is whole.
  holds_event_ = config_.rules && config_.joins_events && begins.text && begins.one_frame &&
                 begins.length <= kLargestEvent;
  if (!holds_event_) writer_.begin(is_text_ ? Opcode::text : Opcode::binary, payload_);
}

bool MessagePipe::may_be_event(std::string_view bytes) const {
  const auto first = bytes.find_first_not_of(kSpace);
  return first == std::string_view::npos || begins_json(bytes[first]);
}

void MessagePipe::say(std::string_view bytes, std::string& out) {
  if (config_.digest_key) said_ += bytes;
  writer_.write(bytes, out);
}

void MessagePipe::say_last(std::string_view bytes, std::string& out) {
  if (config_.digest_key) said_ += bytes;
  writer_.end(bytes, out);
}

void MessagePipe::sent() {
  digest_.feed({}, said_);
  said_.clear();
}

void MessagePipe::take(std::string_view bytes, std::string& out) {
  digest_.feed(bytes, {});
  if (!holds_event_) {
    redact(bytes);
    if (ready_.size() > kLargestFragment) {
      say(ready_, out);
      ready_.clear();
    }
    return;
  }
  ready_ += bytes;
  if (may_be_event(ready_) && ready_.size() <= kLargestEvent) return;
  holds_event_ = false;
  const std::string all = std::exchange(ready_, {});
  writer_.begin(Opcode::text, payload_);
  redact(all);
}

redact::Redactor& MessagePipe::redactor() {
  const bool json = writing_ == Writing::json;
  auto& one = !is_text_ ? binary_ : json ? json_ : text_;
  if (!one) {
    using Mask = redact::Redactor::Mask;
    const auto how = json ? redact::Escape::json : redact::Escape::nothing_special;
    one.emplace(config_.rules, is_text_ ? Mask::placeholder : Mask::keep_length,
                config_.scope.written_as(how));
  }
  return *one;
}

// False: nothing but space has come, and is kept.
bool MessagePipe::learn_writing(std::string_view& bytes) {
  constexpr std::size_t kMostSpace = 256;
  const auto first = std::min(bytes.find_first_not_of(kSpace), bytes.size());
  const auto space = std::min(first, kMostSpace - space_.size());
  space_ += bytes.substr(0, space);
  bytes.remove_prefix(space);
  if (bytes.empty()) return false;
  writing_ = begins_json(bytes.front()) ? Writing::json : Writing::any;
  return true;
}

void MessagePipe::redact(std::string_view bytes) {
  if (!config_.rules) {
    ready_ += bytes;
    return;
  }
  if (writing_ == Writing::unknown && !learn_writing(bytes)) return;
  if (!space_.empty()) feed_redactor(std::exchange(space_, {}));
  feed_redactor(bytes);
}

void MessagePipe::feed_redactor(std::string_view bytes) {
  const auto before = ready_.size();
  redactor().feed(bytes, ready_);
  if (config_.meter) config_.meter->feed(std::string_view(ready_).substr(before));
}

void MessagePipe::redact_rest() {
  if (writing_ == Writing::unknown) writing_ = Writing::any;
  if (!space_.empty()) feed_redactor(std::exchange(space_, {}));
  const auto before = ready_.size();
  redactor().finish(ready_);
  if (!config_.meter) return;
  config_.meter->feed(std::string_view(ready_).substr(before));
  config_.meter->end_text();
}

void MessagePipe::end(std::string& out) {
  ++messages_;
  if (holds_event_) return end_event(out);
  if (config_.rules) redact_rest();
  say_last(std::exchange(ready_, {}), out);
}

void MessagePipe::end_event(std::string& out) {
  holds_event_ = false;
  const std::string all = std::exchange(ready_, {});
  std::vector<std::string> events;
  if (!events_) events_.emplace(config_.rules, redact::EventFormat::message_each, config_.scope);
  if (!events_->take_message(all, events)) {
    writing_ = Writing::any; // it is none
    std::string masked;
    redactor().whole(all, masked);
    events.push_back(std::move(masked));
  }
  write_events(events, out);
}

void MessagePipe::write_events(const std::vector<std::string>& events, std::string& out) {
  for (const auto& event : events) {
    writer_.begin(Opcode::text, payload_);
    say_last(event, out);
  }
}

void MessagePipe::control(const wire::ControlFrame& frame, std::string& out) {
  const bool closes = frame.opcode == Opcode::close;
  if (closes) {
    // Inside a message nothing else can be said; what is held then stays behind.
    if (events_ && !writer_.open()) {
      std::vector<std::string> rest;
      events_->finish_messages(rest);
      payload_ = MessageWriter::Payload::plain;
      write_events(rest, out);
    }
    closed_ = true;
  }
  if (!config_.rules) return writer_.control(frame.opcode, frame.payload, out);
  constexpr std::size_t kCode = 2; // RFC 6455 §5.5.1: then comes the reason
  const auto begin = closes ? std::min(kCode, frame.payload.size()) : 0;
  std::string masked = frame.payload.substr(0, begin);
  if (!control_)
    control_.emplace(config_.rules, redact::Redactor::Mask::keep_length, config_.scope);
  control_->whole(std::string_view(frame.payload).substr(begin), masked);
  if (config_.meter) {
    config_.meter->feed(masked);
    config_.meter->end_text();
  }
  writer_.control(frame.opcode, masked, out);
}

void MessagePipe::close(wire::CloseCode code, std::string_view reason, std::string& out) {
  if (std::exchange(closed_, true)) return;
  writer_.control(Opcode::close, wire::close_payload(code, reason), out);
}

std::string MessagePipe::blocked_by() const {
  for (const auto* one : {&text_, &json_, &binary_, &control_}) {
    if (*one && !(*one)->blocked_by().empty()) return (*one)->blocked_by();
  }
  return events_ ? events_->blocked_by() : std::string();
}

void MessagePipe::stop() {
  std::string nothing;
  for (auto* one : {&text_, &json_, &binary_}) {
    if (*one) (*one)->finish(nothing);
  }
  std::vector<std::string> no_events;
  if (events_) events_->finish_messages(no_events);
}

redact::Findings MessagePipe::findings() const {
  redact::Findings out;
  for (const auto* one : {&text_, &json_, &binary_, &control_}) {
    if (*one) out.merge((*one)->findings());
  }
  if (events_) out.merge(events_->findings());
  return out;
}

} // namespace sluice::call
