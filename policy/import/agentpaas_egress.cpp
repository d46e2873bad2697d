#include "policy/import/agentpaas.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <utility>

namespace sluice::import {
namespace {

constexpr std::size_t kMaxEgress = 5'000; // each becomes up to two of ours

enum class Backoff { exponential, linear, fixed };
constexpr std::array kBackoffs = {Word<Backoff>{"exponential", Backoff::exponential},
                                  Word<Backoff>{"linear", Backoff::linear},
                                  Word<Backoff>{"fixed", Backoff::fixed}};

// Go's time.ParseDuration without a sign: 1h30m, 1.5s, 250ms.
bool is_go_duration(std::string_view text) {
  if (text == "0") return true;
  bool any = false;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = text.substr(0, digits);
    if (number.empty() || number == "." || std::count(number.begin(), number.end(), '.') > 1)
      return false;
    text.remove_prefix(digits);
    std::string_view found;
    for (const std::string_view unit : {"ns", "us", "\u00b5s", "ms", "s", "m", "h"}) {
      if (text.substr(0, unit.size()) == unit && unit.size() > found.size()) found = unit;
    }
    if (found.empty()) return false;
    text.remove_prefix(found.size());
    any = true;
  }
  return any;
}

bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

} // namespace

void AgentPaas::egress(Reader at) {
  std::vector<Reader> items = at.items();
  if (items.size() > kMaxEgress) {
    at.error("there are more than 5000 egress rules", "split the policy");
    return;
  }
  for (std::size_t i = 0; i < items.size(); ++i) egress_.push_back(egress_rule(items[i], i));
}

EgressRule AgentPaas::egress_rule(Reader item, std::size_t index) {
  EgressRule rule("egress[" + std::to_string(index) + "]", item);
  const bool wildcard = item.at("allow_wildcard").boolean().value_or(false);
  Reader name = item.at("domain"), cidr = item.at("cidr");
  if (cidr.present()) {
    cidr.error("AgentPaaS does not take networks", "name a domain");
  } else if (!name.present()) {
    item.error("the key \"domain\" is missing");
  } else {
    domain(rule, name, wildcard);
  }
  Reader ports = item.required("ports");
  for (Reader& port : ports.items(EmptyList::refuse)) {
    if (const auto number = port.integer(1, 65535)) rule.ports.push_back(*number);
  }
  std::sort(rule.ports.begin(), rule.ports.end());
  rule.ports.erase(std::unique(rule.ports.begin(), rule.ports.end()), rule.ports.end());
  methods(rule, item.at("methods"));
  Reader credential = item.at("credential");
  if (const auto id = credential.string()) {
    rule.credential = *id;
    needs_credential_.emplace_back(credential, *id);
    lossy_.add(credential, "the credential is not taken over",
               "write it under credentials, and credential: on the rule");
  }
  Reader server = item.at("mcp_server_id");
  rule.mcp_server = server.string().value_or("");
  Reader inside = item.at("allow_private");
  if (inside.boolean().value_or(false)) {
    lossy_.add(inside, "private addresses stay closed",
               "private: true opens them, and loopback and link-local ones of this host too");
  }
  Reader timeout = item.at("timeout");
  go_duration(timeout);
  if (timeout.present()) lossy_.add(timeout, "a rule has no time limit", "limits in sluice.yaml");
  retry(item.at("retry"));
  item.finish();
  rule.at = std::move(item);
  return rule;
}

void AgentPaas::domain(EgressRule& rule, Reader domain, bool wildcard) {
  const auto text = domain.string();
  if (!text) return;
  const bool star = text->find('*') != std::string::npos;
  if (star && !wildcard) {
    domain.error("a domain with * needs allow_wildcard: true", "name the hosts, or add it");
    return;
  }
  const bool below = text->starts_with("*.");
  const auto host = model::Host::parse(below ? text->substr(2) : *text);
  if (star && (!below || text->find('*', 1) != std::string::npos)) {
    const bool odd = has_control(*text) || text->find_first_of("/@: ") != std::string::npos;
    if (odd) domain.error("this is no host name");
    rule.closed = "only *.x is matched there, this text is not";
    lossy_.add(domain, "what this domain covers is not the same everywhere in AgentPaaS: closed",
               "name the hosts; hosts: [\"**\"] would allow all");
    return;
  }
  if (!host || (below && host.value().is_address())) {
    domain.error("this is no host name", "write a name without scheme, port and path");
    return;
  }
  rule.hosts = below ? EgressRule::Hosts::below : EgressRule::Hosts::exact;
  rule.host = host.value().text();
}

void AgentPaas::methods(EgressRule& rule, Reader methods) {
  rule.any_method =
      !methods.present() || (methods.node()->is_list() && methods.node()->items.empty());
  for (Reader& item : methods.items()) {
    const auto text = item.string();
    if (!text) continue;
    if (is_method(*text)) {
      rule.methods.push_back(*text);
    } else {
      lossy_.add(item, "this is no method that a call can have", "methods are upper case");
    }
  }
  std::sort(rule.methods.begin(), rule.methods.end());
  rule.methods.erase(std::unique(rule.methods.begin(), rule.methods.end()), rule.methods.end());
}

void AgentPaas::retry(Reader at) {
  if (!at.present()) return;
  (void)at.at("max_attempts").integer(0, 100);
  (void)at.at("backoff").one_of(kBackoffs);
  go_duration(at.at("max_backoff"));
  at.finish();
  lossy_.add(at, "Sluice repeats no call", "the agent has to");
}

void AgentPaas::go_duration(Reader at) {
  const auto text = at.string();
  if (text && !is_go_duration(*text)) at.error("this is no duration", "write 30s or 1m30s");
}

bool AgentPaas::matched(const Url& url) const {
  const auto& host = url.to.host.text();
  return std::any_of(egress_.begin(), egress_.end(), [&](const EgressRule& rule) {
    const bool named = rule.hosts == EgressRule::Hosts::exact && rule.host == host;
    const bool below = rule.hosts == EgressRule::Hosts::below && host.ends_with('.' + rule.host);
    return (named || below) &&
           std::find(rule.ports.begin(), rule.ports.end(), url.to.port) != rule.ports.end();
  });
}

} // namespace sluice::import
