#include "proxy/io/session.hpp"

#include "policy/base/digest.hpp"
#include "proxy/call/problem.hpp"
#include "proxy/io/worker.hpp"

#include <algorithm>
#include <utility>

namespace sluice::io {
namespace {

// After our last byte, what the agent still sends is read and dropped, so that the kernel does not
// answer it with a reset that would take our answer away from the agent.
constexpr auto kLinger = std::chrono::milliseconds(1'000);
constexpr std::size_t kLingerBytes = 1 << 20;
constexpr char kSocks5 = 5; // RFC 1928 §3: the version; no HTTP request begins with it
constexpr auto kAnswerWithin = std::chrono::milliseconds(5'000);

} // namespace

Session::Session(Worker& worker, Socket socket, const ListenerSettings& listener)
    : worker_(worker), listener_(listener), downstream_(std::move(socket)),
      to_downstream_(worker.executor()), to_upstream_(worker.executor()),
      reader_(worker.settings().limits.head) {
  from_.listener = listener.name;
  from_.kind = listener.kind;
  from_.fixed = listener.upstream;
  from_.upstream_peer = listener.upstream_peer;
  from_.outside = listener.outside;
}

Session::~Session() {
  if (downstream_.socket().is_open()) downstream_.abort();
}

Task<> Session::run() {
  const Next next = co_await begin();
  if (next == Next::next_request) co_await serve();
}

Task<Session::Next> Session::begin() {
  if (!listener_.peers.empty()) {
    const bool admitted = co_await admit_peer();
    if (!admitted) co_return Next::close;
  }
  switch (listener_.kind) {
  case call::ListenerKind::reverse: co_return Next::next_request;
  case call::ListenerKind::transparent: co_return co_await captured();
  case call::ListenerKind::tcp: {
    Inside where;
    where.host = listener_.upstream->host;
    where.port = listener_.upstream->port;
    where.call_id = new_id(worker_.services().clock.unix_nanos());
    auto call = raw_call(where);
    co_await converse_raw(std::move(call));
    co_return Next::close;
  }
  case call::ListenerKind::forward: break;
  case call::ListenerKind::dns: co_await serve_dns(); co_return Next::close;
  }
  at_rest_ = true;
  expect_within(worker_.settings().limits.idle_timeout);
  const bool more = co_await fill();
  if (!more) co_return Next::close;
  if (in_.data().front() == kSocks5) co_return co_await socks();
  co_return Next::next_request;
}

Task<> Session::serve() {
  for (;;) {
    auto first = co_await read_head();
    if (!first) break;
    const auto* head = std::get_if<wire::RequestHead>(&*first);
    Next next = Next::close;
    if (head != nullptr && head->method == "CONNECT") {
      wire::RequestHead connect = std::move(std::get<wire::RequestHead>(*first));
      next = co_await tunnel(std::move(connect));
    } else {
      next = co_await exchange(std::move(*first));
    }
    if (next == Next::close) co_return;
  }
  downstream_.close();
}

Task<std::optional<Session::HeadOrFault>> Session::read_head() {
  at_rest_ = true;
  in_.release_when_empty();
  expect_within(worker_.settings().limits.idle_timeout);
  for (;;) {
    std::string_view bytes = in_.data();
    if (!bytes.empty()) {
      if (at_rest_) expect_within(worker_.settings().limits.header_timeout);
      at_rest_ = false;
      auto event = reader_.next(bytes);
      in_.consume_until(bytes);
      std::optional<HeadOrFault> found;
      if (auto* head = std::get_if<wire::RequestHead>(&event)) found = std::move(*head);
      if (auto* fault = std::get_if<wire::ProtocolError>(&event)) found = std::move(*fault);
      if (found) {
        expect_nothing();
        co_return found;
      }
    }
    if (worker_.draining() && at_rest_) co_return std::nullopt;
    const bool more = co_await fill();
    if (more) continue;
    if (expired_ && !at_rest_) {
      call::Refusal refusal;
      refusal.call_id = new_id(worker_.services().clock.unix_nanos());
      refusal.decision = model::Decision::refuse(model::Reason::request_timeout);
      co_await answer_and_close(std::move(refusal), std::nullopt);
    }
    co_return std::nullopt;
  }
}

Task<bool> Session::fill() {
  in_.prepare();
  const auto got = co_await downstream_.read_some(in_.tail(), in_.space());
  if (!got.error) in_.commit(got.bytes);
  co_return !got.error;
}

call::CallContext Session::call_context() const {
  const auto& limits = worker_.settings().limits;
  const auto& policy = worker_.gate().policy();
  call::CallContext context;
  context.from = from_;
  context.given = worker_.gate().given();
  context.run_id = worker_.settings().who.run_id;
  context.call_id = new_id(worker_.services().clock.unix_nanos());
  context.engine = policy.engine;
  context.redaction.everywhere = policy.everywhere;
  context.redaction.credentials = policy.credential_fields;
  context.redaction.drip = policy.drip;
  context.urls = listener_.urls;
  context.digest_key = worker_.services().digest_key;
  context.held = worker_.services().held;
  context.open_calls = worker_.services().open_calls;
  context.hop_limit = limits.hops;
  context.request_body_limit = limits.request_body;
  context.whole_body_bytes = limits.whole_body;
  context.last_on_connection = worker_.draining();
  return context;
}

// ---- answers and ends --------------------------------------------------------------------------

Task<> Session::turn_away(model::Reason reason) {
  // Who wants TLS does not read an answer before it.
  const bool http = listener_.peers.empty() && (listener_.kind == call::ListenerKind::forward ||
                                                listener_.kind == call::ListenerKind::reverse);
  if (!http) {
    model::EgressCall unknown;
    unknown.call_id = new_id(worker_.services().clock.unix_nanos());
    unknown.listener = from_.listener;
    unknown.protocol = model::Protocol::tcp;
    co_await refuse_raw(reason, "", std::move(unknown));
    co_return;
  }
  call::Refusal refusal;
  refusal.call_id = new_id(worker_.services().clock.unix_nanos());
  refusal.decision = model::Decision::refuse(reason);
  co_await answer_and_close(std::move(refusal), std::nullopt);
}

Task<> Session::answer_and_close(call::Refusal refusal, std::optional<model::EgressCall> call) {
  auto recorded = co_await worker_.gate().refuse(std::move(refusal), std::move(call));
  co_await write_problem(recorded);
  co_await linger();
}

// For bytes that are not HTTP: nobody would understand an answer.
Task<> Session::refuse_raw(model::Reason reason, std::string detail, model::EgressCall call) {
  call::Refusal refusal;
  refusal.call_id = call.call_id;
  refusal.decision = model::Decision::refuse(reason);
  refusal.detail = std::move(detail);
  std::optional<model::EgressCall> facts(std::move(call));
  co_await worker_.gate().refuse(std::move(refusal), std::move(facts));
  downstream_.abort();
}

Task<> Session::write_problem(const call::Refusal& refusal) {
  auto problem = call::problem_response(refusal, worker_.settings().who.run_id,
                                        call::AfterRefusal::close_connection);
  wire::encode(problem.head, to_downstream_.pending());
  to_downstream_.pending() += problem.body;
  expect_within(kAnswerWithin);
  co_await to_downstream_.flush(downstream_);
}

Task<> Session::linger() {
  expect_within(kLinger);
  co_await downstream_.finish_writing();
  char scrap[4096];
  const auto buffer = net::buffer(scrap);
  for (std::size_t dropped = 0;
       dropped < kLingerBytes && cut_ == model::Reason::none && !expired_;) {
    auto [error, bytes] = co_await downstream_.socket().async_read_some(buffer, use_task);
    if (error) break;
    dropped += bytes;
  }
  expect_nothing();
  downstream_.close();
}

// ---- deadlines, drain, kill --------------------------------------------------------------------

void Session::expect_within(std::chrono::milliseconds limit) {
  deadline_ = std::chrono::steady_clock::now() + limit;
  expired_ = false;
}

void Session::expect_nothing() noexcept {
  deadline_ = Time::max();
  expired_ = false;
}

void Session::tick(Time now) {
  if (now >= deadline_) expired_ = true;
  if (watch_peer_ && downstream_.peer_is_gone()) peer_left_ = true;
  // Again at every tick, because an operation may have begun after the last one.
  if (expired_ || cut_ != model::Reason::none || peer_left_) interrupt();
}

void Session::interrupt() noexcept {
  downstream_.cancel();
  connecting_.interrupt();
  if (upstream_ != nullptr) upstream_->stream.cancel();
}

void Session::begin_drain() {
  if (at_rest_) downstream_.cancel();
}

void Session::cut(model::Reason why) {
  if (cut_ == model::Reason::none) cut_ = why;
  interrupt();
}

void Session::policy_changed() {
  if (live_ == nullptr || worker_.gate().still_allows(*live_)) return;
  cut(model::Reason::policy_changed);
}

} // namespace sluice::io
