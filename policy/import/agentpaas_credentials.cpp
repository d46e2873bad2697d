// Credentials, MCP servers, hooks and ingress: what stands here may be a secret wherever a person
// put one, so that no value is ever quoted and no key of a free map named.
#include "policy/import/agentpaas.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <utility>

namespace sluice::import {
namespace {

enum class Kind { header, brokered, oauth, direct_lease, file };
constexpr std::array<std::pair<std::string_view, Kind>, 5> kKinds = {
    {{"header", Kind::header},
     {"brokered", Kind::brokered},
     {"oauth", Kind::oauth},
     {"direct_lease", Kind::direct_lease},
     {"file", Kind::file}}};

// As Reader::one_of, without quoting what may be a secret in the wrong place.
template <std::size_t N> std::string word(Reader at, const std::array<std::string_view, N>& words) {
  const auto text = at.string();
  if (!text) return "";
  if (std::find(words.begin(), words.end(), *text) != words.end()) return *text;
  at.error("this is not one of " + join_words(words.data(), N));
  return "";
}
constexpr std::array<std::string_view, 2> kModes = {"file", "env"}, kTransports = {"http", "stdio"},
                                          kAuthTypes = {"jwt", "api_key"};

void plain_text(Reader at) {
  const auto text = at.string();
  if (text && has_control(*text))
    at.error("a control character stands in it", "write one line of text");
}

void header_name(Reader at) {
  const auto text = at.string();
  if (!text) return;
  const bool token = std::all_of(text->begin(), text->end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
  if (!token) at.error("this is no name of a header"); // RFC 9110 §5.1
}

bool smuggles(const std::string& value) {
  const std::string lower = ascii_lower(value);
  return value.find_first_of("?&") != std::string::npos || has_control(value) ||
         lower.find("content-type") != std::string::npos ||
         lower.find("content-disposition") != std::string::npos;
}

} // namespace

bool is_loopback(const model::Host& host) noexcept {
  if (host.is_address()) return host.address().classify() == model::AddressClass::loopback;
  return host.text() == "localhost" || host.text().ends_with(".localhost");
}

std::optional<Url> AgentPaas::url(Reader at) {
  const auto text = at.string();
  if (!text) return std::nullopt;
  auto target = model::parse_target(*text);
  if (!target || !target.value().absolute) {
    at.error("this is no http or https URL", "without user, password and fragment");
    return std::nullopt;
  }
  return Url{*target.value().absolute, target.value().path};
}

void AgentPaas::credentials(Reader at) {
  for (Reader& item : at.items()) credential(std::move(item));
}

void AgentPaas::credential(Reader item) {
  Reader id = item.required("id"), type = item.required("type");
  const auto name = id.string();
  if (name && has_control(*name))
    id.error("a control character stands in it", "write one line of text");
  if (name && !credential_ids_.insert(*name).second) id.error("two credentials have this id");
  std::optional<Kind> kind;
  if (const auto text = type.string()) {
    for (const auto& [known, value] : kKinds) {
      if (*text == known) kind = value;
    }
    if (!kind || kind == Kind::file)
      type.error("this is no type of a credential", "header, brokered, oauth or direct_lease");
  }
  if (kind == Kind::header) (void)item.required("header");
  if (kind == Kind::brokered) (void)item.required("service");
  if (kind == Kind::direct_lease) {
    (void)item.required("mode");
    (void)item.required("reason");
  }
  if (kind == Kind::oauth) oauth(item);
  header_name(item.at("header"));
  (void)word(item.at("mode"), kModes);
  Reader value = item.at("value");
  if (const auto text = value.string(); text && smuggles(*text))
    value.error("it holds what a value of a header must not", "without ?, & and line ends");
  for (const char* key : {"service", "path", "reason", "client_id"}) plain_text(item.at(key));
  for (const char* key : {"token_endpoint", "refresh_token_credential"}) (void)item.at(key);
  item.finish();
  lossy_.add(
      item, "credentials are not taken over by an import",
      "its value was not imported; name it under secrets in sluice.yaml, so that it never leaves");
}

void AgentPaas::oauth(Reader& item) {
  Reader endpoint = item.required("token_endpoint");
  const auto where = url(endpoint);
  if (where && where->to.scheme != model::Scheme::https) endpoint.error("this must be https");
  (void)item.required("client_id");
  Reader refresh = item.required("refresh_token_credential");
  if (const auto other = refresh.string()) needs_credential_.emplace_back(refresh, *other);
}

void AgentPaas::mcp_servers(Reader at) {
  for (Reader& item : at.items()) mcp_server(std::move(item));
}

void AgentPaas::mcp_server(Reader item) {
  Reader name = item.required("name");
  plain_text(name);
  Reader address = item.at("url"), command = item.at("command");
  std::string transport = word(item.at("transport"), kTransports);
  if (transport.empty()) transport = command.present() ? "stdio" : "http";
  if (transport == "http" && !address.present()) item.error("the key \"url\" is missing");
  if (transport == "stdio" && !command.present()) item.error("the key \"command\" is missing");
  if (transport == "stdio" && address.present()) address.error("a stdio server has no URL");
  if (transport == "http" && command.present()) command.error("an http server has no command");
  bool taken = false;
  if (const auto where = url(address)) {
    if (!is_loopback(where->to.host) && !matched(*where))
      address.error("no egress rule allows its host and port", "add one for it");
    if (!is_loopback(where->to.host)) {
      add_mcp_server({name.string().value_or(""), where->to.host.text(), mcp_tools(item)});
      taken = closed_hosts_.count(where->to.host.text()) == 0;
    }
  }
  const auto endpoint = item.at("endpoint").string();
  const auto other = model::parse_target(endpoint.value_or(""));
  if (other && other.value().absolute) close_mcp_host(other.value().absolute->host);
  plain_text(command);
  (void)item.at("args").strings();
  (void)mcp_tools(item);
  free_map(item.at("headers"));
  free_map(item.at("env"));
  for (const char* key : {"endpoint", "auth_mode", "egress_binding"}) plain_text(item.at(key));
  item.finish();
  if (transport == "stdio") {
    lossy_.add(item, "a program beside the agent: no call that Sluice sees",
               "sluice exec contains what it may reach");
    lossy_.add_keys(item, {"allowed_tools", "denied_tools"}, "no call of these is seen");
  } else if (!taken) {
    lossy_.add(item, "its host is closed", "write its tools under tools by hand");
  }
  lossy_.add_keys(item, {"headers", "env"}, "values are not imported, they may be secrets",
                  "name them under secrets in sluice.yaml");
}

void AgentPaas::close_mcp_host(const model::Host& host) {
  if (!is_loopback(host)) closed_hosts_[host.text()] = "two MCP servers may be behind this host";
}

// Our rules know a server by its host, so that two of them behind one cannot be told apart.
void AgentPaas::add_mcp_server(McpServer server) {
  const bool there = std::any_of(mcp_servers_.begin(), mcp_servers_.end(),
                                 [&](const McpServer& one) { return one.host == server.host; });
  if (there) closed_hosts_[server.host] = "two MCP servers are behind this host";
  mcp_servers_.push_back(std::move(server));
}

const McpServer* AgentPaas::mcp_server_at(const EgressRule& rule) const {
  const auto at = std::find_if(mcp_servers_.begin(), mcp_servers_.end(), [&](const McpServer& one) {
    const bool here = rule.hosts == EgressRule::Hosts::exact ? one.host == rule.host
                                                             : one.host.ends_with('.' + rule.host);
    return here && (rule.mcp_server.empty() || rule.mcp_server == one.name);
  });
  return at == mcp_servers_.end() ? nullptr : &*at;
}

// A name that our patterns would read as more than itself is left out, which closes it.
std::vector<std::string> AgentPaas::mcp_tools(Reader& item) {
  const auto allowed = item.at("allowed_tools").strings();
  Reader denied = item.at("denied_tools");
  const auto refused = denied.strings();
  std::vector<std::string> out;
  for (const auto& tool : allowed) {
    if (std::find(refused.begin(), refused.end(), tool) != refused.end())
      denied.error("a tool is allowed and denied");
    if (tool.find('*') == std::string::npos && !tool.starts_with("re:")) out.push_back(tool);
  }
  return out;
}

std::string AgentPaas::tools_text() const {
  if (mcp_servers_.empty()) return "";
  std::string rules;
  for (std::size_t i = 0; i < mcp_servers_.size(); ++i) {
    const McpServer& server = mcp_servers_[i];
    if (server.tools.empty() || closed_hosts_.count(server.host) != 0) continue;
    std::vector<std::string> names;
    for (const auto& tool : server.tools) names.push_back(yaml_text(tool));
    rules += "  - {name: agentpaas-mcp-" + std::to_string(i) + ", allow: {servers: [" +
             yaml_text(server.host) + "], tools: " + yaml_list(names) + "}}\n";
  }
  return rules.empty() ? "tools: []\n" : "tools:\n" + rules;
}

void AgentPaas::hooks(Reader at) {
  for (Reader& item : at.items()) {
    plain_text(item.required("name"));
    Reader address = item.required("url");
    if (const auto where = url(address)) {
      if (is_loopback(where->to.host)) {
        address.error("a hook on loopback reaches this machine", "name another host");
      } else if (!matched(*where)) {
        address.error("no egress rule allows its host and port", "add one for it");
      }
    }
    (void)item.at("secret").string();
    item.finish();
    lossy_.add(item, "Sluice calls no hooks", "follow the log: sluice evidence show --follow");
  }
}

void AgentPaas::ingress(Reader at) {
  for (Reader& item : at.items()) {
    const auto path = item.at("path").string();
    if (path && (!path->starts_with('/') || has_control(*path)))
      item.at("path").error("a path begins with /");
    (void)item.required("port").integer(1, 65535);
    item.finish();
    lossy_.add(item, "a policy is about what leaves", "a reverse listener in sluice.yaml");
  }
}

void AgentPaas::ingress_auth(Reader at) {
  if (!at.present()) return;
  const std::string type = word(at.required("type"), kAuthTypes);
  Reader jwt = at.at("jwt"), key = at.at("api_key");
  if (type == "jwt" && !jwt.present()) at.error("the key \"jwt\" is missing");
  if (type == "api_key" && !key.present()) at.error("the key \"api_key\" is missing");
  if (jwt.present()) {
    for (const char* name : {"issuer", "audience"}) plain_text(jwt.required(name));
    (void)url(jwt.required("jwks_url"));
    jwt.finish();
  }
  if (key.present()) {
    header_name(key.required("header"));
    Reader credential = key.required("credential");
    if (const auto id = credential.string()) needs_credential_.emplace_back(credential, *id);
    key.finish();
  }
  at.finish();
  lossy_.add(at, "a policy is about what leaves");
}

} // namespace sluice::import
