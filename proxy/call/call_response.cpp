// CallMachine, the part that takes the upstream's answer and passes it on.
#include "proxy/call/call_machine.hpp"

#include <utility>

namespace sluice::call {
namespace {

using evidence::OutcomeStatus;
using model::Reason;

constexpr int kInterimLimit = 16;

} // namespace

void CallMachine::handle(ResponseHeadReceived& event, Actions& out) {
  if (state_ != State::streaming || response_begun_) {
    return fail(OutcomeStatus::failed, Reason::upstream_protocol_error, "a head out of turn", out);
  }
  if (event.head.status == 101 && websocket_) {
    outcome_.first_byte_ns = event.after_ns;
    return switch_protocols(std::move(event.head), out);
  }
  if (event.head.status < 200) return interim_response(event.head, out);
  outcome_.first_byte_ns = event.after_ns;
  if (hold_request_ && !request_ended_) {
    return fail(OutcomeStatus::failed, Reason::upstream_protocol_error,
                "an answer before the request", out);
  }
  start_response(std::move(event.head), out);
}

void CallMachine::interim_response(const wire::ResponseHead& head, Actions& out) {
  if (head.status == 101) {
    return fail(OutcomeStatus::failed, Reason::upstream_protocol_error,
                "an upgrade nobody asked for", out);
  }
  if (++interim_count_ > kInterimLimit) {
    return fail(OutcomeStatus::failed, Reason::upstream_protocol_error, "too many interim answers",
                out);
  }
  // Dropped: 100 was ours to send, and too many clients take a 103 for the final answer.
}

bool CallMachine::response_has_body(const wire::ResponseHead& head) const noexcept {
  return request_.method != "HEAD" && head.status != 204 && head.status != 304 &&
         head.framing != wire::BodyFraming::none;
}

void CallMachine::start_response(wire::ResponseHead head, Actions& out) {
  response_begun_ = true;
  outcome_.http_status = head.status;
  keep_upstream_ = head.keep_alive && !websocket_; // no doubt about what it speaks now
  const bool has_body = response_has_body(head);
  card_ = context_.urls && is_card(head);
  const bool rewritten = card_ || (context_.urls && rewrites_response(*context_.urls, head));
  if (has_body && (!change_response(head, rewritten, out) || !read_tokens_of(head, out))) return;
  const auto length = has_body || rewritten ? std::nullopt : length_without_body(head, redaction_);
  prepare_response(head, redaction_, outcome_.findings);
  if (ended_by_rule(out)) return;
  if (rewritten) promise_no_bytes(head.fields);
  if (context_.urls) rewrite_fields(*context_.urls, head.fields);
  if (length) {
    head.framing = wire::BodyFraming::length;
    head.content_length = *length;
  }
  if (has_body) choose_response_framing(head);
  keep_downstream_ = agent_keeps_alive_ && request_ended_ && !context_.last_on_connection &&
                     head.framing != wire::BodyFraming::until_close;
  head.version = wire::Version::http11;
  head.keep_alive = keep_downstream_;
  if (hold_response_) {
    response_ = std::move(head);
    return;
  }
  head_sent_ = true;
  out.push_back(SendResponseHead{std::move(head)});
}

// Requires: it has a body.
bool CallMachine::change_response(const wire::ResponseHead& head, bool rewritten, Actions& out) {
  if (!redaction_.everywhere && !rewritten) return true;
  const auto wrong = [&](std::string detail) {
    fail(OutcomeStatus::failed, Reason::upstream_protocol_error, std::move(detail), out);
    return false;
  };
  if (head.status == 206 || head.status == 226) // half a secret, or a delta, is not a match
    return wrong("a range or delta nobody asked for");
  const auto coding = head.fields.joined("content-encoding");
  if (redaction_.everywhere) {
    auto pipe =
        BodyPipe::redacting(redaction_.everywhere, coding, head.fields.joined("content-type"),
                            redaction_.in(redact::Place::response_body));
    if (!pipe) return wrong("the answer's " + pipe.error().detail);
    response_pipe_ = std::move(pipe.value());
  }
  if (!rewritten) return true;
  BodyPipe::Urls urls = UrlRewriter(context_.urls->response);
  if (card_) {
    const bool is_text = may_hold_urls(head.fields.joined("content-type"));
    urls = AgentCard(context_.urls, context_.whole_body_bytes, is_text);
  }
  card_ = response_pipe_.rewrite(std::move(urls), coding) && card_;
  return true;
}

bool CallMachine::is_card(const wire::ResponseHead& head) const {
  return context_.urls->response && request_.method == "GET" && head.status == 200 &&
         is_card_path(permit_->call().path) && response_has_body(head);
}

// Of a body that may not go on.
void CallMachine::fail_response(const Error& error, Actions& out) {
  if (error.code == "card_signature_lost")
    return fail(OutcomeStatus::blocked, Reason::card_signature_lost, error.detail, out);
  fail(OutcomeStatus::failed, Reason::upstream_protocol_error, "the answer: " + error.detail, out);
}

bool CallMachine::read_tokens_of(const wire::ResponseHead& head, Actions& out) {
  const auto& meter = permit_->meter();
  if (!meter || !meter->counts_tokens()) return true;
  const bool events = redact::event_format_of(head.fields.joined("content-type")).has_value();
  auto usage = std::make_shared<UsageScanner>(events ? UsageScanner::Form::events
                                                     : UsageScanner::Form::whole);
  const auto read =
      response_pipe_.count_into(usage, head.fields.joined("content-encoding"), meter->binding());
  if (!read && meter->binding()) {
    fail(OutcomeStatus::failed, Reason::upstream_protocol_error,
         "its tokens cannot be counted: " + read.error().detail, out);
    return false;
  }
  if (read) usage_ = std::move(usage);
  return true;
}

void CallMachine::choose_response_framing(wire::ResponseHead& head) {
  const bool chunks = downstream_version_ == wire::Version::http11;
  if (card_) {
    hold_response_ = true;
    head.framing = wire::BodyFraming::length; // which one is known at its end
    return;
  }
  const bool changes = response_pipe_.changes();
  if (head.framing == wire::BodyFraming::length && changes && head.content_length > 0) {
    hold_response_ = head.content_length <= context_.whole_body_bytes;
    if (hold_response_) return;
    head.framing = wire::BodyFraming::chunked;
  }
  if (head.framing == wire::BodyFraming::until_close) head.framing = wire::BodyFraming::chunked;
  if (head.framing == wire::BodyFraming::chunked && !chunks) {
    head.framing = wire::BodyFraming::until_close;
  }
}

void CallMachine::handle(ResponseBodyReceived& event, Actions& out) {
  if (state_ == State::switched) return carry(Side::upstream, event.bytes, out);
  if (state_ != State::streaming || !response_begun_) {
    return fail(OutcomeStatus::failed, Reason::upstream_protocol_error, "body out of turn", out);
  }
  std::string bytes;
  std::string& to = hold_response_ ? response_body_ : bytes;
  const auto begin = to.size();
  const auto fed = response_pipe_.feed(event.bytes, to);
  const bool goes = fed && why_blocked().empty();
  response_digest_.feed(event.bytes, std::string_view(to).substr(goes ? begin : to.size()));
  if (!fed) return fail_response(fed.error(), out);
  if (ended_by_rule(out)) return;
  const bool too_much = response_body_.size() > kHeldGrowth * context_.whole_body_bytes;
  const bool room = !hold_response_ || hold_what_is_held();
  if (card_ && !room) return fail(OutcomeStatus::blocked, Reason::too_much_held, "", out);
  if (hold_response_ && (too_much || !room)) {
    hold_response_ = false;
    const bool chunks = downstream_version_ == wire::Version::http11;
    response_.framing = chunks ? wire::BodyFraming::chunked : wire::BodyFraming::until_close;
    head_sent_ = true;
    out.push_back(SendResponseHead{std::move(response_)});
    bytes = std::exchange(response_body_, {});
    (void)hold_what_is_held();
  }
  if (bytes.empty() || !counted(bytes.size(), out)) return;
  outcome_.bytes_to_downstream += bytes.size();
  out.push_back(SendResponseBody{std::move(bytes)});
}

void CallMachine::handle(ResponseEnded& event, Actions& out) {
  if (state_ != State::streaming || !response_begun_) {
    return fail(OutcomeStatus::failed, Reason::upstream_protocol_error, "end out of turn", out);
  }
  end_response(std::move(event.trailers), out);
}

void CallMachine::end_response(wire::Fields trailers, Actions& out) {
  std::string bytes;
  std::string& to = hold_response_ ? response_body_ : bytes;
  const auto begin = to.size();
  if (auto done = response_pipe_.finish(to); !done) return fail_response(done.error(), out);
  if (card_) trailers = {};
  redact_trailers(trailers, redaction_, "response", outcome_.findings);
  if (response_pipe_.rewrites()) promise_no_bytes(trailers);
  if (ended_by_rule(out)) return;
  if (!counted(hold_response_ ? response_body_.size() : bytes.size(), out)) return;
  response_digest_.feed({}, std::string_view(to).substr(begin));
  if (hold_response_) {
    response_.content_length = response_body_.size();
    head_sent_ = true;
    out.push_back(SendResponseHead{std::move(response_)});
    bytes = std::exchange(response_body_, {});
    (void)hold_what_is_held();
  }
  if (!bytes.empty()) {
    outcome_.bytes_to_downstream += bytes.size();
    out.push_back(SendResponseBody{std::move(bytes)});
  }
  out.push_back(SendResponseEnd{std::move(trailers)});
  complete(out);
}

} // namespace sluice::call
