// The closed vocabulary of why a call was refused or cut: one row per code, with the HTTP status,
// the retry class, the severity, and what a person could change. The README table is this table.
// Never add a free-text reason: add a row.
// Tested by tests/unit/model/reason_test.cpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::model {

enum class Reason : std::uint8_t {
  internal_error = 0, // zero value: an unset reason refuses and is our fault
  none,               // allowed
  // policy
  default_deny,
  rule_block,
  approval_required,
  body_unread,
  dry_run,
  // who calls
  runner_auth_invalid,
  peer_unverified,
  // guards
  address_private,
  address_loopback,
  address_link_local,
  address_cgnat,
  address_metadata,
  address_multicast,
  address_reserved,
  address_embedded,
  self_connect,
  name_mismatch,
  original_destination_mismatch,
  host_invalid,
  path_ambiguous,
  dns_name_refused,
  dns_type_refused,
  dns_tunnelling,
  // protocol
  framing_invalid,
  protocol_unsupported,
  protocol_unknown,
  upgrade_unsupported,
  tls_hello_invalid,
  ech_refused,
  quic_refused,
  // limits
  header_too_large,
  body_too_large,
  request_timeout,
  too_many_connections,
  too_much_held,
  hop_limit_reached,
  byte_limit_reached,
  request_limit_reached,
  volume_limit_reached,
  token_limit_reached,
  // redaction
  content_undecodable,
  secret_blocked,
  credential_refused,
  // asked outside
  decision_point_denied,
  decision_point_failed,
  // our own services
  evidence_unavailable,
  engine_failed,
  draining,
  killed,
  // upstream
  resolver_failed,
  upstream_unreachable,
  upstream_timeout,
  upstream_tls_unverified,
  upstream_protocol_error,
  card_signature_lost,
  upstream_closed,
  // ends of admitted calls
  policy_changed,
  downstream_closed,
  count_ // number of rows
};

enum class Severity : std::uint8_t { low, medium, high, critical };
enum class Retry : std::uint8_t { none, transient, after_approval };

struct ReasonRow {
  Reason reason;
  std::string_view code; // snake_case, stable
  std::string_view
      guard;  // rule id when no policy rule decided: guard.* / limit.* / …; "" otherwise
  int status; // HTTP status towards the agent; 0 when no answer is made
  Retry retry;
  Severity severity;
  std::string_view title;  // problem title, one short phrase
  std::string_view remedy; // what a person could change
};

const ReasonRow& row(Reason reason) noexcept;
std::string_view to_string(Severity severity) noexcept;
std::string_view to_string(Retry retry) noexcept;

} // namespace sluice::model
