// The payloads of evidence records: what was decided, how it ended, what the log itself went
// through. Every string passes the redactor with all rules before it is written. A record is at
// most 256 KiB. Never holds a secret, a body, or a query value.
// Tested by tests/unit/evidence/record_test.cpp.
#pragma once

#include "policy/model/decision.hpp"
#include "policy/model/egress_call.hpp"
#include "policy/redact/findings.hpp"
#include "policy/redact/rule_set.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::evidence {

struct Record {
  std::string event_type;
  std::string payload; // canonical JSON object
};

struct RunIdentity { // set by us in every payload
  std::string run_id, session_id, agent_id;
};

struct Count { // what a heartbeat says; `name` is a word of ours
  std::string name;
  std::uint64_t value = 0;
};

struct DecisionFacts {
  const model::EgressCall* call = nullptr;   // null when the bytes never became a call
  std::string call_id, listener;             // used when call is null
  const model::Decision* decision = nullptr; // required
  std::string policy_digest;
  std::string_view engine = "none"; // that decided: reference | compiled; none when none was asked
  std::string mode;                 // enforce | observe | dry-run
  std::string address;              // the pinned address, "" when none
  std::string address_class;        // "" when none
  std::string would;                // observe: what enforce would have decided
  std::string detail;               // instance text of a refusal, redacted here
  std::int64_t latency_engine_ns = 0, latency_gate_ns = 0;
  std::vector<std::string> asked = {}; // decision points, and what each said
};
// event_type egress_allowed | policy_denied | approval_required, by what was done with the call:
// one that observe let pass is egress_allowed, with `would`, and the rule and reason that judged
// it.
Record decision_record(const RunIdentity& who, const DecisionFacts& facts,
                       const std::shared_ptr<const redact::RuleSet>& rules);

enum class OutcomeStatus : std::uint8_t { failed = 0, succeeded, blocked, interrupted };
std::string_view to_string(OutcomeStatus status) noexcept;

struct LocatedFindings {
  std::string direction; // request | response
  std::string location;  // body | header | url | trailer | stream | message
  redact::Findings findings;
};

struct OutcomeFacts {
  const model::EgressCall* call = nullptr; // required
  OutcomeStatus status = OutcomeStatus::failed;
  model::Reason reason = model::Reason::none;
  std::string detail;
  int http_status = 0;
  std::uint64_t bytes_to_upstream = 0, bytes_to_downstream = 0;
  std::uint64_t messages_to_upstream = 0, messages_to_downstream = 0; // written for websocket only
  std::string address;                                                // dialled, "ip:port"
  std::string tls_version;                                            // "" when plain
  std::string upstream_peer; // the identity that the upstream proved; "" when none was asked for
  std::string request_body_hmac, response_body_hmac; // keyed, before redaction; "" when empty
  std::string request_body_hmac_sent, response_body_hmac_sent; // of what went on
  std::vector<LocatedFindings> findings;
  std::int64_t duration_ns = 0, first_byte_ns = 0;
  std::string decision_hash; // record_hash of the decision record
};
// event_type egress_outcome, or egress_error when status is failed or interrupted.
Record outcome_record(const RunIdentity& who, const OutcomeFacts& facts,
                      const std::shared_ptr<const redact::RuleSet>& rules);

// run_start, run_complete, run_failed, policy_loaded, policy_rejected, log_recovered, …
// Fields are (key, value) pairs in any order; string values pass the redactor.
struct EventField {
  std::string key;
  std::string value;
};
Record event_record(const RunIdentity& who, std::string event_type, std::vector<EventField> fields,
                    const std::shared_ptr<const redact::RuleSet>& rules);

} // namespace sluice::evidence
