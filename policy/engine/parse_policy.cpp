#include "policy/engine/inherit.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

enum class Children { covered, free };
constexpr std::array kChildren = {Word<Children>{"covered", Children::covered},
                                  Word<Children>{"free", Children::free}};

constexpr std::array<std::string_view, 2> kLaterSections = {"approvals", "limits"};

void parse_version(const Reader& version) {
  if (!version.says(1) && version.present()) {
    version.error("this version of Sluice reads version 1", "write version: 1");
  }
}

// Of the policy itself: what it inherits has a name of its own.
void parse_metadata(Reader metadata, PolicyFile& file, Snapshot& out) {
  if (!metadata.present()) return;
  out.id = parse_label(metadata.at("id"), 128);
  out.title = parse_label(metadata.at("title"), 256);
  out.version = parse_label(metadata.at("version"), 64);
  file.frees_children = metadata.at("children").one_of(kChildren) == Children::free;
  (void)metadata.at("inherits"); // it was read before: see read_family
  metadata.finish();
}

void parse_defaults(Reader defaults, ParseContext& shared) {
  if (!defaults.present()) return;
  WrittenDefaults& out = shared.defaults[shared.file];
  Reader decision = defaults.at("decision");
  if (!decision.says("block") && decision.present()) {
    decision.error("the default is block and cannot be anything else",
                   "write an allow rule for hosts: [\"**\"] if that is what you want");
  }
  out.overrides = says_override(defaults, shared);
  out.tls = parse_tls(defaults.at("tls"));
  Reader redact = defaults.at("redact");
  if (redact.present()) {
    out.redact = parse_redact(redact);
    if (redact.node()->is_list() && redact.node()->items.empty()) {
      redact.warning("nothing is redacted unless a rule says so");
    }
  }
  out.private_addresses = defaults.at("private").boolean();
  out.inspect = parse_inspect(defaults.at("inspect"));
  check_defaults(defaults, shared);
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
    if (const auto there = shared.groups.find(name); there != shared.groups.end()) {
      members.error("this group is there already" + in_file(there->second.file, shared),
                    "rules mean what their own file says: give it another name");
      continue;
    }
    groups[name].hosts = parse_host_patterns(std::move(members), shared);
    groups[name].file = shared.file;
  }
  shared.groups.merge(groups);
}

// With `override: true` a rule stands in the place of the one it inherits under its name.
void add_rule(Reader& item, const Section& section, ParseContext& shared, std::vector<Rule>& out) {
  auto& sources = shared.sources[section.name];
  const bool overrides = says_override(item, shared);
  const Node* written = item.node()->find("name");
  const auto there = shared.names.find(written == nullptr ? "" : written->text); // "" is no name
  const bool replaces = there != shared.names.end() && there->second.section == section.name &&
                        may_replace(overrides, sources[there->second.index].file, shared);
  const std::size_t index = replaces ? there->second.index : out.size();
  Rule rule = parse_rule(item, section, index, shared);
  if (replaces) {
    out[index] = std::move(rule);
    sources[index] = {item, shared.file, overrides};
    return;
  }
  if (there != shared.names.end()) {
    const auto& named = there->second;
    const auto file = shared.sources[named.section][named.index].file;
    item.at("name").error("this name is already that of " + named.id + in_file(file, shared),
                          "names are unique");
  } else if (!rule.name.empty()) {
    shared.names.emplace(rule.name, NamedRule{rule.id, section.name, index});
  }
  out.push_back(std::move(rule));
  sources.push_back({item, shared.file, overrides});
}

void parse_rules(Reader items, const Section& section, ParseContext& shared,
                 std::vector<Rule>& out) {
  for (Reader& item : items.items()) {
    if (++shared.rules > kMaxRules) {
      item.error("the policy has more than 10000 rules");
      return;
    }
    add_rule(item, section, shared, out);
  }
}

} // namespace

void parse_policy(Reader root, PolicyFile& file, Snapshot& out, ParseContext& shared) {
  out.id = out.title = out.version = "";
  parse_version(root.required("version"));
  parse_metadata(root.at("metadata"), file, out);
  parse_defaults(root.at("defaults"), shared);
  parse_groups(root.at("hosts"), shared);
  parse_redaction(root.at("redaction"), shared, out.redaction);
  parse_credentials(root.at("credentials"), shared, out.credentials);
  parse_rules(root.at(kEgressSection.name), kEgressSection, shared, out.egress);
  parse_rules(root.at(kTcpSection.name), kTcpSection, shared, out.tcp);
  for (std::size_t i = 0; i < kOperationSections.size(); ++i) {
    const Section& section = kOperationSections[i];
    Reader rules = root.at(section.name);
    if (!rules.present()) continue;
    out.operations[i].written = true;
    parse_rules(std::move(rules), section, shared, out.operations[i].rules);
    shared.written[section.name].insert(shared.file);
  }
  for (const std::string_view section : kLaterSections) {
    root.unsupported(section, "limits are a rule's; approvals cannot be given");
  }
  root.finish();
}

// A parent may hold groups and credentials that only other children use.
void finish_policy(Reader root, Snapshot& out, ParseContext& shared) {
  std::set<std::size_t> all;
  for (std::size_t i = 0; i < shared.files->size(); ++i) all.insert(i);
  out.defaults = defaults_of(shared, all);
  const bool any = out.egress.size() + out.tcp.size() > 0;
  const Reader egress = root.at(kEgressSection.name);
  if (!any && !egress.present() && !root.at(kTcpSection.name).present()) {
    egress.warning("there are no egress rules: every call is blocked");
  }
  Reader hosts = root.at("hosts");
  const Reader credentials = root.at("credentials");
  for (const auto& [name, group] : shared.groups) {
    if (!group.used && group.file == shared.file) hosts.at(name).warning("no rule uses this group");
  }
  for (const auto& [id, one] : shared.credentials) {
    if (!one.used && one.file == shared.file)
      credentials.warning("no rule uses the credential " + id);
  }
}

} // namespace sluice::engine
