// Session, the part that finds out what a stream is: where a captured connection was going, which
// protocol its first bytes speak, and which name they give. TLS is intercepted or, by rule,
// relayed; HTTP becomes requests; anything else is one raw TCP call.
#include "proxy/io/session.hpp"
#include "proxy/io/worker.hpp"

#include "policy/base/digest.hpp"

#include <utility>

namespace sluice::io {
namespace {

using model::Reason;
using wire::Protocol;

// What the SNI says, in the canonical form, so that it can be compared with other names. A name
// that cannot be parsed compares unequal to every host.
std::string canonical_sni(const std::string& sni) {
  if (sni.empty()) return {};
  auto host = model::Host::parse(sni);
  return host ? host.value().text() : std::string(model::kInvalidName);
}

model::Host literal_host(const model::IpAddress& address) {
  auto host = model::Host::parse(address.text());
  return host ? host.value() : model::Host();
}

} // namespace

Task<Session::Next> Session::captured() {
  Inside where;
  where.call_id = new_id(worker_.services().clock.unix_nanos());
  const auto target = original_destination(downstream_.socket());
  if (!target) co_return Next::close; // gone already
  where.original = target->address;
  where.port = target->port;
  ErrorCode error;
  const auto peer = downstream_.socket().remote_endpoint(error);
  const bool ourselves = !error && !listener_.adopted && worker_.own_ports().holds(peer.port()) &&
                         worker_.gate().is_local(endpoint_of(peer).address);
  if (ourselves || worker_.gate().is_self(target->address, target->port)) {
    auto call = raw_call(where);
    co_await refuse_raw(Reason::self_connect,
                        ourselves
                            ? "our own upstream connection was captured: exempt us by uid or mark"
                            : "a connection straight to the listener",
                        std::move(call));
    co_return Next::close;
  }
  const auto next = co_await converse(std::move(where));
  co_return next;
}

Task<Session::Next> Session::converse(Inside where) {
  auto raw = raw_call(where);
  const auto protocol = co_await detect_protocol(raw);
  if (!protocol) co_return Next::close;
  switch (*protocol) {
  case Protocol::tls: {
    const auto next = co_await converse_tls(std::move(where), std::move(raw));
    co_return next;
  }
  case Protocol::http1:
    if (where.host) from_.fixed = model::Destination{model::Scheme::http, *where.host, where.port};
    from_.original = where.original;
    from_.original_port = where.port;
    reader_ = wire::RequestReader(worker_.settings().limits.head);
    expect_nothing();
    co_return Next::next_request;
  case Protocol::http2_preface:
    co_await refuse_raw(Reason::protocol_unsupported, "HTTP/2 without TLS", std::move(raw));
    co_return Next::close;
  case Protocol::need_more:
  case Protocol::socks5:
  case Protocol::opaque: break;
  }
  co_await converse_raw(std::move(raw));
  co_return Next::close;
}

// Bounded in bytes by detect() and in time: a client that stays silent may wait for its server to
// speak first, which only a rule for raw TCP can allow; any other gets the time a head gets.
Task<std::optional<Protocol>> Session::detect_protocol(const model::EgressCall& raw) {
  const auto& limits = worker_.settings().limits;
  const bool may_wait_for_server =
      worker_.gate().preview(raw).allowed() || worker_.settings().mode == Mode::observe;
  expect_within(may_wait_for_server ? limits.detect_timeout : limits.header_timeout);
  for (;;) {
    const auto found = in_.data().empty() ? Protocol::need_more : wire::detect(in_.data());
    if (found != Protocol::need_more) co_return found;
    const bool more = co_await fill();
    if (more) continue;
    if (expired_ && may_wait_for_server) {
      expect_nothing();
      co_return Protocol::opaque;
    }
    if (!in_.data().empty()) co_return Protocol::opaque; // the client has said all it will say
    if (expired_) {
      model::EgressCall facts = raw;
      co_await refuse_raw(Reason::request_timeout, "no byte came", std::move(facts));
    }
    co_return std::nullopt;
  }
}

// ---- TLS ---------------------------------------------------------------------------------------

Task<Session::Next> Session::converse_tls(Inside where, model::EgressCall call) {
  call.protocol = model::Protocol::connect;
  call.method = "CONNECT";
  call.to.scheme = model::Scheme::https;
  auto hello = co_await read_hello(call);
  if (!hello) co_return Next::close;
  call.sni = canonical_sni(hello->server_name);
  if (where.host) {
    call.to.host = *where.host;
  } else if (!call.sni.empty()) {
    auto named = model::Host::parse(hello->server_name);
    if (!named) {
      co_await refuse_raw(Reason::host_invalid, named.error().detail, std::move(call));
      co_return Next::close;
    }
    call.to.host = named.value();
  } else {
    call.to.host = literal_host(*where.original);
  }
  const bool names_agree = call.sni.empty() || call.sni == call.to.host.text();
  const auto decision = worker_.gate().preview(call);
  const bool passes = decision.allowed() && worker_.settings().mode != Mode::dry_run &&
                      decision.obligations.tls == model::TlsMode::passthrough;
  if (!passes || !names_agree) {
    // Names that differ get their answer inside, where the agent can read it.
    const auto next = co_await intercept(std::move(call));
    co_return next;
  }
  if (hello->ech) {
    co_await refuse_raw(Reason::ech_refused, "", std::move(call));
    co_return Next::close;
  }
  co_await admit_and_relay(std::move(call));
  co_return Next::close;
}

Task<std::optional<wire::ClientHello>> Session::read_hello(const model::EgressCall& call) {
  expect_within(worker_.settings().limits.header_timeout);
  for (;;) {
    auto scan = wire::scan_client_hello(in_.data());
    if (auto* hello = std::get_if<wire::ClientHello>(&scan)) co_return std::move(*hello);
    std::string detail;
    if (const auto* malformed = std::get_if<wire::Malformed>(&scan)) {
      detail = malformed->phrase;
    } else {
      const bool more = co_await fill();
      if (more) continue;
      detail = "the handshake stopped half-way";
    }
    model::EgressCall facts = call;
    co_await refuse_raw(Reason::tls_hello_invalid, std::move(detail), std::move(facts));
    co_return std::nullopt;
  }
}

Task<Session::Next> Session::intercept(model::EgressCall call) {
  if (worker_.leaves() == nullptr) {
    co_await refuse_raw(Reason::protocol_unsupported, std::string(kNoCa), std::move(call));
    co_return Next::close;
  }
  const bool secured = co_await secure_downstream(call);
  if (!secured) co_return Next::close;
  from_.sni = call.sni;
  from_.fixed = call.to;
  from_.original = call.original;
  from_.original_port = call.to.port;
  expect_nothing();
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
  std::string detail =
      "the TLS handshake with the agent failed (it may pin certificates or not trust our CA): " +
      error.message();
  model::EgressCall facts = call;
  co_await refuse_raw(Reason::protocol_unsupported, std::move(detail), std::move(facts));
  co_return false;
}

// ---- anything else -----------------------------------------------------------------------------

// An address may have been the answer for several names: the latest that a rule allows is meant.
model::EgressCall Session::raw_call(const Inside& where) const {
  model::EgressCall call;
  call.call_id = where.call_id;
  call.listener = from_.listener;
  call.protocol = model::Protocol::tcp;
  call.to.port = where.port;
  call.original = where.original;
  place_in_chain(call);
  call.given = worker_.gate().given();
  if (where.host) call.to.host = *where.host;
  if (where.host || !where.original) return call;
  for (const auto& name : worker_.pins().names_of(*where.original)) {
    auto named = model::Host::parse(name);
    if (!named) continue;
    model::EgressCall candidate = call;
    candidate.to.host = named.value();
    if (worker_.gate().preview(candidate).allowed()) return candidate;
    if (call.to.host.empty()) call.to.host = named.value();
  }
  if (call.to.host.empty()) call.to.host = literal_host(*where.original);
  return call;
}

Task<> Session::converse_raw(model::EgressCall call) {
  const auto by_name = worker_.gate().preview(call);
  const bool nothing_said = by_name.reason == Reason::default_deny;
  if (nothing_said && worker_.settings().mode == Mode::enforce) {
    co_await refuse_raw(Reason::protocol_unknown, "neither TLS nor HTTP, and no tcp rule allows it",
                        std::move(call));
    co_return;
  }
  co_await admit_and_relay(std::move(call));
}

Task<> Session::admit_and_relay(model::EgressCall call) {
  expect_nothing();
  if (auto why = too_many_hops(call); !why.empty()) {
    co_await refuse_raw(Reason::hop_limit_reached, std::move(why), std::move(call));
    co_return;
  }
  auto admission = co_await worker_.gate().admit(std::move(call));
  if (std::holds_alternative<call::Refusal>(admission)) {
    downstream_.abort();
    co_return;
  }
  call::Permit permit = std::move(std::get<call::Permit>(admission));
  co_await relay(std::move(permit));
}

} // namespace sluice::io
