#include "policy/engine/canonical.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace sluice::engine {
namespace {

// Already serialised values by key; std::map keeps the keys sorted.
using Object = std::map<std::string, std::string>;

std::string boolean(bool value) {
  return value ? "true" : "false";
}

std::string list(const std::vector<std::string>& serialised) {
  std::size_t length = 2;
  for (const std::string& item : serialised) length += item.size() + 1;
  std::string out;
  out.reserve(length);
  out += '[';
  for (const std::string& item : serialised) {
    if (out.size() > 1) out += ',';
    out += item;
  }
  out += ']';
  return out;
}

// A set: sorted, without repetitions.
std::string set(std::vector<std::string> serialised) {
  std::sort(serialised.begin(), serialised.end());
  serialised.erase(std::unique(serialised.begin(), serialised.end()), serialised.end());
  return list(serialised);
}

template <class T, class F> std::string set_of(const std::vector<T>& values, F text) {
  std::vector<std::string> out;
  out.reserve(values.size());
  for (const T& value : values) out.push_back(quoted(text(value)));
  return set(std::move(out));
}

std::string set_of(const std::vector<std::string>& values) {
  return set_of(values, [](const std::string& value) { return value; });
}

std::string object(const Object& members) {
  std::string out = "{";
  for (const auto& [key, value] : members) {
    if (out.size() > 1) out += ',';
    out += quoted(key) + ':' + value;
  }
  out += '}';
  return out;
}

const auto kPatternText = [](const auto& pattern) { return pattern.text(); };

// The text of hosts, made once for all rules that name the same group.
class HostTexts {
 public:
  const std::string& of(const std::vector<HostPattern>& hosts) {
    std::vector<const void*> key;
    key.reserve(hosts.size());
    for (const HostPattern& host : hosts) key.push_back(host.identity());
    auto [at, added] = texts_.try_emplace(std::move(key));
    if (added) at->second = set_of(hosts, kPatternText);
    return at->second;
  }

 private:
  std::map<std::vector<const void*>, std::string> texts_;
};

Object match_object(const Match& match, HostTexts& texts) {
  Object out;
  out["hosts"] = texts.of(match.hosts);
  out["ports"] = set_of(match.ports, [](const PortRange& range) {
    return std::to_string(range.first) + '-' + std::to_string(range.last);
  });
  // Matchers younger than the form are written only where they are asked for.
  if (!match.agents.empty()) out["agents"] = set_of(match.agents, kPatternText);
  if (!match.sessions.empty()) out["sessions"] = set_of(match.sessions, kPatternText);
  if (!match.time.empty()) out["time"] = set_of(match.time, kPatternText);
  if (!match.server_names.empty()) out["sni"] = set_of(match.server_names, kPatternText);
  if (!match.address_classes.empty()) {
    out["address_classes"] = set_of(match.address_classes, [](model::AddressClass klass) {
      return std::string(to_string(klass));
    });
  }
  return out;
}

// What the rules of every section have; each adds its own.
Object rule_object(const Rule& rule) {
  Object out;
  out["approvers"] = set_of(rule.approvers);
  out["effect"] = quoted(to_string(rule.effect));
  out["name"] = quoted(rule.name);
  out["private"] = boolean(rule.private_addresses);
  out["reason"] = quoted(rule.reason);
  out["redact"] = set_of(rule.redact);
  out["report"] = boolean(rule.report_only);
  if (rule.hold) out["hold_ms"] = std::to_string(rule.hold->count());
  return out;
}

std::string named_text(const std::vector<NamedMatch>& all) {
  Object out;
  for (const NamedMatch& one : all) out[one.name] = set_of(one.values, kPatternText);
  return object(out);
}

void limits_into(Object& members, const model::QuotaLimits& limits) {
  Object out;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i]) continue;
    out[std::string(to_string(static_cast<model::Quota>(i)))] = std::to_string(*limits[i]);
  }
  if (!out.empty()) members["limits"] = object(out);
}

void ask_into(Object& members, const Rule& rule) {
  if (!rule.ask) return;
  Object out;
  out["cache_ms"] = std::to_string(rule.ask->cache.count());
  out["deadline_ms"] = std::to_string(rule.ask->deadline.count());
  out[std::string(to_string(rule.ask->kind))] = quoted(rule.ask->where.text());
  members["ask"] = object(out);
}

// What a rule's calls are counted under: its name, or what it matches. Neither its limits nor its
// place nor another rule count, so that an edit of them does not begin at zero.
class CounterNames {
 public:
  explicit CounterNames(std::string_view section) : section_(section) {}
  void give(Rule& rule, const std::string& match) {
    rule.quotas.reset();
    if (!model::any(rule.quota_limits)) return;
    std::string name = "name:" + rule.name;
    if (rule.name.empty()) {
      name = section_ + ":" + to_hex(sha256(match));
      const int count = ++seen_[name];
      if (count > 1) name += '#' + std::to_string(count);
    }
    model::RuleQuotas quotas{std::move(name), rule.id, rule.name, rule.quota_limits};
    rule.quotas = std::make_shared<const model::RuleQuotas>(std::move(quotas));
  }

 private:
  std::string section_;
  std::map<std::string, int> seen_; // rules without a name that match the same
};

std::string number_text(double value) { // the same for the same number, however it is written
  std::array<char, 32> out{};
  const auto end = std::to_chars(out.data(), out.data() + out.size(), value);
  return std::string(out.data(), end.ptr);
}

std::string scalar_text(const Node& value) {
  switch (value.kind) {
  case Node::Kind::integer: return number_text(static_cast<double>(value.integer));
  case Node::Kind::real: return number_text(value.real);
  case Node::Kind::boolean: return value.boolean ? "true" : "false";
  case Node::Kind::null: return "null";
  case Node::Kind::string:
  case Node::Kind::list:
  case Node::Kind::map: break;
  }
  return quoted(value.text);
}

std::string values_text(const std::vector<ValueMatch>& all) {
  Object out;
  for (const ValueMatch& one : all) {
    Object test;
    std::vector<std::string> equals;
    for (const Node& value : one.equals) equals.push_back(scalar_text(value));
    if (!one.globs.empty()) test["glob"] = set_of(one.globs, kPatternText);
    if (!equals.empty()) test["equals"] = set(std::move(equals));
    if (one.min) test["min"] = number_text(*one.min);
    if (one.max) test["max"] = number_text(*one.max);
    out[one.pointer] = object(test);
  }
  return object(out);
}

std::string egress_text(std::vector<Rule>& rules, const Defaults& defaults) {
  HostTexts texts;
  CounterNames counters("egress");
  std::vector<std::string> out;
  out.reserve(rules.size());
  for (Rule& rule : rules) {
    Object match = match_object(rule.match, texts);
    match["methods"] = set_of(rule.match.methods);
    match["paths"] = set_of(rule.match.paths, kPatternText);
    match["schemes"] = set_of(rule.match.schemes,
                              [](model::Scheme scheme) { return std::string(to_string(scheme)); });
    if (!rule.match.headers.empty()) match["headers"] = named_text(rule.match.headers);
    if (!rule.match.query.empty()) match["query"] = named_text(rule.match.query);
    if (!rule.match.content_types.empty())
      match["content_types"] = set_of(rule.match.content_types, kPatternText);
    if (!rule.match.values.empty()) match["body"] = values_text(rule.match.values);
    Object members = rule_object(rule);
    members["match"] = object(match);
    counters.give(rule, members["match"]);
    limits_into(members, rule.quota_limits);
    ask_into(members, rule);
    members["tls"] = quoted(to_string(rule.tls.value_or(defaults.tls)));
    if (!rule.restore.empty()) members["restore"] = set_of(rule.restore);
    if (!rule.credentials.empty()) members["credential"] = set_of(rule.credentials);
    if (rule.request_body_limit) members["request_body"] = std::to_string(*rule.request_body_limit);
    if (rule.inspect) members["inspect"] = std::to_string(*rule.inspect);
    out.push_back(object(members));
  }
  return list(out); // order names the rule, so it counts
}

std::string tcp_text(std::vector<Rule>& rules) {
  HostTexts texts;
  CounterNames counters("tcp");
  std::vector<std::string> out;
  out.reserve(rules.size());
  for (Rule& rule : rules) {
    Object members = rule_object(rule);
    members["match"] = object(match_object(rule.match, texts));
    counters.give(rule, members["match"]);
    limits_into(members, rule.quota_limits);
    ask_into(members, rule);
    if (rule.byte_limit) members["bytes"] = std::to_string(*rule.byte_limit);
    out.push_back(object(members));
  }
  return list(out);
}

std::string operations_text(model::Operation::Kind kind, std::vector<Rule>& rules) {
  HostTexts texts;
  CounterNames counters(std::string(to_string(kind)) + 's');
  std::vector<std::string> out;
  out.reserve(rules.size());
  for (Rule& rule : rules) {
    Object match = match_object(rule.match, texts);
    match["methods"] = set_of(rule.match.operation_methods, kPatternText);
    match["names"] = set_of(rule.match.names, kPatternText);
    match["values"] = values_text(rule.match.values);
    if (rule.match.streaming) match["streaming"] = boolean(*rule.match.streaming);
    Object members = rule_object(rule);
    members["match"] = object(match);
    counters.give(rule, members["match"]);
    limits_into(members, rule.quota_limits);
    if (rule.inspect) members["inspect"] = std::to_string(*rule.inspect);
    out.push_back(object(members));
  }
  return list(out);
}

std::uint64_t most_inspected(const Snapshot& policy) {
  std::uint64_t most = 0;
  const auto raise = [&](const Rule& rule) {
    most = std::max(most, rule.inspect.value_or(policy.defaults.inspect));
  };
  for (const Rule& rule : policy.egress) {
    if (!rule.match.values.empty()) raise(rule);
  }
  for (const OperationRules& section : policy.operations) {
    if (section.written) most = std::max(most, policy.defaults.inspect);
    for (const Rule& rule : section.rules) raise(rule);
  }
  return most;
}

std::string number(double value) { // of entropy: a thousandth of a bit tells nothing
  return std::to_string(static_cast<int>(value * 1000 + 0.5));
}

std::string_view word_of(redact::TokenCheck check) {
  switch (check) {
  case redact::TokenCheck::none: break;
  case redact::TokenCheck::luhn: return "luhn";
  case redact::TokenCheck::mod97: return "mod97";
  case redact::TokenCheck::base62_crc32: return "base62-crc32";
  }
  return "none";
}

std::string redaction_rules(const std::vector<RedactionRule>& rules) {
  std::vector<std::string> out;
  for (const RedactionRule& one : rules) {
    Object members;
    members["action"] = quoted(to_string(one.rule.action));
    members["id"] = quoted(one.text.id);
    members["places"] = std::to_string(one.rule.places);
    if (!one.text.pattern.empty()) {
      members["anchor"] = quoted(one.text.anchor);
      members["check"] = quoted(word_of(one.text.check));
      members["entropy"] = number(one.text.entropy);
      members["max_length"] = std::to_string(one.text.max_length);
      members["pattern"] = quoted(one.text.pattern);
      members["title"] = quoted(one.text.title);
    }
    out.push_back(object(members));
  }
  return list(out);
}

std::string words_of(const SecretSource& source) {
  std::vector<std::string> words;
  for (const std::string& word : source.words) words.push_back(quoted(word));
  return list(words);
}

std::string key_sources(const std::vector<SecretSource>& keys) {
  std::vector<std::string> out;
  for (const SecretSource& one : keys) {
    Object members;
    members["from"] = quoted(to_string(one.from));
    members["id"] = quoted(one.id);
    members["source"] = words_of(one);
    out.push_back(object(members));
  }
  return list(out);
}

// Where a value is read from counts: another variable is another login. The value does not.
std::string credentials_text(const std::vector<model::Credential>& credentials) {
  std::vector<std::string> out;
  for (const model::Credential& one : credentials) {
    Object members;
    members["format"] = quoted(one.format);
    members["from"] = quoted(to_string(one.source.from));
    members["id"] = quoted(one.id());
    members["place"] = quoted(one.place);
    members["plaintext"] = boolean(one.plaintext);
    members["source"] = words_of(one.source);
    members["type"] = quoted(to_string(one.type));
    members["username"] = quoted(one.username);
    if (one.type == model::Credential::Type::aws_sigv4) {
      members["keys"] = key_sources(one.keys);
      members["region"] = quoted(one.region);
      members["service"] = quoted(one.service);
    }
    out.push_back(object(members));
  }
  return set(std::move(out));
}

} // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00" + to_hex(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

void seal(Snapshot& policy) {
  Object defaults;
  defaults["private"] = boolean(policy.defaults.private_addresses);
  defaults["redact"] = set_of(policy.defaults.redact);
  defaults["tls"] = quoted(to_string(policy.defaults.tls));
  if (policy.defaults.inspect != Defaults().inspect)
    defaults["inspect"] = std::to_string(policy.defaults.inspect);
  Object redaction;
  redaction["placeholder"] = quoted(policy.redaction.placeholder);
  if (policy.redaction.keep_length) redaction["length"] = quoted("keep");
  if (!policy.redaction.rules.empty()) redaction["rules"] = redaction_rules(policy.redaction.rules);
  Object out;
  out["defaults"] = object(defaults);
  out["egress"] = egress_text(policy.egress, policy.defaults);
  out["redaction"] = object(redaction);
  // A section younger than the form is written only where there is one: older policies keep their
  // digest.
  if (!policy.credentials.empty()) out["credentials"] = credentials_text(policy.credentials);
  if (!policy.tcp.empty()) out["tcp"] = tcp_text(policy.tcp);
  for (const auto kind : model::kAllOperationKinds) {
    auto& section = policy.operations[static_cast<std::size_t>(kind)];
    if (section.written)
      out[std::string(to_string(kind)) + 's'] = operations_text(kind, section.rules);
  }
  out["version"] = "1";
  policy.inspect_most = most_inspected(policy);
  policy.each_rule([&](const Rule& rule) {
    policy.asks_for_class = policy.asks_for_class || !rule.match.address_classes.empty();
    policy.asks_for_time = policy.asks_for_time || !rule.match.time.empty();
  });
  policy.canonical = object(out);
  policy.digest = "sha256:" + to_hex(sha256(policy.canonical));
}

} // namespace sluice::engine
