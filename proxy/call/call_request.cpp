// CallMachine, the part that sends the request: the head with what it is given, the body as it
// comes or once it is whole.
#include "proxy/call/call_machine.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "proxy/call/aws_sigv4.hpp"

#include <utility>

namespace sluice::call {

using evidence::OutcomeStatus;
using model::Reason;

namespace {

constexpr std::string_view kTooLongToSign =
    "the service takes only a body that is signed, and it is longer than limits.whole_body";

} // namespace

// A policy that asks what a body says is asked when it was read.
void CallMachine::ask_gate(model::EgressCall call, Actions& out) {
  using content::Ended;
  call.given = context_.given;
  if (websocket_) { // what it will carry nobody has read
  } else if (request_.framing == wire::BodyFraming::none) {
    call.content = content::read_content(call, {}, Ended::yes);
  } else {
    call.content = content::head_only();
    const auto needed = context_.engine ? context_.engine->body_needed(call) : 0;
    if (needed > 0) {
      state_ = State::inspecting;
      inspection_.emplace(std::move(call), needed, request_);
      if (std::exchange(request_.expects_continue, false)) let_body_come(out);
      return;
    }
  }
  state_ = State::deciding;
  out.push_back(AskGate{std::move(call)});
}

void CallMachine::end_inspection(Actions& out) {
  auto call = inspection_->take_call();
  tree_memory_ = content::memory_of(call.content.get());
  rpc_ids_ = content::request_ids(*call.content);
  rpc_batch_ = call.content->tree.is_list();
  if (!hold_what_is_held()) return refuse(Reason::too_much_held, "", std::move(call), out);
  state_ = State::deciding;
  out.push_back(AskGate{std::move(call)});
}

// What was read for the gate goes as if it came now.
void CallMachine::send_inspected(Actions& out) {
  if (!inspection_) return;
  const std::string bytes = inspection_->take_bytes();
  std::optional<wire::Fields> trailers;
  if (inspection_->ended()) trailers = inspection_->take_trailers();
  inspection_.reset();
  (void)hold_what_is_held();
  if (!bytes.empty()) take_body(bytes, out);
  if (trailers && state_ == State::streaming) take_end(std::move(*trailers), out);
}

// RFC 9110 §10.1.1.
void CallMachine::let_body_come(Actions& out) {
  wire::ResponseHead go_on;
  go_on.status = 100;
  go_on.reason = "Continue";
  go_on.keep_alive = true;
  out.push_back(SendResponseHead{std::move(go_on)});
}

void CallMachine::handle(UpstreamOpened& event, Actions& out) {
  if (state_ != State::connecting) {
    return fail(OutcomeStatus::failed, Reason::internal_error, "an upstream nobody asked for", out);
  }
  state_ = State::streaming;
  upstream_open_ = true;
  reused_ = event.age == ConnectionAge::reused;
  outcome_.address = std::move(event.address);
  outcome_.tls_version = std::move(event.tls_version);
  outcome_.upstream_peer = std::move(event.peer);
  unix_nanos_ = event.unix_nanos;
  if (retried_) { // the head is as it was sent the first time, but for a signature
    send_request_head(out);
    out.push_back(SendRequestEnd{});
    return;
  }
  start_request(out);
}

bool CallMachine::must_be_held() const noexcept {
  return login_.signer() != nullptr && !is_s3(login_.signer()->service);
}

bool CallMachine::can_be_signed(Actions& out) {
  if (auto why = login_.cannot_sign(request_.fields); !why.empty()) {
    fail(OutcomeStatus::blocked, Reason::credential_refused, std::move(why), out);
    return false;
  }
  const bool too_long = request_.framing == wire::BodyFraming::length &&
                        request_.content_length > context_.whole_body_bytes;
  if (!too_long || !must_be_held()) return true;
  fail(OutcomeStatus::blocked, Reason::body_too_large, std::string(kTooLongToSign), out);
  return false;
}

// Of bodies, after each piece. False: there is no room for it.
bool CallMachine::hold_what_is_held() noexcept {
  return held_.hold(request_body_.size() + response_body_.size() + response_pipe_.held() +
                    (inspection_ ? inspection_->memory() : 0) + tree_memory_);
}

// An unknown length is held only to be signed, and to have a length: S3 wants one.
bool CallMachine::held_too_much() const noexcept {
  return request_body_.size() > kHeldGrowth * context_.whole_body_bytes ||
         (request_.framing == wire::BodyFraming::chunked &&
          request_bytes_ > context_.whole_body_bytes);
}

void CallMachine::sign_request() {
  if (login_.signer() == nullptr) return;
  const bool has_body =
      request_.framing == wire::BodyFraming::chunked || request_.content_length > 0;
  const bool seen = hold_request_ || !has_body;
  login_.sign(request_, seen ? to_hex(sha256(request_body_)) : std::string(kUnsignedPayload),
              unix_nanos_);
}

void CallMachine::send_request_head(Actions& out) {
  sign_request();
  outcome_.credentials = permit_->decision().obligations.credentials;
  out.push_back(SendRequestHead{request_});
}

// Before its body, of which nobody knows yet whether it will be the one its digests are of.
void CallMachine::send_head_first(Actions& out) {
  if (request_pipe_.rewrites()) drop_digests(request_.fields);
  send_request_head(out);
}

void CallMachine::start_request(Actions& out) {
  const bool waits = request_.expects_continue;
  prepare_request(request_, std::move(upstream_target_), permit_->call().to, redaction_,
                  outcome_.findings);
  put_chain_fields(request_.fields, permit_->call(),
                   context_.from.outside ? Caller::outside : Caller::known);
  show_pieces(request_.target);
  show_pieces(request_.fields);
  if (ended_by_rule(out)) return;
  if (!login_.empty()) {
    login_.put_into(request_);
  }
  if (websocket_) wire::write_websocket_request(*websocket_, request_);
  // A long body that is masked after all keeps its digest: the upstream then refuses what it got.
  if (request_pipe_.rewrote()) drop_digests(request_.fields);
  const bool rewritten = redaction_.everywhere != nullptr || request_pipe_.rewrites();
  const bool is_signed = login_.signer() != nullptr;
  if (is_signed && request_.framing == wire::BodyFraming::chunked) hold_request_ = true;
  if (request_.framing == wire::BodyFraming::length && (rewritten || is_signed) &&
      request_.content_length > 0) {
    if (request_.content_length <= context_.whole_body_bytes) {
      hold_request_ = true;
    } else {
      request_.framing = wire::BodyFraming::chunked;
    }
  }
  if (waits) let_body_come(out);
  if (!hold_request_) send_head_first(out);
  send_inspected(out);
}

void CallMachine::handle(RequestBodyReceived& event, Actions& out) {
  if (state_ == State::refusing) {
    discarded_ += event.bytes.size();
    if (discarded_ > kDiscardLimit) stop_refusing(out);
    return;
  }
  if (state_ == State::switched) return carry(Side::downstream, event.bytes, out);
  if (state_ == State::inspecting && !request_ended_) {
    if (inspection_->bytes() + event.bytes.size() > context_.request_body_limit)
      return fail(OutcomeStatus::blocked, Reason::body_too_large, "", out);
    const bool more = inspection_->feed(event.bytes);
    if (!hold_what_is_held()) return fail(OutcomeStatus::blocked, Reason::too_much_held, "", out);
    if (!more) end_inspection(out);
    return;
  }
  if (state_ != State::streaming || request_ended_) {
    return fail(OutcomeStatus::failed, Reason::internal_error, "body out of turn", out);
  }
  take_body(event.bytes, out);
}

void CallMachine::take_body(std::string_view received, Actions& out) {
  request_bytes_ += received.size();
  if (request_bytes_ > context_.request_body_limit) {
    return fail(OutcomeStatus::blocked, Reason::body_too_large, "", out);
  }
  std::string bytes;
  std::string& to = hold_request_ ? request_body_ : bytes;
  const auto begin = to.size();
  const auto fed = request_pipe_.feed(received, to);
  const bool goes = fed && why_blocked().empty();
  request_digest_.feed(received, std::string_view(to).substr(goes ? begin : to.size()));
  if (!fed) {
    return fail(OutcomeStatus::blocked, Reason::content_undecodable, fed.error().detail, out);
  }
  if (ended_by_rule(out)) return;
  const bool room = !hold_request_ || hold_what_is_held();
  if (hold_request_ && (!room || held_too_much())) {
    if (must_be_held()) {
      if (!room) return fail(OutcomeStatus::blocked, Reason::too_much_held, "", out);
      return fail(OutcomeStatus::blocked, Reason::body_too_large, std::string(kTooLongToSign), out);
    }
    hold_request_ = false;
    request_.framing = wire::BodyFraming::chunked;
    send_head_first(out);
    bytes = std::exchange(request_body_, {});
    (void)hold_what_is_held();
  }
  if (bytes.empty() || !counted(bytes.size(), out)) return;
  outcome_.bytes_to_upstream += bytes.size();
  out.push_back(SendRequestBody{std::move(bytes)});
}

void CallMachine::handle(RequestEnded& event, Actions& out) {
  const bool again = std::exchange(request_ended_, true);
  if (state_ == State::refusing) {
    state_ = State::done;
    out.push_back(Finished{});
    return;
  }
  if (state_ == State::inspecting && !again) {
    inspection_->end(std::move(event.trailers));
    return end_inspection(out);
  }
  if (state_ != State::streaming || again) {
    return fail(OutcomeStatus::failed, Reason::internal_error, "end out of turn", out);
  }
  unix_nanos_ = event.unix_nanos;
  take_end(std::move(event.trailers), out);
}

void CallMachine::take_end(wire::Fields trailers, Actions& out) {
  std::string bytes;
  std::string& to = hold_request_ ? request_body_ : bytes;
  const auto begin = to.size();
  if (request_.framing != wire::BodyFraming::none) {
    if (auto done = request_pipe_.finish(to); !done) {
      return fail(OutcomeStatus::blocked, Reason::content_undecodable, done.error().detail, out);
    }
  }
  std::string no_target;
  login_.make_room(trailers, no_target);
  if (permit_->credentials() && holds_placeholder(trailers, no_target))
    return fail(OutcomeStatus::blocked, Reason::credential_refused,
                std::string(kMisplacedPlaceholder), out);
  redact_trailers(trailers, redaction_, "request", outcome_.findings);
  show_pieces(trailers);
  if (ended_by_rule(out)) return;
  request_digest_.feed({}, std::string_view(to).substr(begin));
  if (request_pipe_.rewrote()) drop_digests(trailers);
  if (!counted(hold_request_ ? request_body_.size() : bytes.size(), out)) return;
  if (hold_request_) {
    if (request_pipe_.rewrote()) drop_digests(request_.fields);
    request_.content_length = request_body_.size();
    if (trailers.all().empty()) request_.framing = wire::BodyFraming::length;
    send_request_head(out);
    bytes = std::exchange(request_body_, {});
    (void)hold_what_is_held();
  }
  if (!bytes.empty()) {
    outcome_.bytes_to_upstream += bytes.size();
    out.push_back(SendRequestBody{std::move(bytes)});
  }
  out.push_back(SendRequestEnd{std::move(trailers)});
}

} // namespace sluice::call
