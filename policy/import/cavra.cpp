// CAVRA's policy packs. They judge what an agent does on its machine (files, commands, MCP servers
// by name); none of that is a call to a host, so that nothing of a pack opens anything here. What
// it says of servers becomes a section `tools`, where a server is the host of that name.
#include "policy/import/draft.hpp"
#include "policy/model/destination.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::import {
namespace {

constexpr std::size_t kMaxId = 128, kMaxTitle = 256, kMaxVersion = 64;

class Pack {
 public:
  Pack(const Document& document, Diagnostics& out) : root_(document, out) {}

  std::optional<Imported> run() {
    metadata(root_.required("metadata"));
    Reader files = root_.at("filesystem");
    patterns(files, {"block_read", "block_write", "require_approval_write"},
             "Sluice decides on calls to hosts, not on files",
             "give the agent a file system without them");
    Reader commands = root_.at("commands");
    patterns(commands, {"block", "allow"}, "Sluice decides on calls to hosts, not on commands",
             "what a command may reach is under egress; sluice exec contains it");
    mcp(root_.at("mcp"));
    for (const char* name : {"git", "approvals", "evidence", "compliance"}) {
      Reader described = root_.at(name);
      free_map(described);
      if (described.present() && !described.node()->members.empty())
        lossy_.add(described, "CAVRA's own engine enforces nothing of it, and neither does Sluice");
    }
    others(root_, {"metadata", "filesystem", "commands", "mcp", "git", "approvals", "evidence",
                   "compliance"});
    return Imported{text(), lossy_.take()};
  }

 private:
  static bool one_of(const std::initializer_list<std::string_view>& known, std::string_view key) {
    return std::find(known.begin(), known.end(), key) != known.end();
  }

  // Its schema allows more keys; none of them can open anything here, so they are no errors.
  void others(Reader map, std::initializer_list<std::string_view> known) {
    if (!map.present() || !map.node()->is_map()) return;
    for (const Member& member : map.node()->members) {
      if (one_of(known, member.key)) continue;
      lossy_.add(map.at(member.key), "this key is not known to the importer, so it means nothing");
    }
  }

  std::string required_text(Reader& metadata, std::string_view key, std::size_t most) {
    Reader at = metadata.required(key);
    const auto value = at.text();
    if (!value) return "";
    if (value->empty() || has_control(*value)) at.error("expected one line of text");
    if (value->size() > most) lossy_.add(at, "only its first " + std::to_string(most) + " bytes");
    return one_line(*value, most);
  }

  void metadata(Reader at) {
    if (!at.present()) return;
    id_ = required_text(at, "id", kMaxId);
    title_ = required_text(at, "title", kMaxTitle);
    version_ = required_text(at, "version", kMaxVersion);
    Reader description = at.required("description");
    if (description.text()) lossy_.add(description, "a policy has a title only");
    Reader inherits = at.at("inherits");
    if (inherits.present()) {
      if (inherits.node()->is_list()) {
        (void)inherits.strings();
      } else {
        (void)inherits.string();
      }
      lossy_.add(inherits, "the parents are not read", "import the compiled pack, which has all");
    }
    Reader mode = at.at("mode");
    if (const auto word = mode.string(); word && *word != "enforce")
      lossy_.add(mode, "a policy has no mode of its own", "set mode in sluice.yaml");
    others(at, {"id", "title", "description", "version", "inherits", "mode"});
  }

  void patterns(Reader& section, std::initializer_list<std::string_view> lists,
                const std::string& what, const std::string& hint) {
    if (!section.present()) return;
    free_map(section);
    for (const std::string_view name : lists) {
      for (Reader& item : section.at(name).items()) {
        if (item.string()) lossy_.add(item, std::string(name) + ": " + what, hint);
      }
    }
    others(section, lists);
  }

  void mcp(Reader at) {
    if (!at.present()) return;
    free_map(at);
    (void)at.at("allowlist_enabled").boolean();
    Reader unknown = at.at("block_unknown_servers");
    const bool open = !unknown.boolean().value_or(true);
    constexpr const char* kHint =
        "allow its host under egress; where it has another name, write that";
    servers(at.at("allowed_servers"), allowed_, "the MCP server is allowed by name there", kHint);
    servers(at.at("blocked_servers"), blocked_, "the MCP server is blocked by name there", kHint);
    if (open)
      lossy_.add(unknown, "servers that are not named are allowed there, and stay closed here",
                 "name them, and allow their hosts under egress");
    Reader scoring = at.at("risk_scoring");
    if (scoring.present() && scoring.node()->is_map() && !scoring.node()->members.empty())
      lossy_.add(scoring, "CAVRA's own engine enforces nothing of it");
    others(at, {"allowlist_enabled", "block_unknown_servers", "allowed_servers", "blocked_servers",
                "risk_scoring"});
  }

  void servers(Reader list, std::vector<std::string>& out, const std::string& what,
               const std::string& hint) {
    for (Reader& item : list.items()) {
      const auto name = item.string();
      if (!name) continue;
      const auto host = model::Host::parse(*name);
      if (host) out.push_back(yaml_text(host.value().text()));
      lossy_.add(item, what, host ? hint : "it is no host name: write its rule by hand");
    }
  }

  static std::string tool_rule(std::string_view name, std::string_view effect,
                               const std::vector<std::string>& servers) {
    if (servers.empty()) return "";
    return "  - {name: " + std::string(name) + ", " + std::string(effect) +
           ": {servers: " + yaml_list(servers) + "}}\n";
  }

  std::string text() const {
    std::string out =
        yaml_comment("Imported by: sluice policy import --from cavra. A pack says what"
                     " an agent may do on its machine,");
    out += yaml_comment("which opens no host here: allow under egress what the agent needs.");
    out += "version: 1\nmetadata: {id: " + yaml_text(id_) + ", title: " + yaml_text(title_) +
           ", version: " + yaml_text(version_) + "}\negress: []\n";
    if (allowed_.empty() && blocked_.empty()) return out + "tools: []\n";
    out += "tools:\n";
    out += tool_rule("cavra-blocked-servers", "block", blocked_);
    out += tool_rule("cavra-allowed-servers", "allow", allowed_);
    return out;
  }

  Reader root_;
  LossyList lossy_;
  std::string id_, title_, version_;
  std::vector<std::string> allowed_, blocked_;
};

} // namespace

std::optional<Imported> import_cavra(const Document& document, Diagnostics& out) {
  Reader root(document, out);
  if (!document.root.is_map()) {
    root.error("expected a map", "a policy pack, not a registry or a signature");
    return std::nullopt;
  }
  return Pack(document, out).run();
}

} // namespace sluice::import
