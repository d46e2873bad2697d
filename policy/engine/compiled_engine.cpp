#include "policy/engine/compiled_engine.hpp"

#include "policy/engine/section_index.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>

namespace sluice::engine {
namespace {

using model::AddressClass;
using model::Decision;
using model::EgressCall;
using model::Obligations;
using model::Protocol;
using model::Reason;
using model::TlsMode;
using model::Verdict;

constexpr std::size_t kMostWords = 64;

// Why a class of addresses is refused, and whether `private: true` opens it.
struct ClassGuard {
  Reason reason = Reason::address_reserved;
  bool opens = false;
};

constexpr std::array<ClassGuard, 9> kGuards = [] {
  std::array<ClassGuard, 9> out{};
  const auto set = [&out](AddressClass klass, Reason reason, bool opens) {
    out[static_cast<std::size_t>(klass)] = {reason, opens};
  };
  set(AddressClass::reserved, Reason::address_reserved, false);
  set(AddressClass::global, Reason::none, true);
  set(AddressClass::loopback, Reason::address_loopback, true);
  set(AddressClass::private_use, Reason::address_private, true);
  set(AddressClass::link_local, Reason::address_link_local, true);
  set(AddressClass::cgnat, Reason::address_cgnat, true);
  set(AddressClass::metadata, Reason::address_metadata, false);
  set(AddressClass::multicast, Reason::address_multicast, false);
  set(AddressClass::embedded, Reason::address_embedded, false);
  return out;
}();

// Words of duties, in order, as bits: what adds up is then one operation for all of them.
class DutyWords {
 public:
  void learn(const std::vector<std::string>& words) {
    words_.insert(words_.end(), words.begin(), words.end());
  }
  void finish() {
    std::sort(words_.begin(), words_.end());
    words_.erase(std::unique(words_.begin(), words_.end()), words_.end());
  }
  bool fits() const noexcept { return words_.size() <= kMostWords; }
  std::uint64_t bits_of(const std::vector<std::string>& words) const {
    std::uint64_t out = 0;
    for (const std::string& word : words) {
      const auto at = std::lower_bound(words_.begin(), words_.end(), word) - words_.begin();
      out |= std::uint64_t{1} << static_cast<unsigned>(at);
    }
    return out;
  }
  std::vector<std::string> words_of(std::uint64_t bits) const {
    std::vector<std::string> out;
    out.reserve(static_cast<std::size_t>(std::popcount(bits)));
    for (; bits != 0; bits &= bits - 1) {
      out.push_back(words_[static_cast<std::size_t>(std::countr_zero(bits))]);
    }
    return out;
  }

 private:
  std::vector<std::string> words_;
};

using Limit = std::optional<std::uint64_t>;

Limit tighter(Limit a, Limit b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

struct Duties { // of one rule
  std::uint64_t redact = 0, restore = 0, credentials = 0;
  Limit request_body_limit, byte_limit;
  bool passes_tls = false; // the default taken in
  bool opens_private = false;
  const std::shared_ptr<const model::RuleQuotas>* quotas = nullptr; // null: it has none
  const std::shared_ptr<const model::DecisionPoint>* ask = nullptr; // the same
};

// The sum of the duties of several allow rules.
void add_up(Duties& sum, const Duties& one) {
  sum.redact |= one.redact;
  sum.credentials |= one.credentials;
  sum.restore &= one.restore;
  sum.request_body_limit = tighter(sum.request_body_limit, one.request_body_limit);
  sum.byte_limit = tighter(sum.byte_limit, one.byte_limit);
  sum.passes_tls &= one.passes_tls;
}

Decision decision_of(const Rule& rule) {
  Decision out;
  out.verdict = rule.effect;
  out.reason = rule.effect == Verdict::allow              ? Reason::none
               : rule.effect == Verdict::require_approval ? Reason::approval_required
                                                          : Reason::rule_block;
  out.severity = model::row(out.reason).severity;
  out.rule_id = rule.id;
  out.rule_name = rule.name;
  out.explanation = rule.reason;
  return out;
}

} // namespace

struct CompiledEngine::Section {
  SectionIndex index;
  std::vector<Duties> duties; // by rank; of rules that refuse or report they are not read
};

struct CompiledEngine::Indexes {
  explicit Indexes(const Snapshot& policy);

  DutyWords redact, restore, credentials;
  std::uint64_t redact_always = 0;
  Section egress, tcp;
  std::array<Section, model::kOperationKinds> operations;

 private:
  void fill(Section& section, const std::vector<Rule>& rules, const Defaults& defaults) const;
};

CompiledEngine::Indexes::Indexes(const Snapshot& policy) {
  redact.learn(policy.defaults.redact);
  policy.each_rule([this](const Rule& rule) {
    redact.learn(rule.redact);
    restore.learn(rule.restore);
    credentials.learn(rule.credentials);
  });
  redact.finish();
  restore.finish();
  credentials.finish();
  // No loader makes a policy that does not fit; it has no rules here, so that it blocks everything.
  if (!redact.fits() || !restore.fits() || !credentials.fits()) return;
  std::size_t most = std::max(policy.egress.size(), policy.tcp.size());
  for (const auto& one : policy.operations) most = std::max(most, one.rules.size());
  if (most > kMaxRules) return;
  redact_always = redact.bits_of(policy.defaults.redact);
  fill(egress, policy.egress, policy.defaults);
  fill(tcp, policy.tcp, policy.defaults);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    fill(operations[i], policy.operations[i].rules, policy.defaults);
  }
}

void CompiledEngine::Indexes::fill(Section& section, const std::vector<Rule>& rules,
                                   const Defaults& defaults) const {
  section.index = SectionIndex(rules);
  section.duties.reserve(rules.size());
  for (std::size_t rank = 0; rank < section.index.size(); ++rank) {
    const Rule& rule = section.index.rule(rank);
    section.duties.push_back(
        {redact.bits_of(rule.redact), restore.bits_of(rule.restore),
         credentials.bits_of(rule.credentials), rule.request_body_limit, rule.byte_limit,
         rule.tls.value_or(defaults.tls) == TlsMode::passthrough, rule.private_addresses,
         rule.quotas ? &rule.quotas : nullptr, rule.ask ? &rule.ask : nullptr});
  }
}

CompiledEngine::CompiledEngine(std::shared_ptr<const Snapshot> policy)
    : Engine(EngineKind::compiled, std::move(policy)),
      indexes_(std::make_unique<const Indexes>(this->policy())) {}

CompiledEngine::~CompiledEngine() = default;

const CompiledEngine::Section& CompiledEngine::section_for(Protocol protocol) const noexcept {
  return protocol == Protocol::tcp ? indexes_->tcp : indexes_->egress;
}

// What all the allow rules from `first` on that match ask for.
Obligations CompiledEngine::obligations(const Section& section, const Question& question,
                                        std::size_t first, Protocol protocol) const noexcept {
  const std::size_t end = section.index.deciding();
  Duties sum = section.duties[first];
  bool opens = policy().defaults.private_addresses;
  Obligations out;
  for (std::size_t rank = first; rank < end; rank = question.next(rank + 1, end)) {
    const Duties& one = section.duties[rank];
    add_up(sum, one);
    opens = opens || (one.opens_private && question.named_by(rank));
    if (one.quotas != nullptr) out.quotas.push_back(*one.quotas);
    if (one.ask != nullptr) out.ask.push_back(*one.ask);
  }
  out.redact = indexes_->redact.words_of(sum.redact | indexes_->redact_always);
  out.restore = indexes_->restore.words_of(sum.restore);
  out.credentials = indexes_->credentials.words_of(sum.credentials);
  if (sum.passes_tls && protocol != Protocol::tcp) out.tls = TlsMode::passthrough;
  out.private_addresses = opens;
  out.request_body_limit = sum.request_body_limit;
  out.byte_limit = sum.byte_limit;
  return out;
}

// What the operations in a call come to, all sections together.
struct CompiledEngine::Operations {
  bool refused = false; // of several refusals the strongest and first
  Decision refusal;
  std::uint64_t redact = 0;
  model::Quotas quotas;
  std::vector<model::Reported> reported;

  // A rule's block, the default, an approval: less is stronger.
  static int strength(const Decision& one) {
    return one.verdict == Verdict::require_approval ? 2 : one.reason == Reason::rule_block ? 0 : 1;
  }
  void refuse(Decision with) {
    if (!refused || strength(with) < strength(refusal)) refusal = std::move(with);
    refused = true;
  }
};

void CompiledEngine::add_operation(model::Operation::Kind kind, const Subject& subject,
                                   Operations& out) const noexcept {
  const Section& section = indexes_->operations[static_cast<std::size_t>(kind)];
  const SectionIndex& index = section.index;
  const Question question(index, subject);
  std::size_t rank = question.next(0, index.deciding());
  if (rank < index.refusing()) {
    out.refuse(decision_of(index.rule(rank)));
  } else if (rank == index.deciding()) {
    Decision nothing;
    if (!subject.operation->read) nothing = Decision::refuse(Reason::body_unread);
    nothing.explanation = "no rule under " + std::string(model::to_string(kind)) + "s allows this";
    out.refuse(std::move(nothing));
  }
  for (; rank < index.deciding(); rank = question.next(rank + 1, index.deciding())) {
    if (rank < index.refusing()) continue;
    const Duties& duties = section.duties[rank];
    out.redact |= duties.redact;
    if (duties.quotas == nullptr) continue;
    const auto& known = out.quotas;
    if (std::find(known.begin(), known.end(), *duties.quotas) == known.end())
      out.quotas.push_back(*duties.quotas);
  }
  for (rank = question.next(index.deciding(), index.size()); rank < index.size();
       rank = question.next(rank + 1, index.size())) {
    out.reported.push_back({index.rule(rank).id, index.rule(rank).effect});
  }
}

CompiledEngine::Operations CompiledEngine::by_operations(const EgressCall& call) const noexcept {
  Operations out;
  if (call.protocol != Protocol::http && call.protocol != Protocol::websocket) return out;
  for (const auto kind : model::kAllOperationKinds) {
    if (!policy().rules_of(kind).written) continue;
    for (const model::Operation* one : operations_of(call, kind)) {
      add_operation(kind, {call, policy().defaults.inspect, one}, out);
    }
  }
  return out;
}

// Whether every section of operations lets pass what it does not see, and asks for nothing.
bool CompiledEngine::passes_unseen(const EgressCall& call) const noexcept {
  for (const auto kind : model::kAllOperationKinds) {
    if (!policy().rules_of(kind).written) continue;
    Operations all;
    add_operation(kind, {call, policy().defaults.inspect, &model::unread_operation(kind)}, all);
    if (all.refused || all.redact != 0 || !all.quotas.empty()) return false;
  }
  return true;
}

// By the rules alone, without guards.
Decision CompiledEngine::by_rules(const EgressCall& call, bool& opened,
                                  const model::IpAddress* address) const noexcept {
  const Section& section = section_for(call.protocol);
  const SectionIndex& index = section.index;
  const Question question(index, {call, policy().defaults.inspect, nullptr, address});
  const std::size_t first = question.next(0, index.deciding());
  Decision out = first < index.deciding() ? decision_of(index.rule(first)) : Decision();
  Operations operations = by_operations(call);
  if (out.allowed()) {
    out.obligations = obligations(section, question, first, call.protocol);
    if (operations.redact != 0) {
      const auto own = indexes_->redact.bits_of(out.obligations.redact);
      out.obligations.redact = indexes_->redact.words_of(own | operations.redact);
    }
    auto& quotas = out.obligations.quotas;
    quotas.insert(quotas.end(), operations.quotas.begin(), operations.quotas.end());
  }
  opened = out.obligations.private_addresses || policy().defaults.private_addresses;
  const bool passes = out.obligations.tls == TlsMode::passthrough;
  if (passes && call.protocol == Protocol::connect &&
      (question.refused_inside() || !passes_unseen(call)))
    out.obligations.tls = TlsMode::intercept;
  if (operations.refused &&
      (out.allowed() || Operations::strength(operations.refusal) < Operations::strength(out)))
    out = std::move(operations.refusal);
  for (std::size_t rank = question.next(index.deciding(), index.size()); rank < index.size();
       rank = question.next(rank + 1, index.size())) {
    out.reported.push_back({index.rule(rank).id, index.rule(rank).effect});
  }
  out.reported.insert(out.reported.end(), operations.reported.begin(), operations.reported.end());
  return out;
}

namespace {

// The refusal by the class of an address, if it is one.
bool is_guarded(const model::IpAddress& address, bool opened, const Decision& by_name,
                Decision& refusal) {
  const ClassGuard guard = kGuards[static_cast<std::size_t>(address.classify())];
  if (guard.reason == Reason::none || (guard.opens && opened)) return false;
  refusal = Decision::refuse(guard.reason);
  refusal.reported = by_name.reported;
  return true;
}

} // namespace

Decision CompiledEngine::decide(const EgressCall& call) const noexcept {
  // A call without a host is a defect upstream of us; no rule is asked about it.
  if (call.to.host.empty()) return Decision::refuse(Reason::host_invalid);
  bool opened = false;
  Decision out = once_read(call, by_rules(call, opened, nullptr));
  if (!call.to.host.is_address()) return out;
  // The rules have judged the address with the host.
  Decision refusal;
  return is_guarded(call.to.host.address(), opened, out, refusal) ? refusal : out;
}

// Each section that says something of the call, with what it is asked about.
template <class Each>
void CompiledEngine::each_section(const EgressCall& call, Each each) const noexcept {
  const auto inspect = policy().defaults.inspect;
  each(section_for(call.protocol).index, Subject(call, inspect));
  if (call.protocol != Protocol::http && call.protocol != Protocol::websocket) return;
  for (const auto kind : model::kAllOperationKinds) {
    if (!policy().rules_of(kind).written) continue;
    const auto& index = indexes_->operations[static_cast<std::size_t>(kind)].index;
    for (const auto* one : operations_of(call, kind)) each(index, Subject(call, inspect, one));
  }
}

// What refuses the address: networks, whatever the name is, and classes under this name.
const Rule* CompiledEngine::refusal_at(const EgressCall& call,
                                       const model::IpAddress& address) const noexcept {
  const Rule* strongest = nullptr;
  each_section(call, [&](const SectionIndex& index, Subject subject) {
    subject.address = &address;
    const std::size_t end = index.refusing();
    std::size_t first = Question(index, subject, Question::ByAddress()).next(0, end);
    if (policy().asks_for_class) first = std::min(first, Question(index, subject).next(0, end));
    if (first == end) return;
    const Rule& rule = index.rule(first);
    if (strongest == nullptr || rule.effect < strongest->effect) strongest = &rule;
  });
  return strongest;
}

// What rules that only report would say of the address: refusals are added, and allows that the
// address is not for are taken back.
void CompiledEngine::report_at(const EgressCall& call, const model::IpAddress& address,
                               std::vector<model::Reported>& reported) const noexcept {
  each_section(call, [&](const SectionIndex& index, Subject subject) {
    if (index.deciding() == index.size()) return;
    subject.address = &address;
    const Question by_address(index, subject, Question::ByAddress());
    const Question by_name(index, subject);
    for (std::size_t rank = index.deciding(); rank < index.size(); ++rank) {
      const Rule& rule = index.rule(rank);
      const bool refuses = rule.effect != Verdict::allow;
      if (!refuses && rule.match.address_classes.empty()) continue;
      const model::Reported said{rule.id, rule.effect};
      const auto known = std::find(reported.begin(), reported.end(), said);
      if (refuses == (known != reported.end())) continue; // nothing to add, or to take back
      const bool matched = by_name.next(rank, rank + 1) == rank ||
                           (refuses && by_address.next(rank, rank + 1) == rank);
      if (refuses && matched) reported.push_back(said);
      if (!refuses && !matched) reported.erase(known);
    }
  });
}

namespace {

// What an allow gives that no longer matches is taken back.
void take_back(Decision& out, Decision at) {
  const auto gone = [](const auto& still) {
    return [&still](const auto& one) {
      return std::find(still.begin(), still.end(), one) == still.end();
    };
  };
  auto& duties = out.obligations;
  std::erase_if(duties.credentials, gone(at.obligations.credentials));
  std::erase_if(duties.quotas, gone(at.obligations.quotas));
  duties.private_addresses = at.obligations.private_addresses;
  out.rule_id = std::move(at.rule_id);
  out.rule_name = std::move(at.rule_name);
  out.explanation = std::move(at.explanation);
}

} // namespace

Decision CompiledEngine::decide_address(const EgressCall& call, const Decision& by_name,
                                        const model::IpAddress& address) const noexcept {
  bool opened = by_name.obligations.private_addresses || policy().defaults.private_addresses;
  Decision out;
  if (!by_name.allowed()) return is_guarded(address, opened, by_name, out) ? out : by_name;
  const Rule* refusal = refusal_at(call, address);
  Decision at;
  const bool again = policy().asks_for_class && refusal == nullptr;
  if (again) at = by_rules(call, opened, &address);
  if (is_guarded(address, opened, by_name, out)) return out;
  if (refusal != nullptr) {
    out = decision_of(*refusal);
  } else if (again && !at.allowed()) {
    out = std::move(at);
  } else {
    out = by_name;
    if (again) take_back(out, std::move(at));
  }
  out.reported = by_name.reported;
  report_at(call, address, out.reported);
  return out;
}

bool CompiledEngine::could_allow(const model::Host& host,
                                 const model::Given& given) const noexcept {
  return !host.empty() && (indexes_->egress.index.could_allow(host, given) ||
                           indexes_->tcp.index.could_allow(host, given));
}

} // namespace sluice::engine
