// What decides: a policy and a call give a decision. Two engines do so, and they share parsing,
// facts and nothing else: `reference`, written for obviousness, and `compiled`, for speed. Same
// snapshot and same call, same answer of either: no clock, no I/O, no state; noexcept because a
// throw here would be an unguarded byte. Tested by tests/unit/engine/engine_test.cpp and
// could_allow_test.cpp, and held equal by tests/property/engine_parity_test.cpp.
#pragma once

#include "policy/engine/snapshot.hpp"
#include "policy/model/decision.hpp"
#include "policy/model/egress_call.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace sluice::engine {

enum class EngineKind : std::uint8_t { reference = 0, compiled };
std::string_view to_string(EngineKind kind) noexcept;

class Engine {
 public:
  virtual ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // By name, before resolving. A literal address is also judged by decide_address's guards.
  virtual model::Decision decide(const model::EgressCall& call) const noexcept = 0;
  // After resolving, for each address in turn, with what was decided at the one before: guards on
  // the address that will be dialled, and the rules about networks and classes of addresses.
  // Returns the refusal, or by_name, whose duties are those of the rules that still match, and
  // which reports what rules about addresses would have decided.
  virtual model::Decision decide_address(const model::EgressCall& call,
                                         const model::Decision& by_name,
                                         const model::IpAddress& address) const noexcept = 0;
  // All addresses of a name, one after the other: the first refusal, which `at` tells, or what is
  // decided at all of them. What is given is given at each of them; what is counted is counted
  // where it is at one of them, since it is dialled after that. Requires: by_name allows.
  struct Addresses {
    model::Decision decision;
    std::size_t at = 0; // of the refusal; else 0
  };
  Addresses decide_addresses(const model::EgressCall& call, const model::Decision& by_name,
                             std::span<const model::IpAddress> addresses) const;
  // Whether any call to this host could pass, now or once approved: what a name must have to be
  // resolved for an agent at all. True never promises that one does; false promises that none does.
  virtual bool could_allow(const model::Host& host,
                           const model::Given& given = {}) const noexcept = 0;
  // How many bytes of the call's body decide() has to see; its content is head_only. 0: none, as no
  // rule asks what is in it, or it is refused whatever is in it. decide() never allows a call whose
  // body it had to see and has not.
  std::uint64_t body_needed(const model::EgressCall& head) const noexcept;
  const Snapshot& policy() const noexcept { return *policy_; }
  EngineKind kind() const noexcept { return kind_; }

 protected:
  Engine(EngineKind kind, std::shared_ptr<const Snapshot> policy); // null blocks everything

  // By the rules, without guards; `opened` becomes whether `egress` or `tcp` lets the call go to
  // private addresses, though an operation in it may be refused. What a rule asks of the body of a
  // call that is head_only may turn out as an allow wants it, as may the class of a name that is
  // not resolved (`address` is null).
  virtual model::Decision by_rules(const model::EgressCall& call, bool& opened,
                                   const model::IpAddress* address) const noexcept = 0;
  model::Decision once_read(const model::EgressCall& call, model::Decision decision) const noexcept;

 private:
  bool looks_at_body(const model::EgressCall& call) const noexcept;
  EngineKind kind_;
  std::shared_ptr<const Snapshot> policy_;
};

std::shared_ptr<const Engine> make_engine(EngineKind kind, std::shared_ptr<const Snapshot> policy);

} // namespace sluice::engine
