// Their document as a whole: what is read in which order, what stays closed, and how it is written.
#include "policy/import/agentpaas.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::import {
namespace {

constexpr std::size_t kMaxAgentName = 128;
constexpr std::int64_t kHttps = 443; // where AgentPaaS speaks TLS to the upstream, and only there

} // namespace

std::optional<Imported> AgentPaas::run() {
  version();
  agent(root_.at("agent"));
  egress(root_.at("egress"));
  credentials(root_.at("credentials"));
  mcp_servers(root_.at("mcp_servers"));
  hooks(root_.at("hooks"));
  ingress(root_.at("ingress"));
  ingress_auth(root_.at("ingress_auth"));
  budget(root_.at("llm_budget"));
  rate_limit(root_.at("llm_rate_limit"));
  provider_lock(root_.at("llm_provider_lock"));
  guardrails(root_.at("guardrails"));
  transformations(root_.at("transformations"));
  observability(root_.at("observability"));
  versioned_sections();
  root_.finish();
  for (const auto& [where, id] : needs_credential_) {
    if (credential_ids_.count(id) == 0)
      where.error("no credential has this id", "declare it under credentials");
  }
  close_what_stays_closed();
  return Imported{text(), lossy_.take()};
}

void AgentPaas::version() {
  Reader at = root_.at("version");
  const auto text = at.text();
  if (!text) return;
  version_ = *text;
  if (version_ != "1.0" && version_ != "1.1")
    at.error("this version of AgentPaaS's policy is not known", "\"1.0\" or \"1.1\"");
}

void AgentPaas::agent(Reader at) {
  if (!at.present()) return;
  for (const char* key : {"name", "description"}) {
    Reader field = at.at(key);
    const auto text = field.string();
    if (!text) continue;
    if (has_control(*text)) field.error("a control character stands in it");
    if (std::string_view(key) == "name") name_ = one_line(*text, kMaxAgentName);
  }
  Reader description = at.at("description");
  at.finish();
  if (description.present()) lossy_.add(description, "a policy has a title only");
}

void AgentPaas::versioned_sections() {
  for (const char* key : {"routed_run", "model_routes"}) {
    Reader at = root_.at(key);
    if (!at.present()) continue;
    free_map(at);
    if (version_ != "1.1") at.error("this needs version 1.1", "write version: \"1.1\"");
    close_models(at, "calls are not routed to models in this version");
  }
}

void AgentPaas::close(EgressRule& rule, const std::string& why, const std::string& hint) {
  if (!rule.closed.empty()) return;
  rule.closed = why;
  lossy_.add(rule.at, "closed: " + why, hint);
}

bool EgressRule::allows_as_much_as(const EgressRule& other) const {
  return closed.empty() &&
         std::includes(ports.begin(), ports.end(), other.ports.begin(), other.ports.end()) &&
         (any_method ||
          (!other.any_method && std::includes(methods.begin(), methods.end(), other.methods.begin(),
                                              other.methods.end())));
}

std::string AgentPaas::closed_hosts_why(const EgressRule& rule) const {
  for (const auto& [host, why] : closed_hosts_) {
    const bool below = rule.hosts == EgressRule::Hosts::below && host.ends_with('.' + rule.host);
    if (below || host == rule.host) return why;
  }
  return "";
}

// A rule that another construct narrows, which we cannot write, would allow more without it.
void AgentPaas::close_what_stays_closed() {
  std::set<std::string> seen;
  for (EgressRule& rule : egress_) {
    if (rule.hosts != EgressRule::Hosts::none) {
      const std::string key = (rule.hosts == EgressRule::Hosts::below ? "*." : "") + rule.host;
      rule.unused = !seen.insert(key).second;
      if (rule.unused)
        close(rule, "AgentPaaS only ever used the first rule of a domain", "join the two by hand");
    }
    const McpServer* server = mcp_server_at(rule);
    if (!rule.mcp_server.empty() && server == nullptr)
      close(rule, "it is for an MCP server that is not there by HTTP at this host",
            "take it over by hand when every tool may be called");
    if (server != nullptr && rule.any_method)
      close(rule, "to an MCP server AgentPaaS denies what names no methods", "name the methods");
    if (const auto why = closed_hosts_why(rule); !why.empty())
      close(rule, why, "take it over by hand when the rest of the host may be called");
    if (!rule.credential.empty() && rule.any_method)
      close(rule, "with a credential and no methods AgentPaaS denies", "name the methods");
    if (!rule.any_method && rule.methods.empty()) close(rule, "no call has one of its methods", "");
    if (!models_closed_.empty() && covers_model_host(rule))
      close(rule, models_closed_, "take it over by hand if you can do without it");
    const bool locked =
        rule.hosts == EgressRule::Hosts::exact && locked_paths_.count(rule.host) != 0;
    if (locked_ && !locked && covers_model_host(rule))
      close(rule, "llm_provider_lock does not name this host", "name the hosts one by one");
  }
  while (close_what_overlaps()) {
  }
  const bool open = std::any_of(egress_.begin(), egress_.end(),
                                [](const EgressRule& rule) { return rule.closed.empty(); });
  const Reader at = root_.at("egress");
  if (open)
    lossy_.add(at,
               "AgentPaaS looks at no addresses; here private, loopback, link-local and metadata "
               "addresses stay closed",
               "private: true on the rule that names the host");
}

// The gateway takes the rule of the nearest domain and no other, where ours would add up: so a
// wider domain may only stay when it allows no more than each rule inside it. True when it closed
// one, which may concern a domain that is wider still.
bool AgentPaas::close_what_overlaps() {
  bool closed = false;
  for (EgressRule& wide : egress_) {
    if (wide.hosts != EgressRule::Hosts::below || !wide.closed.empty()) continue;
    const std::string below = '.' + wide.host;
    for (const EgressRule& near : egress_) {
      const bool inside = near.hosts != EgressRule::Hosts::none && near.host.ends_with(below);
      if (!inside || near.unused || near.allows_as_much_as(wide)) continue;
      close(wide, near.id + " allows less of a domain inside this one",
            "name the hosts one by one");
      closed = true;
      break;
    }
  }
  return closed;
}

std::string AgentPaas::rule_text(const EgressRule& rule) const {
  std::vector<std::string> paths, secure, other;
  for (const auto port : rule.ports)
    (port == kHttps ? secure : other).push_back(std::to_string(port));
  const auto locked = locked_paths_.find(rule.host);
  if (locked != locked_paths_.end() && rule.hosts == EgressRule::Hosts::exact) {
    for (const auto& prefix : locked->second) {
      paths.push_back(yaml_text(prefix));
      paths.push_back(yaml_text(prefix == "/" ? "/**" : prefix + "/**"));
    }
  }
  const std::string host = (rule.hosts == EgressRule::Hosts::below ? "*." : "") + rule.host;
  const std::string name = "agentpaas-egress-" + rule.id.substr(7, rule.id.size() - 8);
  const auto one = [&](const std::string& suffix, const std::vector<std::string>& ports, bool tls) {
    if (ports.empty()) return std::string();
    std::string out = "  - name: " + name + suffix + "\n    allow: {hosts: [" + yaml_text(host) +
                      "], ports: " + yaml_list(ports);
    if (tls) out += ", schemes: [https]";
    if (!rule.any_method) out += ", methods: " + yaml_list(rule.methods);
    if (!paths.empty()) out += ", paths: " + yaml_list(paths);
    return out + "}\n";
  };
  return one("", secure, true) + one(secure.empty() ? "" : "-more", other, false);
}

std::string AgentPaas::text() const {
  std::string out =
      yaml_comment(
          "Imported by: sluice policy import --from agentpaas. Rules keep their place in the") +
      yaml_comment(
          "names; what this version of Sluice cannot hold to is a comment, so it is closed.");
  out += "version: 1\n";
  if (!name_.empty()) out += "metadata: {id: " + yaml_text(name_) + "}\n";
  if (!guardrails_.empty()) out += "redaction:\n  rules:\n";
  for (const auto& rule : guardrails_) out += "    - " + rule + '\n';
  const bool none = std::all_of(egress_.begin(), egress_.end(),
                                [](const EgressRule& rule) { return !rule.closed.empty(); });
  out += none ? "egress: []\n" : "egress:\n";
  for (const EgressRule& rule : egress_) {
    if (rule.closed.empty()) {
      out += rule_text(rule);
      continue;
    }
    out += yaml_comment(rule.id + " is closed: " + rule.closed, "  ");
    if (rule.hosts == EgressRule::Hosts::none) continue;
    std::string words = rule_text(rule);
    for (std::size_t begin = 0; begin < words.size();) {
      const auto end = words.find('\n', begin);
      out += yaml_comment(words.substr(begin, end - begin), "  ");
      begin = end + 1;
    }
  }
  return out + tools_text();
}

std::optional<Imported> import_agentpaas(const Document& document, Diagnostics& out) {
  Reader root(document, out);
  if (!document.root.is_map()) {
    root.error("expected a map");
    return std::nullopt;
  }
  return AgentPaas(document, out).run();
}

} // namespace sluice::import
