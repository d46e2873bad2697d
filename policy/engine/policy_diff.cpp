#include "policy/engine/policy_diff.hpp"

#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/explain.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace sluice::engine {
namespace {

using model::Decision;
using model::EgressCall;
using model::Obligations;
using model::TlsMode;
using model::Verdict;

struct DutyChanges {
  std::vector<std::string> loosened, tightened;
};

// Words that are in one list and not in the other.
void compare_words(const std::vector<std::string>& a, const std::vector<std::string>& b,
                   const std::string& lost, const std::string& gained,
                   std::vector<std::string>& if_lost, std::vector<std::string>& if_gained) {
  const auto has = [](const std::vector<std::string>& all, const std::string& word) {
    return std::find(all.begin(), all.end(), word) != all.end();
  };
  for (const auto& word : a) {
    if (!has(b, word)) if_lost.push_back(lost + word);
  }
  for (const auto& word : b) {
    if (!has(a, word)) if_gained.push_back(gained + word);
  }
}

void compare_limit(const std::optional<std::uint64_t>& a, const std::optional<std::uint64_t>& b,
                   const std::string& name, DutyChanges& out) {
  if (a == b) return;
  const auto shown = [](const std::optional<std::uint64_t>& one) {
    return one ? std::to_string(*one) : std::string("none");
  };
  const bool less = b && (!a || *b < *a);
  (less ? out.tightened : out.loosened)
      .push_back("limit of " + name + ": " + shown(a) + " -> " + shown(b));
}

std::vector<std::string> texts_of(const model::DecisionPoints& points) {
  std::vector<std::string> out;
  for (const auto& one : points) out.push_back(one->text());
  return out;
}

DutyChanges compare_duties(const Obligations& a, const Obligations& b) {
  DutyChanges out;
  compare_words(a.redact, b.redact, "no longer redacts ", "redacts ", out.loosened, out.tightened);
  compare_words(a.credentials, b.credentials, "no longer gives the login ", "gives the login ",
                out.tightened, out.loosened);
  compare_words(a.restore, b.restore, "no longer puts tokens back in the ",
                "puts tokens back in the ", out.tightened, out.loosened);
  compare_words(texts_of(a.ask), texts_of(b.ask), "no longer asks ", "asks ", out.loosened,
                out.tightened);
  compare_limit(a.request_body_limit, b.request_body_limit, "request_body", out);
  compare_limit(a.byte_limit, b.byte_limit, "bytes", out);
  if (a.tls != b.tls) {
    const bool passes = b.tls == TlsMode::passthrough;
    (passes ? out.loosened : out.tightened)
        .push_back(passes ? "TLS is passed through" : "TLS is intercepted");
  }
  if (a.private_addresses != b.private_addresses) {
    (b.private_addresses ? out.loosened : out.tightened)
        .push_back(b.private_addresses ? "opens private addresses" : "closes private addresses");
  }
  return out;
}

Change change_of(Verdict a, Verdict b) {
  if (b == Verdict::allow) return Change::newly_allowed;
  if (b == Verdict::block) return Change::newly_blocked;
  return a == Verdict::allow ? Change::newly_needs_approval : Change::loosened;
}

// By name, and at the address that it goes to when it says so.
Decision judged(const Engine& engine, const EgressCall& call) {
  const Decision by_name = engine.decide(call);
  return call.original ? engine.decide_address(call, by_name, *call.original) : by_name;
}

class Differ {
 public:
  Differ(const std::shared_ptr<const Snapshot>& a, const std::shared_ptr<const Snapshot>& b)
      : fast_a_(a), fast_b_(b), slow_a_(a), slow_b_(b) {}

  void look_at(const EgressCall& call) {
    const Decision a = judged(fast_a_, call), b = judged(fast_b_, call);
    if (a.verdict != b.verdict) {
      note(change_of(a.verdict, b.verdict), call, a, b,
           a.verdict == Verdict::block && b.verdict == Verdict::require_approval
               ? std::vector<std::string>{"a person may let it pass"}
               : std::vector<std::string>{});
      return;
    }
    if (!a.allowed() || a.obligations == b.obligations) return;
    auto duties = compare_duties(a.obligations, b.obligations);
    if (!duties.loosened.empty()) note(Change::loosened, call, a, b, std::move(duties.loosened));
    if (!duties.tightened.empty()) note(Change::tightened, call, a, b, std::move(duties.tightened));
  }

  std::vector<CallChange> take() {
    std::vector<CallChange> out;
    for (auto& [key, one] : found_) out.push_back(std::move(one));
    std::stable_sort(out.begin(), out.end(),
                     [](const auto& x, const auto& y) { return x.change < y.change; });
    return out;
  }

 private:
  void note(Change change, const EgressCall& call, const Decision& a, const Decision& b,
            std::vector<std::string> what) {
    std::string key = std::to_string(static_cast<int>(change)) + ' ' + a.rule_id + ' ' + b.rule_id;
    for (const auto& one : what) key += '\n' + one;
    if (found_.contains(key)) return;
    // An example is for people, and both engines have to agree on it.
    found_.emplace(std::move(key), CallChange{change, call, agreed(judged(slow_a_, call), a),
                                              agreed(judged(slow_b_, call), b), std::move(what)});
  }

  CompiledEngine fast_a_, fast_b_;
  ReferenceEngine slow_a_, slow_b_;
  std::map<std::string, CallChange> found_;
};

bool same_rule(const RedactionRule& a, const RedactionRule& b) {
  return a.text.pattern == b.text.pattern && a.text.anchor == b.text.anchor &&
         a.text.max_length == b.text.max_length && a.text.check == b.text.check &&
         a.text.entropy == b.text.entropy && a.rule.action == b.rule.action &&
         a.rule.places == b.rule.places;
}

// One that only reports, or is about a built-in rule, may find less than none.
Change change_of_new(const RedactionRule& rule) {
  const bool finds = !rule.text.pattern.empty() && rule.rule.action != redact::Action::report;
  return finds ? Change::tightened : Change::changed;
}

template <class T, class Id>
const T* find_by(const std::vector<T>& all, const std::string& id, Id id_of) {
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const T& one) { return id_of(one) == id; });
  return at == all.end() ? nullptr : &*at;
}

std::vector<SettingChange> compare_settings(const Snapshot& a, const Snapshot& b) {
  std::vector<SettingChange> out;
  if (a.defaults.inspect != b.defaults.inspect) {
    const bool more = b.defaults.inspect > a.defaults.inspect;
    out.push_back({more ? Change::loosened : Change::tightened,
                   "bodies are read up to " + std::to_string(b.defaults.inspect) + " bytes"});
  }
  const auto rule_id = [](const RedactionRule& one) { return one.text.id; };
  const auto credential_id = [](const model::Credential& one) { return one.id(); };
  const auto &from = a.redaction, &to = b.redaction;
  for (const auto& one : from.rules) {
    const auto* other = find_by(to.rules, rule_id(one), rule_id);
    if (other == nullptr) {
      const bool finds = change_of_new(one) == Change::tightened;
      out.push_back({finds ? Change::loosened : Change::changed,
                     "the redaction rule " + rule_id(one) + " is gone"});
    } else if (!same_rule(one, *other)) {
      out.push_back({Change::changed, "the redaction rule " + rule_id(one) + " is another"});
    }
  }
  for (const auto& one : to.rules) {
    if (find_by(from.rules, rule_id(one), rule_id) == nullptr)
      out.push_back({change_of_new(one), "the redaction rule " + rule_id(one) + " is new"});
  }
  if (from.placeholder != to.placeholder || from.keep_length != to.keep_length)
    out.push_back({Change::changed, "masks look different"});
  for (const auto& one : a.credentials) {
    const auto* other = find_by(b.credentials, one.id(), credential_id);
    if (other != nullptr && !(*other == one))
      out.push_back({Change::changed, "the credential " + one.id() + " is another"});
  }
  return out;
}

} // namespace

std::string_view to_string(Change change) noexcept {
  switch (change) {
  case Change::newly_allowed: return "newly_allowed";
  case Change::newly_needs_approval: return "newly_needs_approval";
  case Change::newly_blocked: return "newly_blocked";
  case Change::loosened: return "loosened";
  case Change::tightened: return "tightened";
  case Change::changed: break;
  }
  return "changed";
}

PolicyDiff diff_policies(const std::shared_ptr<const Snapshot>& a,
                         const std::shared_ptr<const Snapshot>& b) {
  PolicyDiff out;
  out.same = a->digest == b->digest;
  if (out.same) return out;
  if (a->asks_for_time || b->asks_for_time) out.times = ShowTime::yes;
  Differ differ(a, b);
  out.sweep = each_witness_call(*a, *b, [&](const EgressCall& call) { differ.look_at(call); });
  out.calls = differ.take();
  out.settings = compare_settings(*a, *b);
  return out;
}

} // namespace sluice::engine
