#include "policy/engine/reference_engine.hpp"

#include <algorithm>
#include <optional>
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
    if (rule->ask) out.ask.push_back(rule->ask);
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

struct Answer {                 // of one section
  const Rule* winner = nullptr; // null: no rule matches
  std::vector<const Rule*> allows;
  std::vector<model::Reported> reported;
};

Answer ask(const std::vector<Rule>& rules, const Subject& subject) {
  Answer out;
  for (const Rule& rule : rules) {
    if (!matches(rule, subject)) continue;
    if (rule.report_only) {
      out.reported.push_back({rule.id, rule.effect});
      continue;
    }
    if (rule.effect == Verdict::allow) out.allows.push_back(&rule);
    if (out.winner == nullptr || beats(rule.effect, out.winner->effect)) out.winner = &rule;
  }
  return out;
}

// A refusal waits for what a tunnel carries, or a section of operations would: passed through, it
// would never come to it.
bool must_look_inside(const Snapshot& policy, const EgressCall& call) {
  if (call.protocol != Protocol::connect) return false;
  const bool refused =
      std::any_of(policy.egress.begin(), policy.egress.end(), [&](const Rule& rule) {
        return !rule.report_only && rule.effect != Verdict::allow && asks_for_exchange(rule) &&
               matches_destination(rule, call);
      });
  if (refused) return true;
  return std::any_of(
      model::kAllOperationKinds.begin(), model::kAllOperationKinds.end(), [&](auto kind) {
        const auto& section = policy.rules_of(kind);
        if (!section.written) return false;
        const auto answer =
            ask(section.rules, {call, policy.defaults.inspect, &model::unread_operation(kind)});
        const auto has_duty = [](const Rule* rule) {
          return !rule->redact.empty() || rule->quotas;
        };
        return answer.winner == nullptr || answer.winner->effect != Verdict::allow ||
               std::any_of(answer.allows.begin(), answer.allows.end(), has_duty);
      });
}

Decision no_rule_for(const model::Operation& operation) {
  Decision out = operation.read ? Decision() : Decision::refuse(Reason::body_unread);
  out.explanation = "no rule under " + std::string(to_string(operation.kind)) + "s allows this";
  return out;
}

// A rule that blocks, then the default, then require_approval, then allow.
int rank_of(const Decision& decision) {
  if (decision.verdict != Verdict::block) return decision.allowed() ? 3 : 2;
  return decision.reason == Reason::rule_block ? 0 : 1;
}

void add_duties(Obligations& out, const std::vector<const Rule*>& allows) {
  for (const Rule* rule : allows) {
    out.redact.insert(out.redact.end(), rule->redact.begin(), rule->redact.end());
    const bool counted =
        std::find(out.quotas.begin(), out.quotas.end(), rule->quotas) != out.quotas.end();
    if (rule->quotas && !counted) out.quotas.push_back(rule->quotas);
  }
  sort_unique(out.redact);
}

bool carries_operations(const EgressCall& call) {
  return call.protocol == Protocol::http || call.protocol == Protocol::websocket;
}

} // namespace

// By the rules alone, without guards: the section of the protocol, and every operation by its own.
Decision ReferenceEngine::by_rules(const EgressCall& call, bool& opened,
                                   const IpAddress* address) const noexcept {
  const auto inspect = policy().defaults.inspect;
  Answer answer = ask(policy().rules_for(call.protocol), {call, inspect, nullptr, address});
  Decision out = answer.winner == nullptr ? Decision() : decided_by(*answer.winner);
  opened = policy().defaults.private_addresses;
  if (out.allowed()) out.obligations = obligations_of(answer.allows, policy().defaults, call);
  opened = opened || out.obligations.private_addresses;
  std::vector<const Rule*> allows;
  std::vector<model::Reported> reported = std::move(answer.reported);
  for (const auto kind : model::kAllOperationKinds) {
    const auto& section = policy().rules_of(kind);
    if (!section.written || !carries_operations(call)) continue;
    for (const model::Operation* one : operations_of(call, kind)) {
      Answer theirs = ask(section.rules, {call, inspect, one, address});
      Decision decision = theirs.winner == nullptr ? no_rule_for(*one) : decided_by(*theirs.winner);
      if (rank_of(decision) < rank_of(out)) out = std::move(decision);
      allows.insert(allows.end(), theirs.allows.begin(), theirs.allows.end());
      reported.insert(reported.end(), theirs.reported.begin(), theirs.reported.end());
    }
  }
  if (out.allowed()) add_duties(out.obligations, allows);
  if (must_look_inside(policy(), call)) out.obligations.tls = TlsMode::intercept;
  out.reported = std::move(reported);
  return out;
}

namespace {

// Whether the rule matches once the address is known: by the name, or, since a literal address or a
// network in a refusing rule also stands for names that resolve to it, by the address.
bool matches_at(const Rule& rule, const Subject& subject, const IpAddress& address) {
  const Subject resolved(subject.call, subject.inspect, subject.operation, &address);
  if (matches(rule, resolved)) return true;
  const auto& hosts = rule.match.hosts;
  const bool named = rule.effect != Verdict::allow &&
                     std::any_of(hosts.begin(), hosts.end(), [&](const HostPattern& host) {
                       return host.matches_address(address);
                     });
  if (!named) return false;
  EgressCall there = subject.call;
  if (auto host = model::Host::parse(address.text())) there.to.host = host.value();
  return matches(rule, {there, subject.inspect, subject.operation, &address});
}

// A rule that matches by the name has been asked already.
bool is_about_addresses(const Rule& rule) {
  const auto& hosts = rule.match.hosts;
  return !rule.match.address_classes.empty() ||
         std::any_of(hosts.begin(), hosts.end(),
                     [](const HostPattern& host) { return host.address().has_value(); });
}

struct AtAddress {
  const Rule* refusal = nullptr; // the strongest, of them the first
  std::vector<model::Reported> reported;
};

void look_at(const std::vector<Rule>& rules, const Subject& subject, const IpAddress& address,
             AtAddress& out) {
  const Rule* winner = nullptr; // of this section
  for (const Rule& rule : rules) {
    if (!is_about_addresses(rule)) continue;
    const bool matched = matches_at(rule, subject, address);
    const model::Reported said{rule.id, rule.effect};
    const auto known = std::find(out.reported.begin(), out.reported.end(), said);
    if (rule.report_only && rule.effect == Verdict::allow) {
      if (!matched && known != out.reported.end()) out.reported.erase(known);
    } else if (rule.report_only) {
      if (matched && known == out.reported.end()) out.reported.push_back(said);
    } else if (matched && rule.effect != Verdict::allow) {
      if (winner == nullptr || beats(rule.effect, winner->effect)) winner = &rule;
    }
  }
  if (winner == nullptr) return;
  if (out.refusal == nullptr || beats(winner->effect, out.refusal->effect)) out.refusal = winner;
}

AtAddress look_at(const Snapshot& policy, const EgressCall& call, const Decision& by_name,
                  const IpAddress& address) {
  AtAddress out;
  out.reported = by_name.reported;
  const auto inspect = policy.defaults.inspect;
  look_at(policy.rules_for(call.protocol), {call, inspect}, address, out);
  for (const auto kind : model::kAllOperationKinds) {
    const auto& section = policy.rules_of(kind);
    if (!section.written || !carries_operations(call)) continue;
    for (const model::Operation* one : operations_of(call, kind))
      look_at(section.rules, {call, inspect, one}, address, out);
  }
  return out;
}

template <class T> void keep_only(std::vector<T>& all, const std::vector<T>& wanted) {
  std::erase_if(all, [&](const T& one) {
    return std::find(wanted.begin(), wanted.end(), one) == wanted.end();
  });
}

// What an allow gives that no longer matches is taken back; what it asks for stays, as somebody may
// have been asked already.
void narrow(Decision& by_name, const Decision& at) {
  by_name.rule_id = at.rule_id;
  by_name.rule_name = at.rule_name;
  by_name.explanation = at.explanation;
  auto& duties = by_name.obligations;
  keep_only(duties.credentials, at.obligations.credentials);
  keep_only(duties.quotas, at.obligations.quotas);
  duties.private_addresses = at.obligations.private_addresses;
}

// The refusal by the class of an address, if it is one.
std::optional<Decision> guarded(const IpAddress& address, bool opened, const Decision& by_name) {
  const AddressGuard guard = guard_of(address.classify());
  const bool open = guard.opening == Opening::by_policy && opened;
  if (guard.reason == Reason::none || open) return std::nullopt;
  Decision out = Decision::refuse(guard.reason);
  out.reported = by_name.reported;
  return out;
}

// A refusing rule closes the host only when no port, method, path or scheme is left out: what it
// waits for inside a tunnel does not close the tunnel.
bool could_pass(const std::vector<Rule>& rules, const model::Host& host,
                const model::Given& given) {
  bool possible = false;
  for (const Rule& rule : rules) {
    if (rule.report_only || !matches_host(rule, host) || !matches_given(rule, given)) continue;
    if (rule.effect == Verdict::block && asks_only_for_hosts(rule)) return false;
    possible = possible || rule.effect != Verdict::block;
  }
  return possible;
}

} // namespace

Decision ReferenceEngine::decide(const EgressCall& call) const noexcept {
  // A call without a host is a defect upstream of us; no rule is asked about it.
  if (call.to.host.empty()) return Decision::refuse(Reason::host_invalid);
  bool opened = false;
  Decision by_name = once_read(call, by_rules(call, opened, nullptr));
  if (!call.to.host.is_address()) return by_name;
  // The rules have judged the address with the host.
  return guarded(call.to.host.address(), opened, by_name).value_or(by_name);
}

Decision ReferenceEngine::decide_address(const EgressCall& call, const Decision& by_name,
                                         const IpAddress& address) const noexcept {
  bool opened = by_name.obligations.private_addresses || policy().defaults.private_addresses;
  if (!by_name.allowed()) return guarded(address, opened, by_name).value_or(by_name);
  AtAddress there = look_at(policy(), call, by_name, address);
  Decision out = by_name;
  if (policy().asks_for_class && there.refusal == nullptr) {
    const Decision at = by_rules(call, opened, &address);
    if (!at.allowed()) out = at;
    if (at.allowed()) narrow(out, at);
  }
  if (const auto refused = guarded(address, opened, by_name)) return *refused;
  if (there.refusal != nullptr) out = decided_by(*there.refusal);
  out.reported = std::move(there.reported);
  return out;
}

bool ReferenceEngine::could_allow(const model::Host& host,
                                  const model::Given& given) const noexcept {
  return !host.empty() &&
         (could_pass(policy().egress, host, given) || could_pass(policy().tcp, host, given));
}

std::vector<RuleTrace> ReferenceEngine::trace(const EgressCall& call,
                                              const IpAddress* address) const {
  std::vector<RuleTrace> out;
  const auto add = [&](const std::vector<Rule>& rules, const Subject& subject) {
    for (const Rule& rule : rules) {
      const bool there = address != nullptr && matches_at(rule, subject, *address);
      std::string why = there ? "" : why_not(rule, subject);
      const bool matched = why.empty();
      out.push_back({rule.id, rule.name, rule.effect, rule.report_only, matched, std::move(why)});
    }
  };
  const auto inspect = policy().defaults.inspect;
  add(policy().rules_for(call.protocol), {call, inspect, nullptr, address});
  for (const auto kind : model::kAllOperationKinds) {
    const auto& section = policy().rules_of(kind);
    if (!section.written || !carries_operations(call)) continue;
    for (const model::Operation* one : operations_of(call, kind)) {
      add(section.rules, {call, inspect, one, address});
    }
  }
  return out;
}

} // namespace sluice::engine
