#include "overlay/deploy/sidecar_policy.hpp"

#include "policy/base/reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace sluice::overlay {
namespace {

// Of a policy: what an overlay may bring. Who wrote it, whom it inherits from and which logins it
// has are matters of a file of its own.
constexpr std::array<std::string_view, 8> kPolicyKeys = {
    "defaults", "hosts", "redaction", "egress", "tcp", "tools", "agents", "models"};
constexpr std::array<std::string_view, 4> kRedactKeys = {"terms", "pii", "rules", "placeholder"};
constexpr std::array<std::string_view, 6> kLimitKeys = {"request_body",      "requests_per_minute",
                                                        "requests_per_hour", "requests_per_day",
                                                        "bytes_per_day",     "tokens_per_day"};
constexpr std::array<std::string_view, 0> kRecordKeys = {};

struct Section {
  std::string_view name;
  std::string_view whom; // the key of its rules that says for which hosts they are
};
constexpr std::array<Section, 4> kSections = {
    Section{"egress", "hosts"}, Section{"tools", "servers"}, Section{"agents", "peers"},
    Section{"models", "providers"}};
constexpr std::array<std::string_view, 3> kVerbs = {"allow", "block", "require_approval"};

// What nobody could do anything with: these sidecars are asked by nobody, and what no rule allows
// is what an edge is there to refuse.
void check_policy(const Json& config, std::vector<ConfigFault>& faults) {
  const auto defaults = config.find("defaults");
  if (defaults != config.end() && defaults->is_object() && defaults->contains("decision") &&
      (*defaults)["decision"] != "block") {
    faults.push_back({"/defaults/decision", "what no rule allows is blocked here", "write rules"});
  }
  for (const auto& [section, rules] : config.items()) {
    if (!rules.is_array()) continue;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (!rules[i].is_object() || !rules[i].contains("require_approval")) continue;
      faults.push_back({"/" + pointer_token(section) + "/" + std::to_string(i),
                        "nobody can approve a call of an interposer", "write allow or block"});
    }
  }
}

template <std::size_t N>
void check_keys(const Json& config, const std::array<std::string_view, N>& known,
                std::vector<ConfigFault>& faults) {
  for (const auto& [key, value] : config.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    faults.push_back({"/" + pointer_token(key), "nothing is known by this key",
                      N == 0 ? "it takes no config" : "one of " + join_words(known.data(), N)});
  }
}

void check_terms(const Json& config, std::vector<ConfigFault>& faults) {
  const auto terms = config.find("terms");
  if (terms == config.end()) return;
  const auto* text = terms->get_ptr<const std::string*>();
  if (text != nullptr && has_interpolation(*text)) return; // a list of the config's
  const bool texts =
      terms->is_array() && std::all_of(terms->begin(), terms->end(), [](auto& one) {
        return one.is_string() && !one.template get_ref<const std::string&>().empty();
      });
  if (!texts) faults.push_back({"/terms", "expected a list of texts that are not empty", ""});
}

std::vector<std::string> redactions(const std::vector<BuiltinTask>& tasks) {
  std::vector<std::string> out;
  for (const BuiltinTask& one : tasks) {
    if (one.builtin != Builtin::redact) continue;
    if (out.empty()) out.emplace_back("secrets");
    if (one.config.value("pii", false) && out.size() == 1) out.emplace_back("pii");
  }
  return out;
}

// Bytes may be written with a unit, as in a policy; what is no size stays for the policy's reader.
Json in_bytes(const Json& value) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 7> kUnits = {
      std::pair{"KiB", 1ULL << 10},  std::pair{"MiB", 1ULL << 20},
      std::pair{"GiB", 1ULL << 30},  std::pair{"kB", 1'000ULL},
      std::pair{"MB", 1'000'000ULL}, std::pair{"GB", 1'000'000'000ULL},
      std::pair{"B", 1ULL}};
  if (!value.is_string()) return value;
  const auto& text = value.get_ref<const std::string&>();
  for (const auto& [unit, factor] : kUnits) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size() - std::min(unit.size(), text.size());
    const bool fits = text.ends_with(unit) && text.size() > unit.size() &&
                      std::from_chars(text.data(), end, number).ptr == end &&
                      number <= (1ULL << 50) / factor;
    if (fits) return number * factor;
  }
  return value;
}

// All of them hold: for each thing the smaller number.
void tighten(Json& limits, const Json& by) {
  for (const auto& [key, given] : by.items()) {
    const Json value = in_bytes(given);
    const auto known = limits.find(key);
    const Json before = known == limits.end() ? Json() : in_bytes(*known);
    if (!before.is_number() || !value.is_number() || value < before) limits[key] = value;
  }
}

Json limits(const std::vector<BuiltinTask>& tasks) {
  Json out = Json::object();
  for (const BuiltinTask& one : tasks) {
    if (one.builtin == Builtin::limit) tighten(out, one.config);
  }
  return out;
}

// What redaction overlays say besides where they are: rules of their own.
void add_redaction(Json& policy, const std::vector<BuiltinTask>& tasks) {
  for (const BuiltinTask& one : tasks) {
    if (one.builtin != Builtin::redact) continue;
    Json& section = policy["redaction"];
    if (section.is_null()) section = Json::object();
    for (const char* key : {"placeholder", "rules"}) {
      const auto found = one.config.find(key);
      if (found == one.config.end()) continue;
      if (found->is_array() && section[key].is_array()) {
        for (const Json& rule : *found) section[key].push_back(rule);
      } else {
        section[key] = *found;
      }
    }
    if (section.empty()) policy.erase("redaction");
  }
}

Json policy_of(const std::vector<BuiltinTask>& tasks) {
  Json out = Json::object();
  for (const BuiltinTask& one : tasks) {
    if (one.builtin == Builtin::policy) out = one.config;
  }
  out["version"] = 1;
  if (!out.contains("defaults")) out["defaults"] = Json::object();
  if (out["defaults"].is_object()) out["defaults"]["decision"] = "block";
  return out;
}

// Duties that the overlays ask for, beside those that the rule has.
void put_duties(Json& rule, const std::vector<std::string>& redact, const Json& limit) {
  if (!rule.is_object() || !rule.contains("allow")) return;
  if (!redact.empty()) {
    Json& packs = rule["redact"];
    if (!packs.is_array()) packs = Json::array();
    for (const std::string& pack : redact) {
      if (std::find(packs.begin(), packs.end(), pack) == packs.end()) packs.push_back(pack);
    }
  }
  if (limit.empty()) return;
  Json& limits = rule["limits"];
  if (!limits.is_object()) limits = Json::object();
  tighten(limits, limit);
}

void for_each_rule(Json& policy, const std::function<void(const Section&, Json&)>& act) {
  for (const Section& section : kSections) {
    const auto rules = policy.find(section.name);
    if (rules == policy.end() || !rules->is_array()) continue;
    for (Json& rule : *rules) {
      if (rule.is_object()) act(section, rule);
    }
  }
}

// A rule of an edge's policy that names nobody is for whom the edge leads to.
void put_host(const Section& section, Json& rule, const AllowedCall& edge) {
  for (const std::string_view verb : kVerbs) {
    const auto what = rule.find(verb);
    if (what == rule.end() || !what->is_object() || what->contains(section.whom)) continue;
    (*what)[std::string(section.whom)] = Json::array({edge.host});
  }
  if (section.name == "egress" && rule.contains("allow") && !rule.contains("private"))
    rule["private"] = true;
}

Json edge_rule(const AllowedCall& edge) {
  Json rule = {{"name", edge.rule},
               {"allow", {{"hosts", {edge.host}}, {"ports", {edge.port}}}},
               {"private", true}};
  if (edge.http) rule["redact"] = Json::array();
  return rule;
}

} // namespace

std::vector<ConfigFault> check_builtin_config(Builtin builtin, const Json& config) {
  std::vector<ConfigFault> faults;
  if (!config.is_object()) {
    faults.push_back({"", "the config of a built-in interposer is a map", ""});
    return faults;
  }
  switch (builtin) {
  case Builtin::policy:
    check_keys(config, kPolicyKeys, faults);
    check_policy(config, faults);
    break;
  case Builtin::limit: check_keys(config, kLimitKeys, faults); break;
  case Builtin::record: check_keys(config, kRecordKeys, faults); break;
  case Builtin::redact:
    check_keys(config, kRedactKeys, faults);
    check_terms(config, faults);
    break;
  }
  return faults;
}

Json program_policy(const std::vector<AllowedCall>& edges, const std::vector<BuiltinTask>& tasks,
                    std::vector<ConfigFault>& faults) {
  const auto policies = std::count_if(tasks.begin(), tasks.end(), [](const BuiltinTask& one) {
    return one.builtin == Builtin::policy;
  });
  if (policies > 1) {
    faults.push_back({"", "two policies are for the egress of this component",
                      "write one that says what both allow"});
  }
  Json out = policy_of(tasks);
  add_redaction(out, tasks);
  const auto redact = redactions(tasks);
  const auto limit = limits(tasks);
  for_each_rule(out, [&](const Section&, Json& rule) { put_duties(rule, redact, limit); });
  Json egress = Json::array(), tcp = Json::array();
  for (const AllowedCall& edge : edges) (edge.http ? egress : tcp).push_back(edge_rule(edge));
  for (auto [section, first] : {std::pair{"egress", &egress}, std::pair{"tcp", &tcp}}) {
    const auto given = out.find(section);
    if (given != out.end() && given->is_array()) {
      for (Json& rule : *given) first->push_back(std::move(rule));
    }
    if (!first->empty()) out[section] = std::move(*first);
  }
  return out;
}

Json builtin_policy(const AllowedCall& edge, const std::vector<BuiltinTask>& tasks) {
  Json out = policy_of(tasks);
  add_redaction(out, tasks);
  if (!out.contains("egress")) out["egress"] = Json::array({edge_rule(edge)});
  const auto redact = redactions(tasks);
  const auto limit = limits(tasks);
  for_each_rule(out, [&](const Section& section, Json& rule) {
    put_host(section, rule, edge);
    put_duties(rule, redact, limit);
    if (section.name == "egress" && !rule.contains("redact") && rule.contains("allow"))
      rule["redact"] = Json::array();
  });
  return out;
}

} // namespace sluice::overlay
