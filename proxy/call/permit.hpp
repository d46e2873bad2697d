// The gate's two answers. A Permit is proof that a call was allowed and that the proof was written
// down; it is move-only, only io::Gate (and tests/support) can make one, and every function that
// opens an upstream connection takes one. A permit closes exactly once, with an outcome record.
// Never copy one, never make one without a receipt.
// Tested by tests/unit/call/permit_test.cpp.
#pragma once

#include "policy/evidence/log.hpp"
#include "policy/evidence/record.hpp"
#include "policy/limits/ledger.hpp"
#include "policy/model/decision.hpp"
#include "policy/model/egress_call.hpp"
#include "proxy/call/body_digest.hpp"
#include "proxy/call/credentials.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace sluice::call {

// How an admitted call ended; becomes the outcome record.
struct Outcome {
  evidence::OutcomeStatus status = evidence::OutcomeStatus::failed;
  model::Reason reason = model::Reason::internal_error;
  std::string detail;
  int http_status = 0;
  std::uint64_t bytes_to_upstream = 0, bytes_to_downstream = 0;
  // Of a WebSocket: messages that its sender ended.
  std::uint64_t messages_to_upstream = 0, messages_to_downstream = 0;
  std::string address;                     // dialled, "ip:port"
  std::string tls_version;                 // towards the upstream; "" when plain
  std::string upstream_peer;               // who proved to be there; "" when nobody had to
  BodyDigests request_body, response_body; // of a relay: of what each side said
  std::vector<evidence::LocatedFindings> findings;
  std::vector<std::string> credentials; // ids of what was put into the request
  std::int64_t first_byte_ns = 0;
};

struct PermitFacts {
  model::EgressCall call;
  model::Decision decision;
  std::vector<model::IpAddress> addresses;          // checked, in the order to dial; never empty
  evidence::Receipt receipt;                        // of the decision record
  std::string policy_digest;                        // of what decided
  bool redact = true;                               // false only when no obligation asks for it
  std::shared_ptr<const CredentialSet> credentials; // of the policy that decided; null: it has none
  std::shared_ptr<limits::Meter> meter;             // null: its rules have no limits with counters
};

class Permit {
 public:
  Permit(Permit&& other) noexcept = default;
  Permit& operator=(Permit&& other) noexcept;
  ~Permit(); // an open permit closes as failed / internal_error: "abandoned"

  const model::EgressCall& call() const noexcept { return state_->facts.call; }
  const model::Decision& decision() const noexcept { return state_->facts.decision; }
  const std::vector<model::IpAddress>& addresses() const noexcept {
    return state_->facts.addresses;
  }
  const evidence::Receipt& receipt() const noexcept { return state_->facts.receipt; }
  const std::string& policy_digest() const noexcept { return state_->facts.policy_digest; }
  bool redact() const noexcept { return state_->facts.redact; }
  const std::shared_ptr<const CredentialSet>& credentials() const noexcept {
    return state_->facts.credentials;
  }
  const std::shared_ptr<limits::Meter>& meter() const noexcept { return state_->facts.meter; }
  void close(const Outcome& how_it_ended); // the first call counts, later ones do nothing

 private:
  friend class PermitMaker;
  using OnClose = std::function<void(const PermitFacts&, const Outcome&)>;
  struct State {
    PermitFacts facts;
    OnClose on_close;
  };
  explicit Permit(std::unique_ptr<State> state) : state_(std::move(state)) {}
  std::unique_ptr<State> state_;
};

// The one door to a Permit's constructor. Named only in proxy/io/gate.cpp and tests/support: the
// layering lint fails on any other mention.
class PermitMaker {
 public:
  static Permit make(PermitFacts facts, Permit::OnClose on_close);
};

struct Refusal {
  std::string call_id;
  model::Decision decision;     // reason, rule_id, explanation
  std::string detail;           // of this instance; for the agent; never a secret
  std::int64_t retry_after = 1; // seconds, when it is worth to try again
};

using Admission = std::variant<Refusal, Permit>; // no third answer

} // namespace sluice::call
