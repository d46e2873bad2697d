#include "policy/engine/parse.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

constexpr std::array<std::string_view, 5> kLaterSections = {"tools", "agents", "models",
                                                            "approvals", "limits"};

void parse_version(const Reader& version) {
  if (!version.present()) return;
  const Node& node = *version.node();
  if (node.kind != Node::Kind::integer || node.integer != 1) {
    version.error("this version of Sluice reads version 1", "write version: 1");
  }
}

void parse_metadata(Reader metadata, Snapshot& out) {
  if (!metadata.present()) return;
  out.id = parse_label(metadata.at("id"), 128);
  out.title = parse_label(metadata.at("title"), 256);
  out.version = parse_label(metadata.at("version"), 64);
  metadata.unsupported("inherits", "copy the parent's rules into this file");
  metadata.finish();
}

void parse_defaults(Reader defaults, Defaults& out) {
  if (!defaults.present()) return;
  Reader decision = defaults.at("decision");
  if (decision.present() && decision.node()->text != "block") {
    decision.error("the default is block and cannot be anything else",
                   "write an allow rule for hosts: [\"**\"] if that is what you want");
  }
  out.tls = parse_tls(defaults.at("tls")).value_or(out.tls);
  Reader redact = defaults.at("redact");
  if (redact.present()) {
    out.redact = parse_redact(redact);
    if (redact.node()->is_list() && redact.node()->items.empty()) {
      redact.warning("nothing is redacted unless a rule says so");
    }
  }
  out.private_addresses = defaults.at("private").boolean().value_or(false);
  defaults.finish();
}

bool is_group_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

void parse_groups(Reader hosts, ParseContext& shared) {
  if (!hosts.present()) return;
  std::map<std::string, HostGroup> groups; // set at the end, so that groups cannot nest
  for (auto& [name, members] : hosts.members()) {
    if (!is_group_name(name)) {
      members.error("a group's name is letters, digits, - and _");
      continue;
    }
    groups[name].hosts = parse_host_patterns(std::move(members), shared);
  }
  shared.groups = std::move(groups);
}

void parse_rules(Reader items, const Section& section, ParseContext& shared,
                 std::vector<Rule>& out) {
  for (Reader& item : items.items()) {
    if (++shared.rules > kMaxRules) {
      item.error("the policy has more than 10000 rules");
      return;
    }
    Rule rule = parse_rule(item, section, out.size(), shared);
    const auto [first, added] = shared.names.emplace(rule.name, rule.id);
    if (!rule.name.empty() && !added) {
      item.at("name").error("this name is already that of " + first->second, "names are unique");
    }
    out.push_back(std::move(rule));
  }
}

} // namespace

void parse_policy(Reader root, Snapshot& out) {
  ParseContext shared;
  parse_version(root.required("version"));
  parse_metadata(root.at("metadata"), out);
  parse_defaults(root.at("defaults"), out.defaults);
  Reader hosts = root.at("hosts");
  parse_groups(hosts, shared);
  parse_redaction(root.at("redaction"), out.redaction);
  Reader credentials = root.at("credentials");
  out.credentials = parse_credentials(credentials, shared);
  const Reader egress = root.at(kEgressSection.name);
  const Reader tcp = root.at(kTcpSection.name);
  if (!egress.present() && !tcp.present()) {
    egress.warning("there are no egress rules: every call is blocked");
  }
  parse_rules(egress, kEgressSection, shared, out.egress);
  parse_rules(tcp, kTcpSection, shared, out.tcp);
  for (const std::string_view section : kLaterSections) {
    root.unsupported(section, "only egress and tcp rules are enforced");
  }
  root.finish();
  for (const auto& [name, group] : shared.groups) {
    if (!group.used) hosts.at(name).warning("no rule uses this group");
  }
  for (const auto& [id, one] : shared.credentials) {
    if (!one.used) credentials.warning("no rule uses the credential " + id);
  }
}

} // namespace sluice::engine
