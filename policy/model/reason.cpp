#include "policy/model/reason.hpp"

#include <array>

namespace sluice::model {
namespace {

using enum Reason;
using S = Severity;
using R = Retry;

constexpr std::array kRows = {
    ReasonRow{internal_error, "internal_error", "guard.internal", 503, R::transient, S::high,
              "Sluice failed",
              "report this as a defect; the call was refused because it could not be judged"},
    ReasonRow{none, "none", "", 0, R::none, S::low, "Allowed", ""},
    ReasonRow{default_deny, "default_deny", "default_deny", 403, R::none, S::medium,
              "No rule allows this call",
              "add an egress rule that allows this host, port, method and path; for raw TCP a tcp "
              "rule"},
    ReasonRow{rule_block, "rule_block", "", 403, R::none, S::medium, "A rule blocks this call",
              "change or remove the rule named in rule_id"},
    ReasonRow{approval_required, "approval_required", "", 403, R::after_approval, S::medium,
              "This call needs approval",
              "approvals cannot be given in this version; add an allow rule instead"},
    ReasonRow{
        body_unread, "body_unread", "guard.inspect", 403, R::none, S::medium,
        "The body could not be read, and the policy asks what is in it",
        "raise inspect in the policy's defaults, or let a rule of the section named allow this "
        "host whatever is called"},
    ReasonRow{dry_run, "dry_run", "", 424, R::none, S::low, "Dry run: nothing was sent",
              "set mode: enforce in sluice.yaml to open upstream connections"},
    ReasonRow{runner_auth_invalid, "runner_auth_invalid", "runner_auth.invalid", 407, R::none,
              S::high, "The run token is missing or wrong",
              "give the run's own token as the proxy or SOCKS5 password"},
    ReasonRow{peer_unverified, "peer_unverified", "guard.peer", 0, R::none, S::high,
              "The caller is none of the listener's peers",
              "call with the certificate of one that the listener's peers name"},
    ReasonRow{address_private, "address_private", "guard.address.private", 403, R::none, S::high,
              "The destination is a private address",
              "set private: true on the rule that names this host"},
    ReasonRow{address_loopback, "address_loopback", "guard.address.loopback", 403, R::none, S::high,
              "The destination is a loopback address",
              "set private: true on the rule that names this host"},
    ReasonRow{address_link_local, "address_link_local", "guard.address.link_local", 403, R::none,
              S::high, "The destination is a link-local address",
              "set private: true on the rule that names this host"},
    ReasonRow{address_cgnat, "address_cgnat", "guard.address.cgnat", 403, R::none, S::high,
              "The destination is a carrier-grade NAT address",
              "set private: true on the rule that names this host"},
    ReasonRow{address_metadata, "address_metadata", "guard.address.metadata", 403, R::none,
              S::critical, "The destination is a cloud metadata service",
              "nothing opens this guard"},
    ReasonRow{address_multicast, "address_multicast", "guard.address.multicast", 403, R::none,
              S::high, "The destination is a multicast or broadcast address",
              "nothing opens this guard"},
    ReasonRow{address_reserved, "address_reserved", "guard.address.reserved", 403, R::none, S::high,
              "The destination is an unspecified or reserved address", "nothing opens this guard"},
    ReasonRow{address_embedded, "address_embedded", "guard.address.embedded", 403, R::none, S::high,
              "The destination embeds an address that is not public",
              "name the address that is really meant"},
    ReasonRow{self_connect, "self_connect", "guard.self", 403, R::none, S::critical,
              "The destination is Sluice itself", "nothing opens this guard"},
    ReasonRow{name_mismatch, "name_mismatch", "guard.name_mismatch", 400, R::none, S::high,
              "Host, target and SNI do not agree",
              "send one name everywhere: CONNECT target, SNI and Host"},
    ReasonRow{original_destination_mismatch, "original_destination_mismatch",
              "guard.original_destination", 403, R::none, S::high,
              "The captured address was not given out for the name in SNI or Host",
              "resolve the name through Sluice and connect to the address it answers"},
    ReasonRow{host_invalid, "host_invalid", "guard.host", 400, R::none, S::high,
              "The host name is not valid", "use a canonical host name or address"},
    ReasonRow{path_ambiguous, "path_ambiguous", "guard.path", 400, R::none, S::high,
              "The path can be read in two ways", "send the path in its normal form"},
    ReasonRow{dns_name_refused, "dns_name_refused", "guard.dns", 0, R::none, S::medium,
              "No rule could allow a call to this name",
              "add an egress or tcp rule that allows this host"},
    ReasonRow{dns_type_refused, "dns_type_refused", "guard.dns_type", 0, R::none, S::medium,
              "DNS questions of this type are refused", "ask for A or AAAA"},
    ReasonRow{dns_tunnelling, "dns_tunnelling", "guard.dns_tunnelling", 0, R::none, S::high,
              "The DNS question looks like data being carried out",
              "ask for a name with short, readable labels"},
    ReasonRow{framing_invalid, "framing_invalid", "guard.framing", 400, R::none, S::high,
              "The message framing is not valid HTTP",
              "fix the client: the message can be read in two ways"},
    ReasonRow{protocol_unsupported, "protocol_unsupported", "guard.protocol", 400, R::none,
              S::medium, "The protocol is not supported on this listener",
              "use a listener that declares this protocol"},
    ReasonRow{protocol_unknown, "protocol_unknown", "guard.protocol", 403, R::none, S::medium,
              "The bytes are neither TLS nor HTTP, and no tcp rule allows them",
              "add a tcp rule that allows this host and port"},
    ReasonRow{upgrade_unsupported, "upgrade_unsupported", "guard.upgrade", 403, R::none, S::medium,
              "Protocol upgrades other than WebSocket are refused",
              "upgrade to websocket only, or not at all"},
    ReasonRow{tls_hello_invalid, "tls_hello_invalid", "guard.tls_hello", 400, R::none, S::high,
              "The TLS ClientHello is not valid", "fix the client, or use its current release"},
    ReasonRow{ech_refused, "ech_refused", "guard.ech", 403, R::none, S::high,
              "Encrypted Client Hello hides the name from the policy",
              "turn off Encrypted Client Hello in the client"},
    ReasonRow{quic_refused, "quic_refused", "guard.udp", 0, R::none, S::medium,
              "QUIC and other UDP are not carried", "turn off HTTP/3 in the client; use TCP"},
    ReasonRow{header_too_large, "header_too_large", "limit.header", 431, R::none, S::medium,
              "The header section is too large", "send less, or raise limits.header_bytes"},
    ReasonRow{body_too_large, "body_too_large", "limit.body", 413, R::none, S::medium,
              "The request body is too large",
              "send less, or raise the rule's limits.request_body"},
    ReasonRow{request_timeout, "request_timeout", "limit.time", 408, R::transient, S::low,
              "The request took too long to arrive", "send the request without pauses"},
    ReasonRow{too_many_connections, "too_many_connections", "limit.connections", 503, R::transient,
              S::medium, "Too many connections", "wait, or raise limits.connections"},
    ReasonRow{too_much_held, "too_much_held", "limit.memory", 503, R::transient, S::medium,
              "The bodies of other calls take all the room that there is",
              "wait, or raise limits.held_bodies"},
    ReasonRow{hop_limit_reached, "hop_limit_reached", "limit.hops", 508, R::none, S::high,
              "The call has come through too many agents",
              "look for agents that call each other in a circle, or raise limits.hops"},
    ReasonRow{byte_limit_reached, "byte_limit_reached", "limit.bytes", 0, R::none, S::medium,
              "The connection carried as many bytes as its rule allows",
              "send less, or raise the rule's limits.bytes"},
    ReasonRow{request_limit_reached, "request_limit_reached", "limit.requests", 429, R::transient,
              S::medium, "The rule's requests are used up for now",
              "wait as Retry-After says, or raise the rule's limits.requests_per_*"},
    ReasonRow{volume_limit_reached, "volume_limit_reached", "limit.bytes", 429, R::transient,
              S::medium, "The rule's bytes are used up for today",
              "wait as Retry-After says, or raise the rule's limits.bytes_per_day"},
    ReasonRow{token_limit_reached, "token_limit_reached", "limit.tokens", 429, R::transient,
              S::medium, "The rule's tokens are used up for today",
              "wait as Retry-After says, or raise the rule's limits.tokens_per_day"},
    ReasonRow{content_undecodable, "content_undecodable", "guard.redaction", 403, R::none, S::high,
              "The body cannot be read, so it cannot be redacted",
              "send it uncompressed, or as valid gzip, deflate, br or zstd"},
    ReasonRow{secret_blocked, "secret_blocked", "secret.block", 403, R::none, S::critical,
              "The call carries a secret that must not leave",
              "remove the secret from the request"},
    ReasonRow{credential_refused, "credential_refused", "guard.credential", 403, R::none, S::high,
              "No login can be put into this call as its rules say",
              "send the placeholder where the credential goes, and let one rule name it"},
    ReasonRow{decision_point_denied, "decision_point_denied", "", 403, R::none, S::medium,
              "The decision point that the rule asks said no",
              "change the decision point's policy, or the rule's ask"},
    ReasonRow{decision_point_failed, "decision_point_failed", "", 503, R::transient, S::high,
              "The decision point that the rule asks gave no answer that can be used",
              "check the URL under the rule's ask, and what answers there"},
    ReasonRow{evidence_unavailable, "evidence_unavailable", "guard.evidence", 503, R::transient,
              S::critical, "The evidence log cannot be written",
              "make the evidence directory writable and free space"},
    ReasonRow{engine_failed, "engine_failed", "guard.engine", 503, R::transient, S::critical,
              "The policy engine failed", "load a valid policy"},
    ReasonRow{draining, "draining", "guard.draining", 503, R::transient, S::low,
              "Sluice is shutting down", "retry after the restart"},
    ReasonRow{killed, "killed", "guard.kill_switch", 503, R::transient, S::high,
              "All egress was stopped by the kill switch",
              "lift the kill switch through the admin socket"},
    ReasonRow{resolver_failed, "resolver_failed", "guard.resolver", 503, R::transient, S::low,
              "The host name could not be resolved", "check the name and the resolver"},
    ReasonRow{upstream_unreachable, "upstream_unreachable", "", 502, R::transient, S::low,
              "The upstream cannot be reached", "check that the upstream is running"},
    ReasonRow{upstream_timeout, "upstream_timeout", "", 504, R::transient, S::low,
              "The upstream did not answer in time", "retry, or raise limits.first_byte"},
    ReasonRow{upstream_tls_unverified, "upstream_tls_unverified", "", 502, R::none, S::high,
              "The upstream's certificate could not be verified",
              "fix the certificate, or add its root to tls.extra_roots"},
    ReasonRow{upstream_protocol_error, "upstream_protocol_error", "", 502, R::none, S::medium,
              "The upstream's answer is not valid HTTP", "fix the upstream"},
    ReasonRow{card_signature_lost, "card_signature_lost", "guard.card", 502, R::none, S::high,
              "The agent card's signature would not hold with the addresses that are put into it",
              "let the listener sign cards anew: urls.cards: sign"},
    ReasonRow{upstream_closed, "upstream_closed", "", 502, R::transient, S::low,
              "The upstream closed the connection", "retry"},
    ReasonRow{policy_changed, "policy_changed", "guard.policy_changed", 403, R::none, S::medium,
              "The policy no longer allows this call: it was changed, or its time is over",
              "allow the call in the new policy"},
    ReasonRow{downstream_closed, "downstream_closed", "", 0, R::none, S::low, "The agent went away",
              ""},
};
static_assert(kRows.size() == static_cast<std::size_t>(count_));

constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].reason != static_cast<Reason>(i)) return false;
  }
  return true;
}
static_assert(rows_in_order(), "a row stands where its enumerator does");

} // namespace

const ReasonRow& row(Reason reason) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  return index < kRows.size() ? kRows[index] : kRows[0];
}

std::string_view to_string(Severity severity) noexcept {
  switch (severity) {
  case S::low: return "low";
  case S::medium: return "medium";
  case S::high: return "high";
  case S::critical: return "critical";
  }
  return "critical";
}

std::string_view to_string(Retry retry) noexcept {
  switch (retry) {
  case R::none: return "none";
  case R::transient: return "transient";
  case R::after_approval: return "after_approval";
  }
  return "none";
}

} // namespace sluice::model
