// Session, the part that relays one call byte by byte: raw TCP and TLS that a rule lets pass. Both
// directions end on their own (half-close); known secrets are masked in place, length kept; when
// nothing has to be looked at, the bytes never enter this process (splice).
#include "proxy/io/session.hpp"
#include "proxy/io/splice.hpp"
#include "proxy/io/worker.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <exception>
#include <utility>

namespace sluice::io {
namespace {

using model::Reason;

// A message may end in bytes that could begin a secret, and its reader waits for all of it. After
// this silence up to so many bytes go on their way; what follows them is still masked.
constexpr auto kSilence = std::chrono::milliseconds(5);
constexpr std::size_t kReleasable = 4;

} // namespace

struct Session::Way {
  explicit Way(const Executor& executor) : fed(executor), pause(executor) {}
  Stream* from = nullptr;
  Stream* to = nullptr;
  ReadBuffer* in = nullptr;
  Lane* out = nullptr;
  std::optional<redact::Redactor> redactor;
  call::BodyDigest digest; // of what is redacted; the rest need not enter this process
  std::uint64_t bytes = 0;
  std::uint64_t turn = 0;            // of feed()
  Reason source_lost = Reason::none; // the record's word for a broken `from`, and for a broken `to`
  Reason sink_lost = Reason::none;
  bool ended = false; // `from` has said all it had to say
  bool over = false;
  bool releasing = false;
  Signal fed;
  Timer pause;

  bool blocked() const { return redactor && !redactor->blocked_by().empty(); }
};

struct Session::Relay {
  Relay(const Executor& executor, call::Permit of)
      : permit(std::move(of)), up(executor), down(executor), ended(executor) {}
  call::Permit permit;
  call::OpenCall open; // where another sidecar called
  UpstreamPtr upstream;
  Way up, down;
  std::optional<std::uint64_t> budget; // both directions together
  std::string used_up;                 // the limit that ended it
  Reason why = Reason::none;
  bool running_upwards = true;
  Signal ended;

  bool broken() const noexcept { return why != Reason::none; }
  // A client that has said all and closes cannot be told more; that is no fault of anyone.
  void lost_sink(const Way& way) noexcept {
    const Way& other = &way == &up ? down : up;
    if (!other.ended) fail(way.sink_lost);
  }
  void fail(Reason reason) noexcept {
    if (why == Reason::none) why = reason;
  }
  bool spend(std::size_t bytes) {
    if (const auto& meter = permit.meter()) {
      if (auto over = meter->spend(bytes)) {
        used_up = over->text();
        fail(model::reason_of(over->quota));
        return false;
      }
    }
    if (!budget) return true;
    if (*budget < bytes) {
      fail(Reason::byte_limit_reached);
      return false;
    }
    *budget -= bytes;
    return true;
  }
};

Task<> Session::relay(call::Permit permit) {
  Relay relay(worker_.executor(), std::move(permit));
  call::Outcome outcome;
  if (cut_ != Reason::none) { // while the gate was asked
    outcome.reason = cut_;
    relay.permit.close(outcome);
    downstream_.abort();
    co_return;
  }
  expect_within(worker_.settings().limits.connect_timeout);
  auto opened = co_await worker_.upstreams().open_tunnel(relay.permit, connecting_);
  if (auto* failed = std::get_if<call::UpstreamFailed>(&opened)) {
    outcome.reason = expired_ ? Reason::upstream_timeout : failed->reason;
    if (cut_ != Reason::none) outcome.reason = cut_;
    outcome.detail = failed->detail;
    relay.permit.close(outcome);
    downstream_.abort();
    co_return;
  }
  relay.upstream = std::move(std::get<UpstreamPtr>(opened));
  to_upstream_.reset(); // whatever an earlier call on this connection left is not for this upstream
  upstream_ = relay.upstream.get();
  live_ = &relay.permit;
  const auto& facts = relay.permit.call();
  if (!facts.chain.peer.empty() || from_.outside)
    relay.open = call::OpenCall(worker_.services().open_calls, facts.call_id, facts.chain.hops);
  policy_changed(); // it may have been replaced since the call was admitted
  outcome.address = upstream_->address;
  outcome.tls_version = upstream_->stream.tls_version();
  outcome.upstream_peer = upstream_->peer;
  prepare_relay(relay);
  net::co_spawn(worker_.executor(), way_upwards(relay), net::detached);
  co_await pump(relay, relay.down);
  while (relay.running_upwards || relay.up.releasing || relay.down.releasing) {
    if (relay.broken()) interrupt();
    co_await relay.ended.wait(std::chrono::milliseconds(100));
  }
  upstream_ = nullptr;
  live_ = nullptr;
  finish_relay(relay, outcome);
}

void Session::prepare_relay(Relay& relay) {
  relay.budget = relay.permit.decision().obligations.byte_limit;
  relay.up.from = relay.down.to = &downstream_;
  relay.up.to = relay.down.from = &relay.upstream->stream;
  relay.up.in = &in_;
  relay.down.in = &upstream_in_;
  relay.up.source_lost = relay.down.sink_lost = Reason::downstream_closed;
  relay.down.source_lost = relay.up.sink_lost = Reason::upstream_closed;
  relay.up.out = &to_upstream_;
  relay.down.out = &to_downstream_;
  // What TLS hides from us cannot be masked.
  const bool masked = relay.permit.redact() && relay.permit.call().protocol == model::Protocol::tcp;
  if (!masked) return;
  const auto& rules = worker_.gate().policy().everywhere;
  const bool pii = relay.permit.decision().obligations.redacts("pii");
  for (Way* way : {&relay.up, &relay.down}) {
    const auto place =
        way == &relay.up ? redact::Place::request_body : redact::Place::response_body;
    way->redactor.emplace(rules, redact::Redactor::Mask::keep_length,
                          redact::Scope::in_call(place, pii));
    way->digest = call::BodyDigest(worker_.services().digest_key);
    way->releasing = true;
    net::co_spawn(worker_.executor(), release_early(relay, *way), net::detached);
  }
}

void Session::finish_relay(Relay& relay, call::Outcome& outcome) {
  relay.open.close();
  if (expired_) relay.why = Reason::upstream_timeout;
  if (cut_ != Reason::none) relay.why = cut_;
  outcome.bytes_to_upstream = relay.up.bytes;
  outcome.bytes_to_downstream = relay.down.bytes;
  outcome.reason = relay.why;
  outcome.detail = relay.used_up;
  outcome.status =
      relay.broken() ? evidence::OutcomeStatus::interrupted : evidence::OutcomeStatus::succeeded;
  if (!relay.used_up.empty()) outcome.status = evidence::OutcomeStatus::blocked;
  for (Way* way : {&relay.up, &relay.down}) {
    if (!way->blocked()) continue;
    outcome.status = evidence::OutcomeStatus::blocked;
    outcome.detail = "the redaction rule " + way->redactor->blocked_by();
    std::string nothing;
    way->redactor->finish(nothing); // it is counted, and goes nowhere
  }
  for (Way* way : {&relay.up, &relay.down}) {
    if (!way->redactor || way->redactor->findings().empty()) continue;
    outcome.findings.push_back(
        {way == &relay.up ? "request" : "response", "stream", way->redactor->findings()});
  }
  outcome.request_body = relay.up.digest.take();
  outcome.response_body = relay.down.digest.take();
  relay.permit.close(outcome);
  // A peer must not take what was cut for a whole stream.
  if (relay.broken()) {
    downstream_.abort();
    relay.upstream->stream.abort();
  } else {
    downstream_.close();
  }
}

Task<> Session::way_upwards(Relay& relay) {
  co_await pump(relay, relay.up);
  relay.running_upwards = false;
  relay.ended.notify();
}

// One direction, to its end. Nothing is thrown out of it: the other one still uses the relay.
Task<> Session::pump(Relay& relay, Way& way) {
  try {
    co_await pump_bytes(relay, way);
  } catch (const std::exception&) {
    relay.fail(Reason::internal_error);
  }
  way.over = true;
  way.fed.notify();
  way.pause.cancel();
  if (relay.broken() || cut_ != Reason::none || expired_) interrupt();
}

Task<> Session::pump_bytes(Relay& relay, Way& way) {
  // What is counted against a budget is counted before it goes.
  const auto& meter = relay.permit.meter();
  const bool counts = relay.budget || (meter && meter->counts_bytes());
  const bool opaque = !way.redactor && !counts && !way.from->secure() && !way.to->secure();
  co_await move_bytes(relay, way, opaque);
  if (opaque && !way.over) co_await splice_bytes(relay, way);
  way.over = true; // and nothing more is released
  // A stream that is cut gives away nothing more: what is held may be half a secret.
  if (relay.broken() || cut_ != Reason::none || expired_) co_return;
  auto& pending = way.out->pending();
  const auto begin = pending.size();
  if (way.redactor) way.redactor->finish(pending);
  if (way.blocked()) {
    relay.fail(Reason::secret_blocked);
    co_return;
  }
  way.digest.feed({}, std::string_view(pending).substr(begin));
  co_await way.out->drain(*way.to);
  co_await way.to->end_sending();
}

// Through this process. With `only_buffered` it stops when what was read before is on its way.
Task<> Session::move_bytes(Relay& relay, Way& way, bool only_buffered) {
  while (cut_ == Reason::none && !expired_ && !relay.broken()) {
    const std::string_view bytes = way.in->data();
    if (!bytes.empty()) {
      if (!relay.spend(bytes.size())) break;
      way.bytes += bytes.size();
      if (way.redactor) {
        auto& pending = way.out->pending();
        const auto begin = pending.size();
        way.redactor->feed(bytes, pending);
        way.digest.feed(bytes,
                        std::string_view(pending).substr(way.blocked() ? pending.size() : begin));
        if (way.blocked()) {
          relay.fail(Reason::secret_blocked);
          break;
        }
        ++way.turn;
        if (way.redactor->held() > 0) way.fed.notify();
      } else {
        way.out->pending().append(bytes);
      }
      way.in->consume(bytes.size());
    }
    co_await way.out->flush(*way.to);
    if (!way.out->ok()) relay.lost_sink(way);
    if (relay.broken() || !way.out->ok()) break;
    if (only_buffered) co_return;
    expect_within(worker_.settings().limits.idle_timeout);
    way.in->prepare();
    const auto got = co_await way.from->read_some(way.in->tail(), way.in->space());
    if (got.error) {
      way.ended = got.error == net::error::eof;
      if (!way.ended) relay.fail(way.source_lost);
      break;
    }
    way.in->commit(got.bytes);
  }
  way.over = true;
}

Task<> Session::splice_bytes(Relay& relay, Way& way) {
  SplicePipe pipe;
  while (cut_ == Reason::none && !expired_ && !relay.broken()) {
    expect_within(worker_.settings().limits.idle_timeout);
    const auto moved = co_await pipe.move(way.from->socket(), way.to->socket());
    way.bytes += moved.bytes;
    way.ended = moved.error == net::error::eof;
    if (way.ended) break;
    if (!moved.error) continue;
    if (pipe.source_failed()) {
      relay.fail(way.source_lost);
    } else {
      relay.lost_sink(way);
    }
    break;
  }
}

// Lets the reader of a half-sent message have it: see kSilence.
Task<> Session::release_early(Relay& relay, Way& way) {
  try {
    co_await release_held(way);
  } catch (const std::exception&) {
    relay.fail(Reason::internal_error);
  }
  way.releasing = false;
  relay.ended.notify();
}

Task<> Session::release_held(Way& way) {
  std::uint64_t released = 0;
  while (!way.over) {
    const auto held = way.redactor->held();
    if (held == 0 || held > kReleasable || released == way.turn) {
      co_await way.fed.wait();
      continue;
    }
    const auto turn = way.turn;
    way.pause.expires_after(kSilence);
    co_await way.pause.async_wait(use_task);
    if (way.over || turn != way.turn) continue;
    released = turn;
    auto& pending = way.out->pending();
    const auto begin = pending.size();
    way.redactor->release(pending);
    way.digest.feed({}, std::string_view(pending).substr(begin));
    co_await way.out->flush(*way.to);
  }
}

} // namespace sluice::io
