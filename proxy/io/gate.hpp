// The one door between a call and the world: decides by name, asks the decision points of the
// rules, resolves, decides again on every address, and hands out a Permit only after the log
// accepted the decision record. Every failure on the way is a refusal, and every refusal is
// recorded before it is answered. The only maker of permits, and the only file of the data plane
// that knows both the engine and the evidence log. Tested by tests/e2e/test_policy_decisions.py.
#pragma once

#include "policy/evidence/log.hpp"
#include "proxy/call/permit.hpp"
#include "proxy/io/decision_point.hpp"
#include "proxy/io/endpoint.hpp"
#include "proxy/io/evidence_outbox.hpp"
#include "proxy/io/resolver.hpp"
#include "proxy/io/services.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/task.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::io {

// Where we are: what is never a destination.
struct Surroundings {
  std::vector<Endpoint> listening;
  std::vector<model::IpAddress> addresses; // of this machine
};

class Gate { // one per worker
 public:
  Gate(const Executor& executor, const SharedServices& services, Resolver& resolver,
       const Settings& settings, std::shared_ptr<const ActivePolicy> policy, Surroundings around);

  Task<call::Admission> admit(model::EgressCall call);
  // For what never reached admit(). The refusal that comes back is the one to answer with: it says
  // evidence_unavailable when the record was not accepted.
  Task<call::Refusal> refuse(call::Refusal why, std::optional<model::EgressCall> call);
  // For what is not a call. False: it is not on record.
  Task<bool> record_event(evidence::Record record);
  // Who acts, and what time it is: for a call that is about to be judged.
  model::Given given() const;
  // Whether a CONNECT can lead anywhere. No record: inside an intercepted tunnel each call has its
  // own.
  model::Decision preview(const model::EgressCall& call) const;

  // Whether a call that was admitted would be admitted at this time, by the rules: decision points
  // are asked once, before a call begins.
  bool still_allows(const call::Permit& permit) const;
  bool is_self(const model::IpAddress& address, std::uint16_t port) const;
  bool is_local(const model::IpAddress& address) const; // of this machine, where we listen

  void use(std::shared_ptr<const ActivePolicy> policy) { policy_ = std::move(policy); }
  const ActivePolicy& policy() const noexcept { return *policy_; }
  // Requires: the worker's thread has ended. Destroys the coroutines that wait for evidence.
  void abandon() { outbox_.abandon(); }
  void close_idle(Time now) { points_.close_idle(now); } // connections to decision points

 private:
  struct Judged {
    model::Decision decision;
    std::vector<model::IpAddress> addresses;
    std::string detail;
    std::int64_t engine_ns = 0;
    std::vector<std::string> asked;       // decision points, and what each said
    std::string would;                    // observe: what enforce would have decided
    std::shared_ptr<limits::Meter> meter; // null: nothing is counted
    std::int64_t retry_after = 1;
    std::size_t refused_at = 0; // of the addresses
  };
  void judge_addresses(Judged& judged, const model::EgressCall& call,
                       const ActivePolicy& policy) const;
  bool still_allows(const model::EgressCall& call,
                    const std::vector<model::IpAddress>& addresses) const;
  bool is_as_judged(const call::Permit& permit) const;
  Task<Result<std::vector<model::IpAddress>>> addresses_of(const model::EgressCall& call);
  void count(const call::Outcome& how) const;
  void record_login(const call::PermitFacts& of, const call::Outcome& how,
                    const ActivePolicy& policy);
  bool redacts(const model::Decision& decision) const noexcept;
  bool shows_secret(const model::Decision& decision, const model::EgressCall& call,
                    const ActivePolicy& policy) const;
  // What the rules allow, the decision points that they name must allow, too.
  Task<> ask_points(Judged& judged, const model::EgressCall& call, const ActivePolicy& policy);
  bool was_overtaken(const Judged& judged, const model::EgressCall& call) const;
  // Where one listener proves who we are, or into a box, no other one leads.
  bool is_another_listeners(const model::EgressCall& call) const;
  // Counts an allowed call against its limits, or refuses it for one that is used up.
  void count_against_limits(Judged& judged) const;
  Task<Judged> judge(const model::EgressCall& call, const ActivePolicy& policy);
  call::Permit permit(model::EgressCall call, Judged judged, evidence::Receipt receipt,
                      std::shared_ptr<const ActivePolicy> policy);

  EvidenceOutbox outbox_;
  Resolver& resolver_;
  const SharedServices& services_;
  const Settings& settings_;
  std::shared_ptr<const model::Actor> actor_;
  std::shared_ptr<const ActivePolicy> policy_;
  Surroundings around_;
  DecisionPoints points_;
};

} // namespace sluice::io
