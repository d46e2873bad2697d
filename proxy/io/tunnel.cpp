// Session, the part that answers CONNECT: an intercepted tunnel continues as a TLS connection whose
// requests are calls of their own; a passed-through one is relayed under one permit.
#include "proxy/io/session.hpp"
#include "proxy/io/worker.hpp"

#include "policy/base/digest.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

namespace sluice::io {
namespace {

using model::Reason;

constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";
constexpr char kTlsHandshakeRecord = 0x16; // RFC 8446 §5.1

// What the SNI says, in the canonical form, so that it can be compared with the CONNECT target. A
// name that cannot be parsed compares unequal to every host.
std::string canonical_sni(const std::string& sni) {
  if (sni.empty()) return {};
  auto host = model::Host::parse(sni);
  return host ? host.value().text() : std::string("(invalid)");
}

} // namespace

struct Session::Relay {
  explicit Relay(const Executor& executor) : upwards_done(executor) {}
  UpstreamPtr upstream;
  std::uint64_t up = 0, down = 0;
  bool upwards_running = true;
  bool clean = true;
  Signal upwards_done;
};

Task<Session::Next> Session::tunnel(wire::RequestHead head) {
  auto call_id = new_id(worker_.services().clock.unix_nanos());
  auto assembly = call::assemble_connect(from_, head, call_id);
  if (auto* fault = std::get_if<call::AssemblyFault>(&assembly)) {
    call::Refusal refusal;
    refusal.call_id = call_id;
    refusal.decision = model::Decision::refuse(fault->reason);
    refusal.detail = fault->detail;
    std::optional<model::EgressCall> facts;
    if (fault->facts) facts = std::move(fault->facts->call);
    co_await answer_and_close(std::move(refusal), std::move(facts));
    co_return Next::close;
  }
  model::EgressCall call = std::move(std::get<call::Assembled>(assembly).call);
  const auto decision = worker_.gate().preview(call);
  const bool refused =
      decision.verdict == model::Verdict::block && worker_.settings().mode != Mode::observe;
  const bool passes = decision.allowed() &&
                      decision.obligations.tls == model::TlsMode::passthrough &&
                      worker_.settings().mode != Mode::dry_run;
  if (!refused && !passes) co_return co_await intercept(std::move(call));

  auto admission = co_await worker_.gate().admit(std::move(call));
  if (auto* why = std::get_if<call::Refusal>(&admission)) {
    co_await write_problem(*why);
    co_await linger();
    co_return Next::close;
  }
  call::Permit permit = std::move(std::get<call::Permit>(admission));
  // Between preview and admit the policy may have been replaced; only what this permit says counts.
  if (permit.decision().obligations.tls != model::TlsMode::passthrough) co_return Next::close;
  co_await pass_through(std::move(permit));
  co_return Next::close;
}

// ---- interception ------------------------------------------------------------------------------

Task<Session::Next> Session::intercept(model::EgressCall call) {
  if (worker_.leaves() == nullptr) {
    call::Refusal refusal;
    refusal.call_id = call.call_id;
    refusal.decision = model::Decision::refuse(Reason::protocol_unsupported);
    refusal.detail = "there is no interception CA; run: sluice ca init";
    co_await answer_and_close(std::move(refusal), std::move(call));
    co_return Next::close;
  }
  to_downstream_.pending() += kEstablished;
  expect_within(worker_.settings().limits.header_timeout);
  co_await to_downstream_.flush(downstream_);
  if (in_.data().empty()) {
    const bool more = co_await fill();
    if (!more) co_return Next::close;
  }
  model::Destination inside = call.to;
  if (in_.data().front() == kTlsHandshakeRecord) {
    const bool secured = co_await secure_downstream(call);
    if (!secured) co_return Next::close;
    from_.sni = canonical_sni(downstream_.server_name());
  } else {
    inside.scheme = model::Scheme::http; // some clients tunnel plain HTTP too
  }
  expect_nothing();
  from_.fixed = inside;
  reader_ = wire::RequestReader(worker_.settings().limits.head);
  co_return Next::next_request;
}

Task<bool> Session::secure_downstream(const model::EgressCall& call) {
  auto context = worker_.leaves()->context_for(call.to.host.text());
  ErrorCode error = net::error::no_recovery;
  if (context) {
    const std::string early(in_.data());
    in_.consume(early.size());
    error = co_await downstream_.accept_tls(context.value(), early);
  }
  if (!error) co_return true;
  // A client that pins certificates ends here; the record is how a person finds out.
  call::Refusal refusal;
  refusal.call_id = call.call_id;
  refusal.decision = model::Decision::refuse(Reason::protocol_unsupported);
  refusal.detail =
      "the TLS handshake with the agent failed (it may pin certificates or not trust our CA): " +
      error.message();
  model::EgressCall facts = call;
  co_await worker_.gate().refuse(std::move(refusal), std::move(facts));
  downstream_.close();
  co_return false;
}

// ---- passthrough -------------------------------------------------------------------------------

Task<> Session::pass_through(call::Permit permit) {
  Relay relay(worker_.executor());
  call::Outcome outcome;
  expect_within(worker_.settings().limits.connect_timeout);
  auto opened = co_await worker_.upstreams().open_tunnel(permit, connecting_);
  if (auto* failed = std::get_if<call::UpstreamFailed>(&opened)) {
    outcome.reason = expired_ ? Reason::upstream_timeout : failed->reason;
    outcome.detail = failed->detail;
    permit.close(outcome);
    call::Refusal refusal;
    refusal.call_id = permit.call().call_id;
    refusal.decision = model::Decision::refuse(outcome.reason);
    co_await write_problem(refusal);
    co_await linger();
    co_return;
  }
  relay.upstream = std::move(std::get<UpstreamPtr>(opened));
  upstream_ = relay.upstream.get();
  outcome.address = upstream_->address;
  to_downstream_.pending() += kEstablished;
  co_await to_downstream_.flush(downstream_);
  net::co_spawn(worker_.executor(), relay_upwards(relay), net::detached);
  co_await relay_downwards(relay);
  while (relay.upwards_running) {
    if (!relay.clean) interrupt();
    co_await relay.upwards_done.wait(std::chrono::milliseconds(100));
  }
  upstream_ = nullptr;
  outcome.bytes_to_upstream = relay.up;
  outcome.bytes_to_downstream = relay.down;
  outcome.status =
      relay.clean ? evidence::OutcomeStatus::succeeded : evidence::OutcomeStatus::interrupted;
  outcome.reason = relay.clean ? Reason::none : Reason::upstream_closed;
  if (expired_) outcome.reason = Reason::upstream_timeout;
  permit.close(outcome);
  downstream_.close();
}

Task<> Session::relay_upwards(Relay& relay) {
  while (!killed_ && !expired_) {
    const std::string_view bytes = in_.data();
    if (!bytes.empty()) {
      const auto error = co_await relay.upstream->stream.write(bytes);
      if (error) relay.clean = false;
      if (error) break;
      relay.up += bytes.size();
      in_.consume(bytes.size());
    }
    expect_within(worker_.settings().limits.idle_timeout);
    const bool more = co_await fill();
    if (!more) break;
  }
  ErrorCode ignored;
  relay.upstream->stream.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  relay.upwards_running = false;
  relay.upwards_done.notify();
}

Task<> Session::relay_downwards(Relay& relay) {
  while (!killed_ && !expired_) {
    upstream_in_.prepare();
    const auto got =
        co_await relay.upstream->stream.read_some(upstream_in_.tail(), upstream_in_.space());
    if (got.error) {
      if (got.error != net::error::eof) relay.clean = false;
      break;
    }
    upstream_in_.commit(got.bytes);
    expect_within(worker_.settings().limits.idle_timeout);
    const std::string_view bytes = upstream_in_.data();
    const auto error = co_await downstream_.write(bytes);
    if (error) relay.clean = false;
    if (error) break;
    relay.down += bytes.size();
    upstream_in_.consume(bytes.size());
  }
  ErrorCode ignored;
  downstream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
}

} // namespace sluice::io
