#include "proxy/io/dns_server.hpp"

#include "proxy/io/worker.hpp"
#include "proxy/wire/dns_shape.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <array>
#include <exception>
#include <utility>

namespace sluice::io {
namespace {

using model::Reason;
using wire::DnsRcode;

constexpr std::size_t kMaxInFlight = 256; // datagrams; more are dropped, and asked again
constexpr std::size_t kMaxDatagram = 4096;
constexpr std::uint32_t kTtlSeconds = 30; // getaddrinfo tells none

// In dry-run nothing may leave, a name neither: these addresses (RFC 5737, RFC 3849) are captured.
const std::array kNowhere = {
    model::IpAddress::v4(0xC0000201),
    model::IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})};

std::string type_name(std::uint16_t type) {
  switch (type) {
  case 1: return "A";
  case 5: return "CNAME";
  case 10: return "NULL";
  case 12: return "PTR";
  case 15: return "MX";
  case 16: return "TXT";
  case 28: return "AAAA";
  case 33: return "SRV";
  case 64: return "SVCB";
  case 65: return "HTTPS";
  case 255: return "ANY";
  default: return "TYPE" + std::to_string(type); // RFC 3597 §5
  }
}

wire::DnsAddress wire_form(const model::IpAddress& address) {
  const auto& bytes = address.bytes(); // v4 as v4-mapped
  if (!address.is_v4()) return wire::DnsAddress::v6(bytes);
  return wire::DnsAddress::v4({bytes[12], bytes[13], bytes[14], bytes[15]});
}

} // namespace

Task<> DnsServer::serve_datagrams(const ListenerSettings& listener, UdpSocket socket) {
  std::string buffer(kMaxDatagram, '\0');
  while (socket.is_open()) {
    Udp::endpoint peer;
    const auto room = net::buffer(buffer);
    auto [error, bytes] = co_await socket.async_receive_from(room, peer, use_task);
    if (error == net::error::operation_aborted) break;
    if (error || in_flight_ >= kMaxInFlight) continue;
    ++in_flight_;
    net::co_spawn(worker_.executor(),
                  answer_datagram(listener, socket, peer, buffer.substr(0, bytes)), net::detached);
  }
  while (in_flight_ > 0) { // they answer through our socket
    Timer pause(worker_.executor());
    pause.expires_after(std::chrono::milliseconds(20));
    co_await pause.async_wait(use_task);
  }
}

Task<> DnsServer::answer_datagram(const ListenerSettings& listener, UdpSocket& socket,
                                  Udp::endpoint peer, std::string message) {
  try {
    auto reply = co_await answer(listener, std::move(message), wire::DnsTransport::udp);
    const auto bytes = net::buffer(reply);
    if (!reply.empty()) co_await socket.async_send_to(bytes, peer, use_task);
  } catch (const std::exception&) {
    // No answer is a refusal too; the place in flight is given back.
  }
  --in_flight_;
}

Task<std::string> DnsServer::answer(const ListenerSettings& listener, std::string message,
                                    wire::DnsTransport transport) {
  auto parsed = wire::parse_dns_query(message);
  const auto* query = std::get_if<wire::DnsQuery>(&parsed);
  if (query == nullptr) {
    wire::DnsQuery unread;
    worker_.services().metrics.dns_refused.add();
    const Judged malformed{Reason::framing_invalid, DnsRcode::format_error};
    co_await record(listener, unread, malformed);
    co_return wire::dns_error(message, std::get<wire::DnsError>(parsed));
  }
  const Judged judged = judge(*query);
  auto& metrics = worker_.services().metrics;
  (judged.reason == Reason::none ? metrics.dns_answered : metrics.dns_refused).add();
  const bool recorded = co_await record(listener, *query, judged);
  if (!recorded) co_return wire::dns_answer(*query, DnsRcode::server_failure, {}, 0, transport);
  if (judged.reason != Reason::none || wire::classify(query->type) == wire::DnsTypeClass::empty) {
    co_return wire::dns_answer(*query, judged.rcode, {}, kTtlSeconds, transport);
  }
  auto reply = co_await resolve(*query, transport);
  co_return reply;
}

DnsServer::Judged DnsServer::judge(const wire::DnsQuery& query) const {
  if (worker_.services().killed.load()) return {Reason::killed, DnsRcode::refused};
  if (query.klass != wire::kDnsClassIn ||
      wire::classify(query.type) == wire::DnsTypeClass::refused) {
    return {Reason::dns_type_refused, DnsRcode::refused};
  }
  if (wire::looks_like_tunnelling(query)) return {Reason::dns_tunnelling, DnsRcode::refused};
  const auto host = model::Host::parse(query.name);
  if (!host || host.value().is_address()) return {Reason::dns_name_refused, DnsRcode::name_error};
  const bool enforced = worker_.settings().mode != Mode::observe;
  if (enforced && worker_.gate().policy().holds_secret(query.name)) {
    return {Reason::secret_blocked, DnsRcode::refused};
  }
  const auto& gate = worker_.gate();
  if (enforced && !gate.policy().engine->could_allow(host.value(), gate.given())) {
    return {Reason::dns_name_refused, DnsRcode::name_error};
  }
  return {};
}

// Before the name leaves: a query that cannot be recorded is not resolved.
Task<bool> DnsServer::record(const ListenerSettings& listener, const wire::DnsQuery& query,
                             const Judged& judged) {
  const auto& row = model::row(judged.reason);
  const bool allowed = judged.reason == Reason::none;
  std::vector<evidence::EventField> fields{
      {"decision", allowed ? "allow" : "block"},
      {"listener", listener.name},
      {"name", query.name},
      {"policy_digest", worker_.gate().policy().engine->policy().digest},
      {"query_type", type_name(query.type)},
      {"reason_code", std::string(row.code)},
      {"rule_id", std::string(row.guard)},
      {"severity", std::string(model::to_string(row.severity))}};
  auto record = evidence::event_record(worker_.settings().who, "dns_query", std::move(fields),
                                       worker_.gate().policy().everywhere);
  const bool accepted = co_await worker_.gate().record_event(std::move(record));
  co_return accepted;
}

Task<std::string> DnsServer::resolve(const wire::DnsQuery& query, wire::DnsTransport transport) {
  const auto host = model::Host::parse(query.name);
  std::vector<model::IpAddress> addresses(kNowhere.begin(), kNowhere.end());
  if (worker_.settings().mode != Mode::dry_run) {
    auto found = co_await worker_.resolver().resolve(host.value());
    if (!found) {
      const auto rcode =
          found.error().code == kNameNotFound ? DnsRcode::name_error : DnsRcode::server_failure;
      co_return wire::dns_answer(query, rcode, {}, kTtlSeconds, transport);
    }
    addresses = std::move(found.value());
  }
  worker_.services().pins.remember(host.value().text(), addresses,
                                   std::chrono::seconds(kTtlSeconds));
  std::vector<wire::DnsAddress> answers;
  for (const auto& address : addresses) answers.push_back(wire_form(address));
  co_return wire::dns_answer(query, DnsRcode::no_error, answers, kTtlSeconds, transport);
}

} // namespace sluice::io
