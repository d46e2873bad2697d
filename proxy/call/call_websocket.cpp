// CallMachine, the part that comes after a switch to WebSocket: each direction is a pipe of
// messages, and the call ends with the closing handshake, or closed.
#include "proxy/call/call_machine.hpp"

#include <utility>

namespace sluice::call {
namespace {

using evidence::OutcomeStatus;
using model::Reason;
using wire::CloseCode;
using wire::WebSocketPeer;

Reason reason_of(Side at_fault, CloseCode code) {
  if (at_fault == Side::upstream) return Reason::upstream_protocol_error;
  return code == CloseCode::message_too_big ? Reason::body_too_large : Reason::framing_invalid;
}

} // namespace

void CallMachine::switch_protocols(wire::ResponseHead head, Actions& out) {
  const auto agreed = wire::read_websocket_answer(*websocket_, request_, head);
  if (!agreed || !request_ended_) {
    return fail(OutcomeStatus::failed, Reason::upstream_protocol_error,
                agreed ? "a switch before the end of the request" : agreed.error().detail, out);
  }
  MessagePipe::Config up;
  up.from = WebSocketPeer::client;
  up.deflate = agreed.value().deflate;
  up.rules = redaction_.everywhere;
  up.scope = redaction_.in(redact::Place::request_body);
  up.message_bytes = context_.request_body_limit;
  up.digest_key = context_.digest_key;
  MessagePipe::Config down = up;
  up.meter = drip_;
  down.from = WebSocketPeer::server;
  down.scope = redaction_.in(redact::Place::response_body);
  down.joins_events = true;
  down.message_bytes = wire::InflateLimits().message_bytes;
  messages_up_.emplace(std::move(up));
  messages_down_.emplace(std::move(down));

  response_begun_ = true;
  outcome_.http_status = head.status;
  prepare_response(head, redaction_, outcome_.findings);
  if (ended_by_rule(out)) return;
  wire::write_websocket_answer(*websocket_, agreed.value(), head);
  head.version = wire::Version::http11;
  head_sent_ = true;
  state_ = State::switched;
  out.push_back(SendResponseHead{std::move(head)});
}

void CallMachine::carry(Side from, std::string_view bytes, Actions& out) {
  const bool up = from == Side::downstream;
  std::string frames;
  auto& pipe = up ? *messages_up_ : *messages_down_;
  const auto fault = pipe.feed(bytes, frames);
  if (const auto rule = pipe.blocked_by(); !rule.empty()) {
    pipe.stop();
    return fail(OutcomeStatus::blocked, Reason::secret_blocked, "the redaction rule " + rule, out);
  }
  if (ended_by_rule(out)) return;
  if (!spend(frames.size())) {
    return fail(OutcomeStatus::interrupted, Reason::byte_limit_reached, "", out);
  }
  if (!counted(frames.size(), out)) return;
  pipe.sent();
  if (!frames.empty() && up) {
    outcome_.bytes_to_upstream += frames.size();
    out.push_back(SendRequestBody{std::move(frames)});
  } else if (!frames.empty()) {
    outcome_.bytes_to_downstream += frames.size();
    out.push_back(SendResponseBody{std::move(frames)});
  }
  if (fault) return break_off(from, *fault, out);
  if (messages_up_->closed() && messages_down_->closed()) {
    end_messages(OutcomeStatus::succeeded, Reason::none, "", out);
  }
}

// Of both directions together, before they go.
bool CallMachine::spend(std::size_t bytes) {
  const auto& limit = permit_->decision().obligations.byte_limit;
  return !limit || outcome_.bytes_to_upstream + outcome_.bytes_to_downstream + bytes <= *limit;
}

void CallMachine::break_off(Side at_fault, const wire::WebSocketFault& fault, Actions& out) {
  const Reason reason = reason_of(at_fault, fault.code);
  const auto word = model::row(reason).code;
  if (at_fault == Side::downstream) {
    close_frames(fault.code, CloseCode::going_away, word, out);
  } else {
    close_frames(CloseCode::bad_gateway, fault.code, word, out);
  }
  const auto status = at_fault == Side::upstream         ? OutcomeStatus::failed
                      : reason == Reason::body_too_large ? OutcomeStatus::blocked
                                                         : OutcomeStatus::interrupted;
  end_messages(status, reason, std::string(fault.phrase), out);
}

// What is stopped by us says so; an upstream that may hear nothing more gets nothing more.
void CallMachine::fail_switched(OutcomeStatus status, Reason reason, std::string detail,
                                Actions& out) {
  const bool cut = reason == Reason::killed || reason == Reason::policy_changed ||
                   reason == Reason::byte_limit_reached || reason == Reason::secret_blocked ||
                   reason == Reason::volume_limit_reached;
  const auto to_agent = cut                          ? CloseCode::policy_violation
                        : reason == Reason::draining ? CloseCode::going_away
                                                     : CloseCode::bad_gateway;
  if (!cut) {
    close_frames(to_agent, CloseCode::going_away, model::row(reason).code, out);
    return end_messages(status, reason, std::move(detail), out);
  }
  close_frames(to_agent, std::nullopt, model::row(reason).code, out);
  state_ = State::done;
  upstream_open_ = false;
  close_permit(status, reason, std::move(detail));
  out.push_back(AbandonUpstream{});
  out.push_back(AbortDownstream{});
  out.push_back(Finished{});
}

// Without a closing handshake the other side learns it the same way. After a close of either side
// the end is what was asked for.
void CallMachine::peer_left(Side side, Actions& out) {
  const bool asked_for = messages_up_->closed() || messages_down_->closed();
  const Reason reason =
      side == Side::downstream ? Reason::downstream_closed : Reason::upstream_closed;
  end_messages(asked_for ? OutcomeStatus::succeeded : OutcomeStatus::interrupted,
               asked_for ? Reason::none : reason, "", out);
}

void CallMachine::close_frames(std::optional<CloseCode> to_agent,
                               std::optional<CloseCode> to_upstream, std::string_view reason,
                               Actions& out) {
  std::string frame;
  if (to_agent) messages_down_->close(*to_agent, reason, frame);
  if (!frame.empty()) out.push_back(SendResponseBody{std::exchange(frame, {})});
  if (to_upstream) messages_up_->close(*to_upstream, "", frame);
  if (!frame.empty()) out.push_back(SendRequestBody{std::move(frame)});
}

void CallMachine::end_messages(OutcomeStatus status, Reason reason, std::string detail,
                               Actions& out) {
  state_ = State::done;
  upstream_open_ = false;
  close_permit(status, reason, std::move(detail));
  out.push_back(CloseUpstream{});
  out.push_back(CloseDownstream{});
  out.push_back(Finished{});
}

void CallMachine::note_messages() {
  if (!messages_up_) return;
  outcome_.messages_to_upstream = messages_up_->messages();
  outcome_.messages_to_downstream = messages_down_->messages();
  for (const auto* pipe : {&*messages_up_, &*messages_down_}) {
    auto found = pipe->findings();
    if (found.empty()) continue;
    outcome_.findings.push_back(
        {pipe == &*messages_up_ ? "request" : "response", "message", std::move(found)});
  }
}

} // namespace sluice::call
