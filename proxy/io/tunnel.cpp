// Session, the part that is told where a stream goes: CONNECT and SOCKS5. Refuses before the tunnel
// exists what no rule could let pass; what is inside is then looked at like any captured stream.
#include "proxy/io/session.hpp"
#include "proxy/io/worker.hpp"

#include "policy/base/digest.hpp"
#include "proxy/wire/socks5.hpp"

#include <utility>

namespace sluice::io {
namespace {

using model::Reason;

constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";

model::EgressCall connect_call(const call::Origination& from, model::Given given,
                               std::string call_id, const model::Host& host, std::uint16_t port) {
  model::EgressCall call;
  call.call_id = std::move(call_id);
  call.listener = from.listener;
  call.protocol = model::Protocol::connect;
  call.method = "CONNECT";
  call.given = std::move(given);
  call.before_hello = true;
  call.to = {model::Scheme::https, host, port};
  return call;
}

} // namespace

model::Decision Session::preview_raw(const model::EgressCall& call) const {
  model::EgressCall raw = call;
  raw.protocol = model::Protocol::tcp;
  raw.to.scheme = model::Scheme::tcp;
  raw.method.clear();
  return worker_.gate().preview(raw);
}

// By name: as a tunnel, or as raw bytes.
bool Session::could_pass(const model::EgressCall& call) const {
  constexpr auto kBlock = model::Verdict::block;
  return worker_.settings().mode == Mode::observe ||
         worker_.gate().preview(call).verdict != kBlock || preview_raw(call).verdict != kBlock;
}

// Without a CA only what nobody has to look into.
bool Session::can_be_read(const model::EgressCall& call) const {
  if (worker_.leaves() != nullptr || preview_raw(call).allowed()) return true;
  const auto decision = worker_.gate().preview(call);
  return decision.allowed() && decision.obligations.tls == model::TlsMode::passthrough;
}

Task<> Session::refuse_tunnel(call::AssemblyFault fault, const std::string& call_id) {
  call::Refusal refusal;
  refusal.call_id = call_id;
  refusal.decision = model::Decision::refuse(fault.reason);
  refusal.detail = std::move(fault.detail);
  std::optional<model::EgressCall> facts;
  if (fault.facts) facts = std::move(fault.facts->call);
  co_await answer_and_close(std::move(refusal), std::move(facts));
}

Task<Session::Next> Session::tunnel(wire::RequestHead head) {
  auto call_id = new_id(worker_.services().clock.unix_nanos());
  auto assembly = call::assemble_connect(from_, head, call_id);
  if (auto* fault = std::get_if<call::AssemblyFault>(&assembly)) {
    co_await refuse_tunnel(std::move(*fault), call_id);
    co_return Next::close;
  }
  auto& assembled = std::get<call::Assembled>(assembly);
  assembled.call.given = worker_.gate().given();
  place_in_chain(assembled.call);
  const bool readable = can_be_read(assembled.call);
  const bool only_tells = worker_.settings().mode == Mode::dry_run && !readable;
  if (only_tells || !could_pass(assembled.call)) {
    auto admission = co_await worker_.gate().admit(std::move(assembled.call));
    if (auto* why = std::get_if<call::Refusal>(&admission)) {
      co_await write_problem(*why);
      co_await linger();
    }
    // A permit would mean that the policy was replaced in between: the agent may ask again.
    co_return Next::close;
  }
  if (!readable) {
    call::AssemblyFault no_ca{Reason::protocol_unsupported, std::string(kNoCa),
                              std::move(assembled)};
    co_await refuse_tunnel(std::move(no_ca), call_id);
    co_return Next::close;
  }
  model::EgressCall call = std::move(assembled.call);
  to_downstream_.pending() += kEstablished;
  expect_within(worker_.settings().limits.header_timeout);
  co_await to_downstream_.flush(downstream_);
  Inside where;
  where.host = call.to.host;
  where.port = call.to.port;
  where.call_id = std::move(call.call_id);
  const auto next = co_await converse(std::move(where));
  co_return next;
}

// RFC 1928. User and password are there for run tokens; until runs have tokens, any will do.
Task<Session::Next> Session::socks() {
  expect_within(worker_.settings().limits.header_timeout);
  wire::Socks5Server machine(false);
  std::string_view bytes = in_.data();
  auto event = machine.feed(bytes);
  for (;;) {
    in_.consume_until(bytes);
    if (std::holds_alternative<wire::NeedMore>(event)) {
      const bool more = co_await fill();
      if (!more) co_return Next::close;
    } else if (auto* send = std::get_if<wire::SocksSend>(&event)) {
      to_downstream_.pending() += send->bytes;
      co_await to_downstream_.flush(downstream_);
    } else if (std::holds_alternative<wire::SocksAuthenticate>(event)) {
      event = machine.authenticated(true);
      bytes = in_.data();
      continue;
    } else if (auto* connect = std::get_if<wire::SocksConnect>(&event)) {
      const auto next = co_await socks_connect(std::move(*connect));
      co_return next;
    } else {
      auto refused = std::get<wire::SocksRefuse>(std::move(event));
      to_downstream_.pending() += refused.reply;
      co_await to_downstream_.flush(downstream_);
      auto nothing =
          connect_call(from_, {}, new_id(worker_.services().clock.unix_nanos()), model::Host(), 0);
      std::string detail(refused.phrase);
      co_await refuse_raw(Reason::protocol_unsupported, std::move(detail), std::move(nothing));
      co_return Next::close;
    }
    bytes = in_.data();
    event = machine.feed(bytes);
  }
}

Task<Session::Next> Session::socks_connect(wire::SocksConnect asked) {
  Inside where;
  where.call_id = new_id(worker_.services().clock.unix_nanos());
  where.port = asked.port;
  auto host = model::Host::parse(asked.host);
  model::EgressCall call = connect_call(from_, worker_.gate().given(), where.call_id,
                                        host ? host.value() : model::Host(), asked.port);
  place_in_chain(call);
  // An address says nothing of the name that is yet to come.
  const bool refused = !host || (!host.value().is_address() && !could_pass(call));
  const auto reply = refused ? wire::SocksReply::not_allowed : wire::SocksReply::succeeded;
  to_downstream_.pending() += wire::encode_socks_reply(reply);
  co_await to_downstream_.flush(downstream_);
  if (!host) {
    co_await refuse_raw(Reason::host_invalid, host.error().detail, std::move(call));
    co_return Next::close;
  }
  if (refused) {
    auto admission = co_await worker_.gate().admit(std::move(call)); // for its record
    co_await linger();
    co_return Next::close;
  }
  // A client that resolves names itself asks for an address, like a captured one.
  if (host.value().is_address()) {
    where.original = host.value().address();
  } else {
    where.host = host.value();
  }
  const auto next = co_await converse(std::move(where));
  co_return next;
}

} // namespace sluice::io
