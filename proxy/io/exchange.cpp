// Session, the part that runs one call: events from both connections go into the CallMachine, its
// actions come out as bytes, connections and questions to the gate.
#include "proxy/io/exchange.hpp"

#include "policy/redact/event_stream.hpp"
#include "proxy/io/worker.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace sluice::io {
namespace {

using call::CallMachine;
using call::Side;

template <class... F> struct Overloaded : F... { using F::operator()...; };
template <class... F> Overloaded(F...) -> Overloaded<F...>;

// An answer that may go on for as long as both sides like: a new policy is asked about it too.
bool is_stream(const wire::ResponseHead& head) {
  constexpr int kSwitching = 101;
  return head.status == kSwitching ||
         redact::event_format_of(head.fields.joined("content-type")).has_value();
}

void append_body(wire::BodyFraming framing, std::string_view bytes, std::string& out) {
  if (framing == wire::BodyFraming::chunked) {
    wire::encode_chunk(bytes, out);
  } else {
    out.append(bytes);
  }
}

} // namespace

Task<Session::Next> Session::exchange(HeadOrFault first) {
  Exchange call(call_context(), worker_.executor());
  call::Event event;
  if (auto* head = std::get_if<wire::RequestHead>(&first)) {
    event = call::RequestHeadReceived{std::move(*head)};
  } else {
    event = call::RequestFaulted{std::move(std::get<wire::ProtocolError>(first))};
  }
  call.machine.on(std::move(event), call.actions);
  std::exception_ptr failed;
  try {
    co_await run_exchange(call);
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  if (failed) { // the other coroutine uses the call: it ends first
    call.over = true;
    co_await join_request_pump(call);
    std::rethrow_exception(failed);
  }
  co_return co_await end_exchange(call);
}

Task<> Session::run_exchange(Exchange& call) {
  co_await perform(call);
  co_await inspect_request(call);
  feed_request(call);
  expect_progress(call); // a peer that reads nothing must not keep its place for ever
  if (call.upstream) co_await to_upstream_.flush(call.upstream->stream);
  co_await to_downstream_.flush(downstream_);
  if (call.machine.state() == CallMachine::State::streaming && !call.machine.request_ended()) {
    call.pumping = true;
    net::co_spawn(worker_.executor(), pump_request(call), net::detached);
  }
  co_await pump_response(call);
  if (switched(call)) co_await carry_messages(call);
  co_await discard_request(call);
}

// ---- actions -----------------------------------------------------------------------------------

Task<> Session::perform(Exchange& call) {
  // By index: an answer to one action may append more.
  for (std::size_t i = 0; i < call.actions.size(); ++i) {
    if (auto* ask = std::get_if<call::AskGate>(&call.actions[i])) {
      model::EgressCall facts = std::move(ask->call);
      co_await ask_gate(call, std::move(facts));
    } else if (auto* refused = std::get_if<call::RecordRefusal>(&call.actions[i])) {
      call::Refusal why = std::move(refused->refusal);
      std::optional<model::EgressCall> facts = std::move(refused->call);
      call::Refused recorded;
      recorded.refusal = co_await worker_.gate().refuse(std::move(why), std::move(facts));
      call.machine.on(std::move(recorded), call.actions);
    } else if (const auto* open = std::get_if<call::Connect>(&call.actions[i])) {
      const auto pooling = open->pooling;
      co_await connect(call, pooling);
    } else {
      perform_now(call, call.actions[i]);
    }
  }
  call.actions.clear();
}

Task<> Session::ask_gate(Exchange& call, model::EgressCall facts) {
  auto admission = co_await worker_.gate().admit(std::move(facts));
  if (auto* permit = std::get_if<call::Permit>(&admission)) {
    call.admitted_at = worker_.services().clock.monotonic_nanos();
    call.machine.on(call::Admitted{std::move(*permit)}, call.actions);
  } else {
    call.machine.on(call::Refused{std::move(std::get<call::Refusal>(admission))}, call.actions);
  }
}

Task<> Session::connect(Exchange& call, call::Pooling pooling) {
  if (cut_ != model::Reason::none) { // while the gate was asked
    call.machine.on(call::Cut{cut_}, call.actions);
    co_return;
  }
  expect_within(worker_.settings().limits.connect_timeout);
  upstream_ = nullptr;
  const auto& permit = call.machine.permit();
  auto opened = co_await worker_.upstreams().open(permit, pooling, connecting_);
  const bool late = expired_;
  expect_nothing();
  if (auto* failed = std::get_if<call::UpstreamFailed>(&opened)) {
    if (cut_ != model::Reason::none) {
      call.machine.on(call::Cut{cut_}, call.actions);
    } else if (late) {
      call.machine.on(call::DeadlinePassed{}, call.actions);
    } else {
      call.machine.on(std::move(*failed), call.actions);
    }
    co_return;
  }
  call.upstream = std::move(std::get<UpstreamPtr>(opened));
  upstream_ = call.upstream.get();
  upstream_->reader.expect(permit.call().method);
  upstream_in_.consume(upstream_in_.data().size());
  to_upstream_.reset();
  call::UpstreamOpened open;
  open.age = upstream_->age;
  open.address = upstream_->address;
  open.tls_version = upstream_->stream.tls_version();
  open.peer = upstream_->peer;
  open.unix_nanos = worker_.services().clock.unix_nanos();
  call.machine.on(std::move(open), call.actions);
}

void Session::perform_all_now(Exchange& call) {
  for (std::size_t i = 0; i < call.actions.size(); ++i) perform_now(call, call.actions[i]);
  call.actions.clear();
}

void Session::perform_now(Exchange& call, call::Action& action) {
  std::visit(Overloaded{
                 [&](call::SendRequestHead& send) {
                   to_upstream_.framing = send.head.framing;
                   wire::encode(send.head, to_upstream_.pending());
                 },
                 [&](call::SendRequestBody& send) {
                   append_body(to_upstream_.framing, send.bytes, to_upstream_.pending());
                 },
                 [&](call::SendRequestEnd& send) {
                   if (to_upstream_.framing == wire::BodyFraming::chunked) {
                     wire::encode_last_chunk(send.trailers, to_upstream_.pending());
                   }
                 },
                 [&](call::SendResponseHead& send) {
                   to_downstream_.framing = send.head.framing;
                   wire::encode(send.head, to_downstream_.pending());
                 },
                 [&](call::SendResponseBody& send) {
                   append_body(to_downstream_.framing, send.bytes, to_downstream_.pending());
                 },
                 [&](call::SendResponseEnd& send) {
                   if (to_downstream_.framing == wire::BodyFraming::chunked) {
                     wire::encode_last_chunk(send.trailers, to_downstream_.pending());
                   }
                 },
                 [&](call::ReleaseUpstream&) { call.reusable = true; },
                 [&](call::AbandonUpstream&) {
                   if (call.upstream) call.upstream->stream.close();
                 },
                 [&](call::CloseUpstream&) { call.close_upstream = true; },
                 [&](call::CloseDownstream&) { call.close_downstream = true; },
                 [&](call::AbortDownstream&) { call.abort_downstream = true; },
                 [](auto&) {}, // Finished; the questions are asked in perform()
             },
             action);
}

// ---- bytes -------------------------------------------------------------------------------------

bool Session::feed_event(Exchange& call) {
  std::string_view bytes = in_.data();
  auto event = reader_.next(bytes);
  in_.consume_until(bytes);
  if (std::holds_alternative<wire::NeedMore>(event)) return false;
  if (const auto* body = std::get_if<wire::BodyBytes>(&event)) {
    call.machine.on(call::RequestBodyReceived{body->bytes}, call.actions);
  } else if (auto* end = std::get_if<wire::MessageEnd>(&event)) {
    const auto now = worker_.services().clock.unix_nanos();
    call.machine.on(call::RequestEnded{std::move(end->trailers), now}, call.actions);
  } else if (auto* fault = std::get_if<wire::ProtocolError>(&event)) {
    call.machine.on(call::RequestFaulted{std::move(*fault)}, call.actions);
  } else {
    call.machine.on(call::RequestFaulted{}, call.actions); // a head inside a message
  }
  return true;
}

void Session::feed_request(Exchange& call) {
  while (call.machine.wants(Side::downstream) && feed_event(call)) perform_all_now(call);
}

// As much of the body as the policy asks for, then the question. No upstream is there yet.
Task<> Session::inspect_request(Exchange& call) {
  const auto inspecting = [&call] {
    return call.machine.state() == CallMachine::State::inspecting;
  };
  if (!inspecting()) co_return;
  // As long as an upstream may take for its answer, and not for ever at a byte a second.
  const auto& limits = worker_.settings().limits;
  const auto until = std::chrono::steady_clock::now() + limits.first_byte;
  while (inspecting()) {
    if (feed_event(call)) continue;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    expect_within(std::clamp(left, std::chrono::milliseconds(1),
                             std::chrono::milliseconds(limits.idle_timeout)));
    co_await to_downstream_.flush(downstream_); // a 100
    const bool more = co_await fill();
    if (more) continue;
    if (cut_ != model::Reason::none) {
      call.machine.on(call::Cut{cut_}, call.actions);
    } else if (expired_) {
      expect_nothing();
      call.machine.on(call::DeadlinePassed{}, call.actions);
    } else {
      call.machine.on(call::DownstreamClosed{}, call.actions);
    }
  }
  co_await perform(call);
}

// Throws nothing: who waits for it would wait for ever.
Task<> Session::pump_request(Exchange& call) {
  try {
    co_await pump_request_bytes(call);
  } catch (const std::exception&) {
    cut(model::Reason::internal_error); // told by the response side, which this wakes
  }
  call.pumping = false;
  call.pump_done.notify();
}

Task<> Session::pump_request_bytes(Exchange& call) {
  while (!call.over && call.machine.wants(Side::downstream)) {
    expect_progress(call);
    const bool more = co_await fill();
    if (call.over) break;
    if (!more) {
      // A deadline is the response side's to tell: it is woken by the same interruption.
      if (cut_ != model::Reason::none) {
        call.machine.on(call::Cut{cut_}, call.actions);
      } else if (!expired_) {
        call.machine.on(call::DownstreamClosed{}, call.actions);
      }
      perform_all_now(call);
      break;
    }
    feed_request(call);
    if (call.upstream) co_await to_upstream_.flush(call.upstream->stream);
    co_await to_downstream_.flush(downstream_);
  }
}

Task<> Session::pump_response(Exchange& call) {
  while (call.machine.wants(Side::upstream) && !switched(call)) {
    expect_progress(call);
    watch_peer_ = call.machine.request_ended();
    upstream_in_.prepare();
    const auto got =
        co_await call.upstream->stream.read_some(upstream_in_.tail(), upstream_in_.space());
    watch_peer_ = false;
    if (!call.machine.wants(Side::upstream)) break; // the request side ended the call
    if (got.error || cut_ != model::Reason::none) {
      response_stopped(call, got.error);
    } else {
      upstream_in_.commit(got.bytes);
      feed_response(call);
    }
    co_await perform(call);
    // Whatever deadline passed above, the answer to it has one of its own.
    expect_within(worker_.settings().limits.idle_timeout);
    if (call.upstream && !call.pumping) co_await to_upstream_.flush(call.upstream->stream);
    co_await to_downstream_.flush(downstream_);
    if (!to_downstream_.ok()) {
      call.machine.on(call::DownstreamClosed{}, call.actions);
      perform_all_now(call);
    }
  }
}

bool Session::switched(const Exchange& call) {
  return call.machine.state() == CallMachine::State::switched;
}

void Session::feed_response(Exchange& call) {
  // Behind the head of a switch come no more responses.
  while (call.machine.wants(Side::upstream) && !switched(call)) {
    std::string_view bytes = upstream_in_.data();
    auto event = call.upstream->reader.next(bytes);
    upstream_in_.consume_until(bytes);
    if (std::holds_alternative<wire::NeedMore>(event)) return;
    if (auto* head = std::get_if<wire::ResponseHead>(&event)) {
      if (is_stream(*head)) {
        live_ = &call.machine.permit();
        policy_changed(); // it may have been replaced since the call was admitted
        if (cut_ != model::Reason::none) return;
      }
      const auto after = worker_.services().clock.monotonic_nanos() - call.admitted_at;
      call.machine.on(call::ResponseHeadReceived{std::move(*head), after}, call.actions);
    } else if (const auto* body = std::get_if<wire::BodyBytes>(&event)) {
      call.machine.on(call::ResponseBodyReceived{body->bytes}, call.actions);
    } else if (auto* end = std::get_if<wire::MessageEnd>(&event)) {
      call.machine.on(call::ResponseEnded{std::move(end->trailers)}, call.actions);
    } else {
      auto& fault = std::get<wire::ProtocolError>(event);
      call.machine.on(call::ResponseFaulted{std::move(fault)}, call.actions);
    }
    perform_all_now(call);
  }
}

void Session::response_stopped(Exchange& call, const ErrorCode& error) {
  if (cut_ != model::Reason::none) {
    call.machine.on(call::Cut{cut_}, call.actions);
  } else if (peer_left_) {
    call.machine.on(call::DownstreamClosed{}, call.actions);
  } else if (expired_) {
    expect_nothing();
    call.machine.on(call::DeadlinePassed{}, call.actions);
  } else {
    // Only a clean end may close a body that has no length: a TLS stream cut short is not one.
    if (error == net::error::eof) {
      auto event = call.upstream->reader.finish();
      if (auto* end = std::get_if<wire::MessageEnd>(&event)) {
        call.machine.on(call::ResponseEnded{std::move(end->trailers)}, call.actions);
        return;
      }
    }
    call.machine.on(call::UpstreamClosed{}, call.actions);
  }
}

Task<> Session::discard_request(Exchange& call) {
  expect_within(worker_.settings().limits.header_timeout);
  co_await to_downstream_.flush(downstream_);
  while (call.machine.state() == CallMachine::State::refusing && !call.pumping) {
    feed_request(call);
    if (call.machine.state() != CallMachine::State::refusing) break;
    const bool more = co_await fill();
    if (!more) call.machine.on(call::DownstreamClosed{}, call.actions);
    perform_all_now(call);
  }
}

// A pump that still discards a refused request ends by itself; any other is told to.
Task<> Session::join_request_pump(Exchange& call) {
  while (call.pumping) {
    if (call.over || call.machine.state() != CallMachine::State::refusing) {
      call.over = true;
      downstream_.cancel();
    }
    co_await call.pump_done.wait(std::chrono::milliseconds(100));
  }
}

Task<Session::Next> Session::end_exchange(Exchange& call) {
  co_await join_request_pump(call);
  upstream_ = nullptr;
  live_ = nullptr;
  if (call.upstream && call.reusable && to_upstream_.pending().empty() && to_upstream_.ok() &&
      upstream_in_.data().empty()) {
    worker_.upstreams().release(std::move(call.upstream));
  }
  upstream_in_.consume(upstream_in_.data().size());
  upstream_in_.release_when_empty();
  expect_nothing();
  if (call.abort_downstream || cut_ != model::Reason::none || peer_left_ || !to_downstream_.ok()) {
    downstream_.abort();
    co_return Next::close;
  }
  co_await to_downstream_.flush(downstream_);
  if (call.close_downstream) {
    co_await linger();
    co_return Next::close;
  }
  // The reader must stand at the next message; a call that ended elsewhere cannot be followed.
  co_return call.machine.request_ended() ? Next::next_request : Next::close;
}

void Session::expect_progress(const Exchange& call) {
  const auto& limits = worker_.settings().limits;
  const bool waits_for_answer = call.machine.request_ended() && !call.machine.response_begun();
  expect_within(waits_for_answer ? limits.first_byte : limits.idle_timeout);
}

} // namespace sluice::io
