// AgentPaaS's policy.yaml, read and checked as strictly as its own tool would, into what can be
// written as one of ours. Private to policy/import; the sections are in agentpaas_*.cpp.
#pragma once

#include "policy/import/draft.hpp"
#include "policy/model/destination.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::import {

struct EgressRule {
  EgressRule(std::string name, const Reader& where) : id(std::move(name)), at(where) {}
  std::string id; // "egress[0]", as AgentPaaS names it
  Reader at;
  enum class Hosts : std::uint8_t { none = 0, exact, below } hosts = Hosts::none;
  std::string host; // canonical; of `below` without "*."
  std::vector<std::int64_t> ports;
  std::vector<std::string> methods;
  bool any_method = false;
  std::string credential;
  std::string mcp_server; // "" when it is for none
  bool unused = false;    // AgentPaaS itself never looks at it
  std::string closed;     // why it is not imported; "" when it is

  bool
  allows_as_much_as(const EgressRule& other) const; // where both match; ports and methods sorted
};

struct Url {
  model::Destination to;
  std::string path;
};

struct McpServer { // by HTTP, of another machine
  std::string name, host;
  std::vector<std::string> tools; // allowed and not denied; none: AgentPaaS denies all
};

class AgentPaas {
 public:
  AgentPaas(const Document& document, Diagnostics& out) : root_(document, out) {}
  std::optional<Imported> run();

 private:
  // agentpaas.cpp
  void version();
  void agent(Reader at);
  void versioned_sections();
  void close(EgressRule& rule, const std::string& why, const std::string& hint);
  void close_what_stays_closed();
  bool close_what_overlaps();
  bool covers_model_host(const EgressRule& rule) const;
  std::string closed_hosts_why(const EgressRule& rule) const;
  std::string text() const;
  std::string rule_text(const EgressRule& rule) const;

  // agentpaas_egress.cpp
  void egress(Reader at);
  EgressRule egress_rule(Reader item, std::size_t index);
  void domain(EgressRule& rule, Reader domain, bool wildcard);
  void methods(EgressRule& rule, Reader methods);
  void retry(Reader at);
  void go_duration(Reader at);
  bool matched(const Url& url) const; // by a rule, on its port

  // agentpaas_credentials.cpp
  void credentials(Reader at);
  void credential(Reader item);
  void oauth(Reader& item);
  void mcp_servers(Reader at);
  void mcp_server(Reader item);
  std::vector<std::string> mcp_tools(Reader& item);
  void add_mcp_server(McpServer server);
  const McpServer* mcp_server_at(const EgressRule& rule) const;
  std::string tools_text() const;
  void close_mcp_host(const model::Host& host);
  void hooks(Reader at);
  void ingress(Reader at);
  void ingress_auth(Reader at);
  std::optional<Url> url(Reader at);

  // agentpaas_llm.cpp
  void budget(Reader at);
  void money(Reader at);
  void rate_limit(Reader at);
  void provider_lock(Reader at);
  void guardrails(Reader at);
  void guardrail(Reader item, std::size_t index);
  void transformations(Reader at);
  void observability(Reader at);
  void close_models(const Reader& at, std::string what);

  Reader root_;
  LossyList lossy_;
  std::string version_ = "1.0", name_;
  std::vector<EgressRule> egress_;
  std::vector<McpServer> mcp_servers_;
  std::set<std::string> credential_ids_;
  std::vector<std::pair<Reader, std::string>> needs_credential_; // where, and which
  std::map<std::string, std::string> closed_hosts_;              // host -> why
  std::string models_closed_;                                    // why, or ""
  bool locked_ = false;
  std::map<std::string, std::set<std::string>> locked_paths_; // host -> path prefixes
  std::vector<std::string> guardrails_;                       // redaction rules, written
};

bool is_model_host(std::string_view host) noexcept; // of a provider we know
bool is_loopback(const model::Host& host) noexcept;

} // namespace sluice::import
