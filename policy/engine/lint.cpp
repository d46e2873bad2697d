#include "policy/engine/parse.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

using model::Verdict;

// Comparing every rule with every other must stay cheap for a policy of any size.
constexpr std::size_t kMaxComparisons = 2'000'000;

class Cover {
 public:
  explicit Cover(std::size_t& spent) : spent_(spent) {}
  // Whether `a` certainly matches every call that `b` matches.
  bool covers(const Match& a, const Match& b) {
    return all(b.hosts, a.hosts) && (a.ports.empty() || (!b.ports.empty() && all_ports(b, a))) &&
           (a.methods.empty() || (!b.methods.empty() && all_in(b.methods, a.methods))) &&
           (a.schemes.empty() || (!b.schemes.empty() && all_in(b.schemes, a.schemes))) &&
           (a.paths.empty() || (!b.paths.empty() && all(b.paths, a.paths))) &&
           (a.headers.empty() || a.headers == b.headers) &&
           (a.query.empty() || a.query == b.query) &&
           (a.content_types.empty() || a.content_types == b.content_types) &&
           (a.values.empty() || a.values == b.values) &&
           (a.names.empty() || (!b.names.empty() && all_texts(b.names, a.names))) &&
           (a.operation_methods.empty() || (!b.operation_methods.empty() &&
                                            all_texts(b.operation_methods, a.operation_methods))) &&
           (!a.streaming || a.streaming == b.streaming) && covers_given(a, b) &&
           (a.server_names.empty() ||
            (!b.server_names.empty() && all(b.server_names, a.server_names))) &&
           (a.address_classes.empty() ||
            (!b.address_classes.empty() && all_in(b.address_classes, a.address_classes)));
  }
  bool exhausted() const { return spent_ > kMaxComparisons; }

 private:
  bool covers_given(const Match& a, const Match& b) {
    return (a.agents.empty() || (!b.agents.empty() && all_texts(b.agents, a.agents))) &&
           (a.sessions.empty() || (!b.sessions.empty() && all_texts(b.sessions, a.sessions))) &&
           (a.time.empty() || (!b.time.empty() && all_windows(b.time, a.time)));
  }

  // Each day by itself: within one window of that day.
  bool all_windows(const std::vector<TimeWindow>& inner, const std::vector<TimeWindow>& outer) {
    spent_ += inner.size() * outer.size();
    if (exhausted()) return false;
    return std::all_of(inner.begin(), inner.end(), [&](const TimeWindow& one) {
      for (int day = 0; day < 7; ++day) {
        const bool begins = (one.days >> static_cast<unsigned>(day) & 1U) != 0;
        const auto holds = [&](const TimeWindow& wide) { return wide.covers(one, day); };
        if (begins && std::none_of(outer.begin(), outer.end(), holds)) return false;
      }
      return true;
    });
  }

  template <class Pattern>
  bool all(const std::vector<Pattern>& inner, const std::vector<Pattern>& outer) {
    for (const Pattern& one : inner) {
      spent_ += outer.size();
      if (exhausted()) return false;
      const bool covered = std::any_of(outer.begin(), outer.end(),
                                       [&](const Pattern& wide) { return wide.covers(one); });
      if (!covered) return false;
    }
    return !inner.empty();
  }

  template <class T> bool all_in(const std::vector<T>& inner, const std::vector<T>& outer) {
    spent_ += inner.size() * outer.size();
    return !exhausted() && std::all_of(inner.begin(), inner.end(), [&](const T& one) {
      return std::find(outer.begin(), outer.end(), one) != outer.end();
    });
  }

  // What is written with fewer stars than the wide one is within it.
  bool all_texts(const std::vector<TextPattern>& inner, const std::vector<TextPattern>& outer) {
    spent_ += inner.size() * outer.size();
    return !exhausted() && std::all_of(inner.begin(), inner.end(), [&](const TextPattern& one) {
      return std::any_of(outer.begin(), outer.end(), [&](const TextPattern& wide) {
        const bool plain = one.regex() == nullptr && one.text().find('*') == std::string::npos;
        return wide == one || (plain && wide.matches(one.text())) ||
               (wide.regex() == nullptr && wide.text() == "*");
      });
    });
  }

  bool all_ports(const Match& inner, const Match& outer) {
    spent_ += inner.ports.size() * outer.ports.size();
    return !exhausted() &&
           std::all_of(inner.ports.begin(), inner.ports.end(), [&](const PortRange& one) {
             return std::any_of(outer.ports.begin(), outer.ports.end(), [&](const PortRange& wide) {
               return wide.first <= one.first && one.last <= wide.last;
             });
           });
  }

  std::size_t& spent_;
};

// The rule because of which `rule`, of the same list, never takes effect: a stronger one anywhere,
// or an equal refusal that is named first.
const Rule* shadow_of(const Rule& rule, const std::vector<const Rule*>& refusals, Cover& cover) {
  if (rule.report_only) return nullptr;
  for (const Rule* other : refusals) {
    if (cover.exhausted()) break;
    const bool stronger = other->effect < rule.effect;
    const bool first = other->effect == rule.effect && other < &rule;
    const bool shortens = rule.hold && (!other->hold || *rule.hold < *other->hold);
    if ((stronger || (first && !shortens)) && cover.covers(other->match, rule.match)) return other;
  }
  return nullptr;
}

// What may shadow a rule: no allow does.
std::vector<const Rule*> refusals_in(const std::vector<Rule>& rules) {
  std::vector<const Rule*> out;
  for (const Rule& rule : rules) {
    if (rule.effect != Verdict::allow && !rule.report_only) out.push_back(&rule);
  }
  return out;
}

bool allows_every_host(const Rule& rule) {
  return rule.effect == Verdict::allow && !rule.report_only &&
         std::any_of(rule.match.hosts.begin(), rule.match.hosts.end(),
                     [](const HostPattern& host) { return host.is_any(); });
}

void lint_shadows(const std::vector<RuleSource>& sources, const std::vector<Rule>& rules,
                  Cover& cover) {
  const auto refusals = refusals_in(rules);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (const Rule* shadow = shadow_of(rules[i], refusals, cover)) {
      sources[i].at.warning("this rule never takes effect: " + shadow->id + " covers it",
                            "remove one of the two");
    }
  }
}

void lint_rules(const std::vector<RuleSource>& sources, const std::vector<Rule>& rules,
                Cover& cover) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!allows_every_host(rules[i])) continue;
    sources[i].at.warning("this rule allows every host", "name the hosts the agent needs");
  }
  lint_shadows(sources, rules, cover);
}

// What is passed through shows nothing of what such a refusal waits for, so it is not passed
// through: who wrote it should know.
void lint_passthrough(const std::vector<RuleSource>& sources, const std::vector<Rule>& rules) {
  const auto reaches = [](const Rule& refusal, const Rule& allow) {
    if (refusal.effect == Verdict::allow || refusal.report_only || !asks_for_exchange(refusal))
      return false;
    const auto& wide = refusal.match.hosts;
    return std::any_of(
        allow.match.hosts.begin(), allow.match.hosts.end(), [&](const HostPattern& host) {
          return std::any_of(wide.begin(), wide.end(),
                             [&](const HostPattern& one) { return one.covers(host); });
        });
  };
  std::size_t asked = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].tls != model::TlsMode::passthrough || rules[i].effect != Verdict::allow) continue;
    asked += rules.size();
    if (asked > kMaxComparisons / 16) return;
    const auto refusal = std::find_if(rules.begin(), rules.end(),
                                      [&](const Rule& other) { return reaches(other, rules[i]); });
    if (refusal == rules.end()) continue;
    sources[i].at.warning("its tunnels are intercepted: " + refusal->id +
                              " asks for what they would not show",
                          "leave these hosts out of " + refusal->id + " if they must pass through");
  }
}

void lint_restore(std::vector<RuleSource>& sources, const Snapshot& policy) {
  const auto& own = policy.redaction.rules;
  const bool tokenizes = std::any_of(own.begin(), own.end(), [](const RedactionRule& one) {
    return one.rule.action == redact::Action::tokenize;
  });
  for (std::size_t i = 0; i < policy.egress.size(); ++i) {
    const Rule& rule = policy.egress[i];
    if (rule.restore.empty()) continue;
    Reader restore = sources[i].at.at("restore");
    if (!tokenizes) {
      restore.warning("no redaction rule makes tokens", "give one the action tokenize");
    } else if (rule.redact.empty() && policy.defaults.redact.empty()) {
      restore.warning("nothing is redacted here, so nothing is put back", "add redact: [secrets]");
    }
  }
}

} // namespace

bool certainly_covers(const Match& wide, const Match& narrow, std::size_t& spent) {
  return Cover(spent).covers(wide, narrow);
}

void lint_policy(ParseContext& shared, const Snapshot& policy) {
  std::size_t spent = 0;
  Cover cover(spent);
  auto& egress = shared.sources[kEgressSection.name];
  lint_restore(egress, policy);
  lint_passthrough(egress, policy.egress);
  lint_rules(egress, policy.egress, cover);
  lint_rules(shared.sources[kTcpSection.name], policy.tcp, cover);
  for (std::size_t i = 0; i < kOperationSections.size(); ++i) {
    lint_shadows(shared.sources[kOperationSections[i].name], policy.operations[i].rules, cover);
  }
}

} // namespace sluice::engine
