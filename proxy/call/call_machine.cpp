#include "proxy/call/call_machine.hpp"

#include "policy/base/bytes.hpp"
#include "proxy/call/problem.hpp"

#include <utility>

namespace sluice::call {
namespace {

using evidence::OutcomeStatus;
using model::Reason;

Reason reason_of(const wire::ProtocolError& error) {
  switch (error.fault) {
  case wire::ProtocolFault::head_too_large: return Reason::header_too_large;
  case wire::ProtocolFault::version: return Reason::protocol_unsupported;
  case wire::ProtocolFault::framing:
  case wire::ProtocolFault::end_of_stream: break;
  }
  return Reason::framing_invalid;
}

bool safe_to_repeat(const wire::RequestHead& head) {
  return head.framing == wire::BodyFraming::none &&
         (head.method == "GET" || head.method == "HEAD" || head.method == "OPTIONS");
}

} // namespace

CallMachine::CallMachine(CallContext context)
    : context_(std::move(context)), held_(context_.held), request_digest_(context_.digest_key),
      response_digest_(context_.digest_key) {}

void CallMachine::on(Event event, Actions& out) {
  std::visit([this, &out](auto& happened) { handle(happened, out); }, event);
  if (state_ == State::done || state_ == State::refusing) open_call_.close();
}

bool CallMachine::wants(Side side) const noexcept {
  if (state_ == State::switched) return true;
  if (side == Side::upstream) return state_ == State::streaming && upstream_open_;
  if (request_ended_) return false;
  return state_ == State::idle || state_ == State::inspecting || state_ == State::streaming ||
         state_ == State::refusing;
}

// ---- the request, up to the gate -------------------------------------------------------------

void CallMachine::handle(RequestHeadReceived& event, Actions& out) {
  if (state_ != State::idle) {
    return fail(OutcomeStatus::failed, Reason::internal_error, "a second head in one call", out);
  }
  request_ = std::move(event.head);
  downstream_version_ = request_.version;
  // HTTP/1.0 keep-alive would need a Connection field of its own; closing is always right.
  agent_keeps_alive_ = request_.keep_alive && request_.version == wire::Version::http11;
  const auto said =
      take_chain_fields(request_.fields); // before they could be taken for the agent's
  // What is in progress here did not lead to what somebody else asks for.
  const OpenCalls* open = context_.from.outside ? nullptr : context_.open_calls.get();
  auto assembly = assemble(context_.from, request_, context_.call_id);
  if (auto* fault = std::get_if<AssemblyFault>(&assembly)) {
    std::optional<model::EgressCall> call;
    if (fault->facts) {
      call = std::move(fault->facts->call);
      place_in_chain(call->chain, said, open);
    }
    return refuse(fault->reason, fault->detail, std::move(call), out);
  }
  auto& facts = std::get<Assembled>(assembly);
  place_in_chain(facts.call.chain, said, open);
  take_head(facts, out);
}

void CallMachine::take_head(Assembled& facts, Actions& out) {
  if (facts.call.chain.hops > context_.hop_limit) {
    return refuse(Reason::hop_limit_reached, "limits.hops is " + std::to_string(context_.hop_limit),
                  std::move(facts.call), out);
  }
  if (request_.wants_upgrade && !ask_for_upgrade(facts, out)) return;
  if (request_.framing == wire::BodyFraming::length &&
      request_.content_length > context_.request_body_limit) {
    return refuse(Reason::body_too_large, "", std::move(facts.call), out);
  }
  hide_query_keys(facts.call, facts.upstream_target, context_.redaction);
  upstream_target_ = std::move(facts.upstream_target);
  ask_gate(std::move(facts.call), out);
}

// An upgrade to cleartext HTTP/2 may be ignored (RFC 9110 §7.8) and many clients offer it unasked;
// every other but WebSocket asks for bytes we would not understand.
bool CallMachine::ask_for_upgrade(Assembled& facts, Actions& out) {
  if (ascii_lower(request_.fields.joined("upgrade")) == "h2c") return true;
  if (!wire::asks_for_websocket(request_)) {
    refuse(Reason::upgrade_unsupported, "", std::move(facts.call), out);
    return false;
  }
  facts.call.protocol = model::Protocol::websocket;
  auto asked = wire::read_websocket_request(request_);
  if (!asked) {
    refuse(Reason::framing_invalid, asked.error().detail, std::move(facts.call), out);
    return false;
  }
  websocket_ = std::move(asked.value());
  return true;
}

void CallMachine::refuse(Reason reason, std::string detail, std::optional<model::EgressCall> call,
                         Actions& out) {
  state_ = State::deciding;
  Refusal refusal{context_.call_id, model::Decision::refuse(reason), std::move(detail)};
  out.push_back(RecordRefusal{std::move(refusal), std::move(call)});
}

void CallMachine::handle(Refused& event, Actions& out) {
  if (state_ != State::deciding) {
    return fail(OutcomeStatus::failed, Reason::internal_error, "a refusal nobody asked for", out);
  }
  send_problem(event.refusal, out);
}

void CallMachine::send_problem(const Refusal& refusal, Actions& out) {
  const Reason reason = refusal.decision.reason;
  // The rest of the request is read and thrown away so that the connection can go on, unless its
  // framing is in doubt, it is too long, or the agent waits for a 100 it will not get.
  const int status = model::row(reason).status;
  const bool framing_known = status != 400 && status != 408 && status != 413 && status != 431;
  const bool short_rest = request_ended_ || request_.framing == wire::BodyFraming::none ||
                          (request_.framing == wire::BodyFraming::length &&
                           request_.content_length <= kDiscardLimit && !request_.expects_continue);
  keep_downstream_ =
      framing_known && short_rest && agent_keeps_alive_ && !context_.last_on_connection;
  auto problem = answer_to(refusal, keep_downstream_ ? AfterRefusal::keep_connection
                                                     : AfterRefusal::close_connection);
  head_sent_ = true;
  out.push_back(SendResponseHead{std::move(problem.head)});
  if (request_.method != "HEAD") out.push_back(SendResponseBody{std::move(problem.body)});
  out.push_back(SendResponseEnd{});
  if (keep_downstream_ && !request_ended_) {
    state_ = State::refusing;
    return;
  }
  state_ = State::done;
  if (!keep_downstream_) out.push_back(CloseDownstream{});
  out.push_back(Finished{});
}

ProblemResponse CallMachine::answer_to(const Refusal& refusal, AfterRefusal after) const {
  if (rpc_ids_.empty() || !is_rpc_error(refusal.decision.reason))
    return problem_response(refusal, context_.run_id, after);
  const auto accepts = ascii_lower(request_.fields.joined("accept"));
  const bool events = accepts.find("text/event-stream") != std::string::npos &&
                      accepts.find("json") == std::string::npos &&
                      accepts.find("*/*") == std::string::npos;
  return rpc_response(refusal, context_.run_id, after, rpc_ids_, rpc_batch_,
                      events ? RpcForm::events : RpcForm::json);
}

// The rest of a refused request is no longer worth reading.
void CallMachine::stop_refusing(Actions& out) {
  state_ = State::done;
  out.push_back(CloseDownstream{});
  out.push_back(Finished{});
}

void CallMachine::handle(Admitted& event, Actions& out) {
  if (state_ != State::deciding) {
    permit_ = std::move(event.permit);
    return fail(OutcomeStatus::failed, Reason::internal_error, "a permit nobody asked for", out);
  }
  permit_ = std::move(event.permit);
  state_ = State::connecting;
  const auto& chain = permit_->call().chain;
  if (!chain.peer.empty() || context_.from.outside)
    open_call_ = OpenCall(context_.open_calls, permit_->call().call_id, chain.hops);
  const auto& content = permit_->call().content; // of which a large tree did not stay
  if (!content || content->state != model::Content::State::json) tree_memory_ = 0;
  if (permit_->redact()) redaction_ = context_.redaction;
  if (redaction_.drip) drip_ = std::make_shared<redact::DripMeter>(redaction_.drip);
  const auto& duties = permit_->decision().obligations;
  redaction_.obey(duties);
  redaction_.answers_change = context_.urls && context_.urls->response;
  const auto& limit = duties.request_body_limit;
  if (limit && *limit < context_.request_body_limit) context_.request_body_limit = *limit;
  const std::uint64_t known = request_.framing == wire::BodyFraming::length
                                  ? request_.content_length
                              : inspection_ ? inspection_->bytes()
                                            : 0;
  if (known > context_.request_body_limit) {
    return fail(OutcomeStatus::blocked, Reason::body_too_large, "", out);
  }
  auto login = Login::make(permit_->credentials(), duties.credentials);
  if (!login)
    return fail(OutcomeStatus::blocked, Reason::credential_refused, login.error().detail, out);
  login_ = std::move(login.value());
  if (!can_be_signed(out)) return;
  login_.make_room(request_.fields, upstream_target_);
  if (permit_->credentials() && holds_placeholder(request_.fields, upstream_target_)) {
    return fail(OutcomeStatus::blocked, Reason::credential_refused,
                std::string(kMisplacedPlaceholder), out);
  }
  if (redaction_.everywhere && request_.framing != wire::BodyFraming::none) {
    auto pipe = BodyPipe::redacting(
        redaction_.everywhere, request_.fields.joined("content-encoding"),
        request_.fields.joined("content-type"), redaction_.in(redact::Place::request_body));
    if (!pipe)
      return fail(OutcomeStatus::blocked, Reason::content_undecodable, pipe.error().detail, out);
    request_pipe_ = std::move(pipe.value());
    request_pipe_.watch(drip_);
  }
  if (context_.urls && rewrites_request(*context_.urls, request_))
    (void)request_pipe_.rewrite(UrlRewriter(context_.urls->request),
                                request_.fields.joined("content-encoding"));
  out.push_back(Connect{});
}

void CallMachine::handle(RequestFaulted& event, Actions& out) {
  if (state_ == State::idle) {
    return refuse(reason_of(event.error), event.error.detail, std::nullopt, out);
  }
  if (state_ == State::refusing) return stop_refusing(out);
  fail(OutcomeStatus::interrupted, reason_of(event.error), event.error.detail, out);
}

// ---- ends ------------------------------------------------------------------------------------

void CallMachine::show_pieces(const wire::Fields& fields) {
  if (!drip_) return;
  for (const auto& field : fields.all()) {
    show_pieces(field.name);
    show_pieces(field.value);
  }
}

void CallMachine::show_pieces(std::string_view text) {
  if (!drip_) return;
  drip_->feed(text);
  drip_->end_text();
}

std::string CallMachine::why_blocked() const {
  std::string rule = blocked_by(outcome_.findings);
  for (const auto* pipe : {&request_pipe_, &response_pipe_}) {
    if (rule.empty()) rule = pipe->blocked_by();
  }
  if (!rule.empty()) return "the redaction rule " + rule;
  if (drip_ && drip_->over()) return "half of " + *drip_->over() + " has left in pieces";
  return {};
}

bool CallMachine::ended_by_rule(Actions& out) {
  std::string why = why_blocked();
  if (why.empty()) return false;
  request_pipe_.stop();
  response_pipe_.stop();
  fail(OutcomeStatus::blocked, Reason::secret_blocked, std::move(why), out);
  return true;
}

bool CallMachine::counted(std::size_t bytes, Actions& out) {
  const auto& meter = permit_->meter();
  if (!meter || bytes == 0) return true;
  const auto over = meter->spend(bytes);
  if (!over) return true;
  retry_after_ = over->retry_after;
  fail(OutcomeStatus::blocked, model::reason_of(over->quota), over->text(), out);
  return false;
}

void CallMachine::count_tokens(OutcomeStatus status) {
  if (!usage_) return;
  using Ended = UsageScanner::Ended;
  permit_->meter()->add_tokens(
      usage_->tokens(status == OutcomeStatus::succeeded ? Ended::yes : Ended::no));
  usage_.reset();
}

void CallMachine::complete(Actions& out) {
  state_ = State::done;
  close_permit(OutcomeStatus::succeeded, Reason::none, "");
  // An answer before the whole request was read leaves both connections in the middle of a message.
  if (keep_upstream_ && request_ended_) {
    out.push_back(ReleaseUpstream{});
  } else {
    out.push_back(AbandonUpstream{});
  }
  if (!keep_downstream_) out.push_back(CloseDownstream{});
  out.push_back(Finished{});
}

void CallMachine::close_permit(OutcomeStatus status, Reason reason, std::string detail) {
  outcome_.status = status;
  outcome_.reason = reason;
  outcome_.detail = std::move(detail);
  for (const auto* pipe : {&request_pipe_, &response_pipe_}) {
    auto found = pipe->findings();
    if (found.empty()) continue;
    outcome_.findings.push_back(
        {pipe == &request_pipe_ ? "request" : "response", "body", std::move(found)});
  }
  if (permit_) { // who was never admitted has no outcome
    note_digests();
    note_messages();
    count_tokens(status);
    permit_->close(outcome_);
  }
}

void CallMachine::note_digests() {
  outcome_.request_body = messages_up_ ? messages_up_->take_digests() : request_digest_.take();
  outcome_.response_body =
      messages_down_ ? messages_down_->take_digests() : response_digest_.take();
  // What was held whole and never sent was redacted for nothing.
  if (outcome_.bytes_to_upstream == 0) outcome_.request_body.after.clear();
  if (outcome_.bytes_to_downstream == 0) outcome_.response_body.after.clear();
}

void CallMachine::fail(OutcomeStatus status, Reason reason, std::string detail, Actions& out) {
  if (state_ == State::done) return;
  if (!permit_) {
    // No admission, no outcome: a refusal with a record, or, while the gate is still asked,
    // silence.
    if (state_ == State::idle) return refuse(reason, std::move(detail), std::nullopt, out);
    if (state_ == State::inspecting)
      return refuse(reason, std::move(detail), inspection_->call(), out);
    state_ = State::done;
    out.push_back(AbortDownstream{});
    out.push_back(Finished{});
    return;
  }
  if (state_ == State::switched) return fail_switched(status, reason, std::move(detail), out);
  const bool had_upstream = upstream_open_;
  upstream_open_ = false;
  if (!head_sent_) outcome_.http_status = model::row(reason).status;
  close_permit(status, reason, detail);
  if (had_upstream) out.push_back(AbandonUpstream{});
  if (head_sent_ || reason == Reason::downstream_closed) {
    state_ = State::done;
    out.push_back(AbortDownstream{});
    out.push_back(Finished{});
    return;
  }
  Refusal refusal{context_.call_id, how_it_was_stopped(status, reason), std::move(detail)};
  refusal.retry_after = retry_after_;
  send_problem(refusal, out);
}

// A call that was allowed and did not succeed was not blocked: its answer names the rule that
// allowed it. One that was stopped on the way was.
model::Decision CallMachine::how_it_was_stopped(OutcomeStatus status, Reason reason) const {
  model::Decision out = model::Decision::refuse(reason);
  if (status == OutcomeStatus::blocked || reason == Reason::killed) return out;
  const model::Decision& allowed = permit_->decision();
  out.verdict = allowed.verdict;
  out.rule_id = allowed.rule_id;
  out.rule_name = allowed.rule_name;
  return out;
}

void CallMachine::handle(UpstreamFailed& event, Actions& out) {
  fail(OutcomeStatus::failed, event.reason, std::move(event.detail), out);
}

void CallMachine::handle(ResponseFaulted& event, Actions& out) {
  fail(OutcomeStatus::failed, Reason::upstream_protocol_error, event.error.detail, out);
}

void CallMachine::handle(UpstreamClosed&, Actions& out) {
  if (state_ == State::switched) return peer_left(Side::upstream, out);
  // A pooled connection may have died unseen. Nothing was answered on it, so a request that is
  // safe to repeat (RFC 9110 §9.2.2) goes out once more, on a new connection, under the same
  // permit.
  if (state_ == State::streaming && reused_ && !retried_ && !response_begun_ &&
      interim_count_ == 0 && request_ended_ && safe_to_repeat(request_)) {
    retried_ = true;
    upstream_open_ = false;
    state_ = State::connecting;
    out.push_back(AbandonUpstream{});
    out.push_back(Connect{Pooling::fresh});
    return;
  }
  fail(response_begun_ ? OutcomeStatus::interrupted : OutcomeStatus::failed,
       Reason::upstream_closed, "", out);
}

void CallMachine::handle(DownstreamClosed&, Actions& out) {
  if (state_ == State::idle || state_ == State::refusing) return stop_refusing(out);
  if (state_ == State::switched) return peer_left(Side::downstream, out);
  fail(OutcomeStatus::interrupted, Reason::downstream_closed, "", out);
}

void CallMachine::handle(DeadlinePassed&, Actions& out) {
  if (state_ == State::idle) return refuse(Reason::request_timeout, "", std::nullopt, out);
  if (state_ == State::refusing) return stop_refusing(out);
  const bool agent_is_slow = state_ == State::inspecting ||
                             (state_ == State::streaming && !request_ended_ && !response_begun_);
  if (agent_is_slow) return fail(OutcomeStatus::interrupted, Reason::request_timeout, "", out);
  const auto status = response_begun_ ? OutcomeStatus::interrupted : OutcomeStatus::failed;
  fail(status, Reason::upstream_timeout, "", out);
}

void CallMachine::handle(Cut& event, Actions& out) {
  if (state_ == State::idle) return refuse(event.reason, "", std::nullopt, out);
  if (state_ == State::refusing) return stop_refusing(out);
  fail(OutcomeStatus::interrupted, event.reason, "", out);
}

} // namespace sluice::call
