#include "policy/engine/reference_engine.hpp"

#include <algorithm>
#include <utility>

namespace sluice::engine {
namespace {

using model::AddressClass;
using model::Decision;
using model::EgressCall;
using model::IpAddress;
using model::Obligations;
using model::Protocol;
using model::Reason;
using model::TlsMode;
using model::Verdict;

enum class Opening { never, by_policy }; // what `private: true` may do about an address class

struct AddressGuard {
  Reason reason;
  Opening opening;
};

AddressGuard guard_of(AddressClass klass) {
  switch (klass) {
  case AddressClass::global: return {Reason::none, Opening::by_policy};
  case AddressClass::loopback: return {Reason::address_loopback, Opening::by_policy};
  case AddressClass::private_use: return {Reason::address_private, Opening::by_policy};
  case AddressClass::link_local: return {Reason::address_link_local, Opening::by_policy};
  case AddressClass::cgnat: return {Reason::address_cgnat, Opening::by_policy};
  case AddressClass::metadata: return {Reason::address_metadata, Opening::never};
  case AddressClass::multicast: return {Reason::address_multicast, Opening::never};
  case AddressClass::embedded: return {Reason::address_embedded, Opening::never};
  case AddressClass::reserved: break;
  }
  return {Reason::address_reserved, Opening::never};
}

Reason reason_of(Verdict verdict) {
  switch (verdict) {
  case Verdict::allow: return Reason::none;
  case Verdict::require_approval: return Reason::approval_required;
  case Verdict::block: break;
  }
  return Reason::rule_block;
}

Decision decided_by(const Rule& rule) {
  Decision out;
  out.verdict = rule.effect;
  out.reason = reason_of(rule.effect);
  out.rule_id = rule.id;
  out.rule_name = rule.name;
  out.explanation = rule.reason;
  out.severity = model::row(out.reason).severity;
  return out;
}

bool opens_private(const Rule& rule, const EgressCall& call) {
  return rule.private_addresses && std::any_of(rule.match.hosts.begin(), rule.match.hosts.end(),
                                               [&](const HostPattern& host) {
                                                 return host.names_host() &&
                                                        host.matches(call.to.host);
                                               });
}

void tighten(std::optional<std::uint64_t>& limit, const std::optional<std::uint64_t>& other) {
  if (other) limit = std::min(*other, limit.value_or(*other));
}

void sort_unique(std::vector<std::string>& words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
}

bool all_restore(const std::vector<const Rule*>& allows, const std::string& direction) {
  return std::all_of(allows.begin(), allows.end(), [&](const Rule* rule) {
    return std::find(rule->restore.begin(), rule->restore.end(), direction) != rule->restore.end();
  });
}

// The duties of all matching allow rules: the widest redaction, the tightest limits, tokens put
// back only where all say so, and TLS passed through only when nobody wants to look inside. Of raw
// TCP nothing is intercepted or passed through, so there the word keeps its zero value.
Obligations obligations_of(const std::vector<const Rule*>& allows, const Defaults& defaults,
                           const EgressCall& call) {
  Obligations out;
  out.redact = defaults.redact;
  out.private_addresses = defaults.private_addresses;
  bool all_pass = !allows.empty() && call.protocol != Protocol::tcp;
  for (const Rule* rule : allows) {
    out.redact.insert(out.redact.end(), rule->redact.begin(), rule->redact.end());
    out.credentials.insert(out.credentials.end(), rule->credentials.begin(),
                           rule->credentials.end());
    all_pass = all_pass && rule->tls.value_or(defaults.tls) == TlsMode::passthrough;
    out.private_addresses = out.private_addresses || opens_private(*rule, call);
    tighten(out.request_body_limit, rule->request_body_limit);
    tighten(out.byte_limit, rule->byte_limit);
    if (rule->quotas) out.quotas.push_back(rule->quotas);
    for (const std::string& direction : rule->restore) {
      if (all_restore(allows, direction)) out.restore.push_back(direction);
    }
  }
  sort_unique(out.restore);
  sort_unique(out.redact);
  sort_unique(out.credentials);
  out.tls = all_pass ? TlsMode::passthrough : TlsMode::intercept;
  return out;
}

// block, then require_approval, then allow: the enumerators stand in this order.
bool beats(Verdict a, Verdict b) {
  return a < b;
}

// Whether a refusal waits for what a tunnel carries: passed through, it would never come to it.
bool refuses_inside(const Snapshot& policy, const EgressCall& call) {
  if (call.protocol != Protocol::connect) return false;
  return std::any_of(policy.egress.begin(), policy.egress.end(), [&](const Rule& rule) {
    return !rule.report_only && rule.effect != Verdict::allow && asks_for_exchange(rule) &&
           matches_destination(rule, call);
  });
}

// By the rules alone, without guards.
Decision by_rules(const Snapshot& policy, const EgressCall& call) {
  const Rule* winner = nullptr;
  std::vector<const Rule*> allows;
  std::vector<model::Reported> reported;
  for (const Rule& rule : policy.rules_for(call.protocol)) {
    if (!matches(rule, call)) continue;
    if (rule.report_only) {
      reported.push_back({rule.id, rule.effect});
      continue;
    }
    if (rule.effect == Verdict::allow) allows.push_back(&rule);
    if (winner == nullptr || beats(rule.effect, winner->effect)) winner = &rule;
  }
  Decision out = winner == nullptr ? Decision() : decided_by(*winner);
  if (out.allowed()) out.obligations = obligations_of(allows, policy.defaults, call);
  if (refuses_inside(policy, call)) out.obligations.tls = TlsMode::intercept;
  out.reported = std::move(reported);
  return out;
}

// A literal address or a network in a refusing rule also stands for names that resolve to it.
const Rule* refused_by_address(const Snapshot& policy, const EgressCall& call,
                               const IpAddress& address) {
  const Rule* winner = nullptr;
  EgressCall at_address;
  for (const Rule& rule : policy.rules_for(call.protocol)) {
    if (rule.report_only || rule.effect == Verdict::allow) continue;
    const auto& hosts = rule.match.hosts;
    const bool named = std::any_of(hosts.begin(), hosts.end(), [&](const HostPattern& h) {
      return h.matches_address(address);
    });
    if (!named) continue;
    if (at_address.to.host.empty()) {
      at_address = call;
      if (auto host = model::Host::parse(address.text())) at_address.to.host = host.value();
    }
    if (!matches(rule, at_address)) continue;
    if (winner == nullptr || beats(rule.effect, winner->effect)) winner = &rule;
  }
  return winner;
}

Decision guarded(const Snapshot& policy, const EgressCall& call, const Decision& by_name,
                 const IpAddress& address) {
  const AddressGuard guard = guard_of(address.classify());
  const bool open = guard.opening == Opening::by_policy &&
                    (by_name.obligations.private_addresses || policy.defaults.private_addresses);
  if (guard.reason != Reason::none && !open) {
    Decision out = Decision::refuse(guard.reason);
    out.reported = by_name.reported;
    return out;
  }
  if (!by_name.allowed()) return by_name;
  const Rule* rule = refused_by_address(policy, call, address);
  if (rule == nullptr) return by_name;
  Decision out = decided_by(*rule);
  out.reported = by_name.reported;
  return out;
}

// A refusing rule closes the host only when no port, method, path or scheme is left out: what it
// waits for inside a tunnel does not close the tunnel.
bool could_pass(const std::vector<Rule>& rules, const model::Host& host) {
  bool possible = false;
  for (const Rule& rule : rules) {
    if (rule.report_only || !matches_host(rule, host)) continue;
    if (rule.effect == Verdict::block && asks_only_for_hosts(rule)) return false;
    possible = possible || rule.effect != Verdict::block;
  }
  return possible;
}

} // namespace

Decision ReferenceEngine::decide(const EgressCall& call) const noexcept {
  // A call without a host is a defect upstream of us; no rule is asked about it.
  if (call.to.host.empty()) return Decision::refuse(Reason::host_invalid);
  const Decision by_name = by_rules(policy(), call);
  if (!call.to.host.is_address()) return by_name;
  return guarded(policy(), call, by_name, call.to.host.address());
}

Decision ReferenceEngine::decide_address(const EgressCall& call, const Decision& by_name,
                                         const IpAddress& address) const noexcept {
  return guarded(policy(), call, by_name, address);
}

bool ReferenceEngine::could_allow(const model::Host& host) const noexcept {
  return !host.empty() && (could_pass(policy().egress, host) || could_pass(policy().tcp, host));
}

std::vector<RuleTrace> ReferenceEngine::trace(const EgressCall& call) const {
  std::vector<RuleTrace> out;
  for (const Rule& rule : policy().rules_for(call.protocol)) {
    std::string why = why_not(rule, call);
    const bool matched = why.empty();
    out.push_back({rule.id, rule.name, rule.effect, rule.report_only, matched, std::move(why)});
  }
  return out;
}

} // namespace sluice::engine
