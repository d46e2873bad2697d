#include "policy/engine/inherit.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::engine {
namespace {

using model::TlsMode;
using model::Verdict;

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kMostNamed = 3; // files in one message

// ---- the files ---------------------------------------------------------------------------------

std::string folder_part(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash + 1);
}

// Plain names, one after the other: nothing that leads up, away or to the same file by another way.
bool is_plain_name(std::string_view name) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable || name.size() > kLongestName) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

class Family {
 public:
  Family(const ReadParent& read, Diagnostics& out, PolicyFiles& files)
      : read_(read), out_(out), files_(files) {}

  void begin(Document policy) {
    policy_ = policy.file;
    folder_ = folder_part(policy_);
    add(std::move(policy), "");
  }

 private:
  // Its place in the list, behind all that it inherits.
  std::size_t add(Document document, const std::string& name) {
    open_.push_back(name);
    std::set<std::size_t> named, above;
    const Node* metadata = document.root.find("metadata"); // what is no map is reported later
    if (metadata != nullptr && metadata->find("inherits") != nullptr) {
      Reader inherits = Reader(document, out_).at("metadata").at("inherits");
      for (Reader& item : inherits.items(EmptyList::refuse)) {
        const auto parent = parent_of(item, name);
        if (!parent) continue;
        if (!named.insert(*parent).second) item.error("this file is named already");
        above.insert(*parent);
        above.insert(files_[*parent].above.begin(), files_[*parent].above.end());
      }
    }
    open_.pop_back();
    files_.push_back({std::move(document), name, std::move(above)});
    return known_[name] = files_.size() - 1;
  }

  std::optional<std::size_t> parent_of(Reader& item, const std::string& child) {
    const auto written = item.string();
    if (!written) return std::nullopt;
    if (!is_plain_name(*written)) {
      item.error("a parent is a file in this folder or below", "write base.yaml or org/base.yaml");
      return std::nullopt;
    }
    const auto name = folder_part(child) + *written;
    if (const auto known = known_.find(name); known != known_.end()) return known->second;
    const bool itself = folder_ + name == policy_;
    if (itself || std::find(open_.begin(), open_.end(), name) != open_.end()) {
      item.error("the file inherits itself: " + way_to(name), "remove one of them");
      return std::nullopt;
    }
    if (open_.size() > kMaxParentLevels) {
      item.error("parents are more than 8 levels deep");
      return std::nullopt;
    }
    if (++seen_ >= kMaxPolicyFiles) {
      if (seen_ == kMaxPolicyFiles) item.error("the policy is of more than 32 files");
      return std::nullopt;
    }
    return read_file(item, name);
  }

  std::optional<std::size_t> read_file(const Reader& item, const std::string& name) {
    if (!read_) {
      item.error("a policy that is read by itself inherits nothing", "load it from its file");
      return std::nullopt;
    }
    const auto text = read_(name);
    if (!text) {
      item.error(name + " cannot be read", text.error().detail);
      return std::nullopt;
    }
    bytes_ += text.value().size();
    if (bytes_ > kMaxDocumentBytes) {
      item.error("the parents of a policy are larger than 8 MiB together");
      return std::nullopt;
    }
    auto document = parse_document(text.value(), folder_ + name, out_);
    if (!document) return std::nullopt;
    return add(std::move(*document), name);
  }

  std::string way_to(const std::string& name) const {
    std::string out;
    const auto first = std::find(open_.begin(), open_.end(), name);
    for (auto at = first == open_.end() ? open_.begin() : first; at != open_.end(); ++at) {
      out += (at->empty() ? "the policy" : *at) + ", ";
    }
    return out + name;
  }

  const ReadParent& read_;
  Diagnostics& out_;
  PolicyFiles& files_;
  std::string folder_, policy_;
  std::vector<std::string> open_; // from the policy to the file being read
  std::map<std::string, std::size_t> known_;
  std::size_t seen_ = 0, bytes_ = 0;
};

// ---- what may be said --------------------------------------------------------------------------

const PolicyFile& current(const ParseContext& shared) {
  return (*shared.files)[shared.file];
}

std::string parents_text(const ParseContext& shared) {
  const auto& above = current(shared).above;
  std::string out;
  std::size_t left = kMostNamed;
  for (const auto file : above) {
    if (left-- == 0) return out + " and others";
    out += (out.empty() ? "" : ", ") + (*shared.files)[file].name;
  }
  return out;
}

// `base` with what one file writes: the tighter of both, unless that file overrides.
void apply(const WrittenDefaults& written, WrittenDefaults& base) {
  if (written.tls) {
    const bool tighter = base.tls == TlsMode::intercept && !written.overrides;
    base.tls = tighter ? TlsMode::intercept : *written.tls;
  }
  if (written.private_addresses) {
    const bool closed = base.private_addresses == false && !written.overrides;
    base.private_addresses = !closed && *written.private_addresses;
  }
  if (written.inspect) {
    base.inspect = written.overrides
                       ? *written.inspect
                       : std::min(*written.inspect, base.inspect.value_or(*written.inspect));
  }
  if (written.redact) {
    auto all = *written.redact;
    if (base.redact && !written.overrides)
      all.insert(all.end(), base.redact->begin(), base.redact->end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    base.redact = std::move(all);
  }
}

// ---- the ceiling -------------------------------------------------------------------------------

// What one rule of a file may do, by the rules of its parents. Each of its hosts must be within
// one of their rules as a whole: a call has one host, but may have several readings of its path.
class Ceiling {
 public:
  Ceiling(ParseContext& shared, const Section& section, const std::vector<Rule>& rules)
      : shared_(shared), hosts_key_(section.hosts) {
    const auto& sources = shared.sources[section.name];
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const bool inherited = current(shared).above.contains(sources[i].file);
      if (inherited && !rules[i].report_only && rules[i].effect != Verdict::block)
        inherited_.push_back(&rules[i]);
    }
  }

  void check(Reader at, const Rule& rule) {
    const bool allows = rule.effect == Verdict::allow;
    Reader effect = at.at(allows ? "allow" : "require_approval");
    for (const HostPattern& host : rule.match.hosts) {
      const Match narrow = only(rule.match, host);
      // An approval may stand where an approval is asked already. Where agent, session, time or
      // server name are not known it is asked for, and an allow about them is none.
      // What reads longer bodies allows longer ones.
      const auto most = defaults_of(shared_, current(shared_).above).inspect;
      const auto reaches = [&](const Rule& one) {
        const bool as_strong = one.effect == Verdict::allow
                                   ? allows || !one.match.asks_for_what_may_be_unknown()
                                   : !allows;
        return as_strong && rule.inspect.value_or(most) <= one.inspect.value_or(most);
      };
      if (!any_covers(narrow, reaches)) {
        const bool tired = shared_.compared > kMaxCompared;
        effect.at(hosts_key_)
            .error(tired ? "there are too many rules to compare with " + parents_text(shared_)
                         : "no one rule of " + parents_text(shared_) + " allows all of this for " +
                               shown(host),
                   "ask for less, or say override: true");
        return;
      }
      if (allows && !check_duties(at, rule, host, narrow)) return;
    }
  }

 private:
  static constexpr std::size_t kMaxCompared = 2'000'000; // as lint.cpp has it

  static Match only(const Match& match, const HostPattern& host) {
    Match out = match;
    out.hosts = {host};
    return out;
  }
  static std::string shown(const HostPattern& host) {
    return host.text().size() > 40 ? "one of its hosts" : '"' + host.text() + '"';
  }

  template <class Wanted> bool any_covers(const Match& narrow, Wanted wanted) {
    return std::any_of(inherited_.begin(), inherited_.end(), [&](const Rule* one) {
      return wanted(*one) && certainly_covers(one->match, narrow, shared_.compared);
    });
  }

  // Redaction, limits, TLS and restore of all rules that match add up, so that one rule more can
  // only tighten them. Two duties widen: private addresses and logins.
  bool check_duties(Reader& at, const Rule& rule, const HostPattern& host, const Match& narrow) {
    const auto refuse = [&](std::string_view key, const std::string& what) {
      at.at(key).error("no rule of " + parents_text(shared_) + " " + what + " for " + shown(host),
                       "remove it, or say override: true");
      return false;
    };
    const bool opens = rule.private_addresses && host.names_host() &&
                       !defaults_of(shared_, current(shared_).above).private_addresses;
    if (opens && !opened_already(narrow)) return refuse("private", "opens private addresses");
    for (const auto& id : rule.credentials) {
      const auto gives = [&](const Rule& one) {
        return one.effect == Verdict::allow &&
               std::find(one.credentials.begin(), one.credentials.end(), id) !=
                   one.credentials.end();
      };
      if (!any_covers(narrow, gives)) return refuse("credential", "gives this login");
    }
    return true;
  }

  bool opened_already(const Match& narrow) { // only by hosts that are named
    return std::any_of(inherited_.begin(), inherited_.end(), [&](const Rule* one) {
      if (one->effect != Verdict::allow || !one->private_addresses) return false;
      Match named = one->match;
      std::erase_if(named.hosts, [](const HostPattern& host) { return !host.names_host(); });
      return certainly_covers(named, narrow, shared_.compared);
    });
  }

  ParseContext& shared_;
  std::string_view hosts_key_;
  std::vector<const Rule*> inherited_;
};

void check_section(const Section& section, const std::vector<Rule>& rules, ParseContext& shared) {
  const auto& sources = shared.sources[section.name];
  Ceiling ceiling(shared, section, rules);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (sources[i].file != shared.file || rules[i].report_only) continue;
    if (!sources[i].overrides && rules[i].effect != Verdict::block)
      ceiling.check(sources[i].at, rules[i]);
  }
}

} // namespace

PolicyFiles read_family(Document policy, const ReadParent& read, Diagnostics& out) {
  PolicyFiles files;
  Family family(read, out, files);
  family.begin(std::move(policy));
  return files;
}

bool says_override(Reader& item, ParseContext& shared) {
  Reader override_ = item.at("override");
  if (!override_.present()) return false;
  if (current(shared).above.empty()) {
    override_.error("this file inherits nothing",
                    "remove it, or name parents in metadata.inherits");
    return false;
  }
  const bool yes = override_.boolean().value_or(false);
  if (yes) shared.overrides.push_back(override_.here("override: true"));
  return yes;
}

std::string in_file(std::size_t file, const ParseContext& shared) {
  return file == shared.file ? "" : " in " + (*shared.files)[file].name;
}

bool may_replace(bool overrides, std::size_t written_by, const ParseContext& shared) {
  return overrides && current(shared).above.contains(written_by);
}

void check_defaults(Reader& defaults, const ParseContext& shared) {
  const auto& own = shared.defaults.at(shared.file);
  const auto& above = current(shared).above;
  if (above.empty() || own.overrides) return;
  const Defaults theirs = defaults_of(shared, above);
  const auto refuse = [&](std::string_view key, const std::string& what) {
    defaults.at(key).error(parents_text(shared) + ": " + what, "override: true, in defaults");
  };
  if (own.tls == TlsMode::passthrough && theirs.tls == TlsMode::intercept)
    refuse("tls", "TLS is intercepted");
  if (own.private_addresses == true && !theirs.private_addresses)
    refuse("private", "private addresses are closed");
  if (own.inspect && *own.inspect > theirs.inspect) refuse("inspect", "less of a body is read");
  if (!own.redact) return;
  const bool all = std::includes(own.redact->begin(), own.redact->end(), theirs.redact.begin(),
                                 theirs.redact.end());
  if (!all) refuse("redact", "more than this is redacted");
}

Defaults defaults_of(const ParseContext& shared, const std::set<std::size_t>& files) {
  WrittenDefaults all;
  for (const auto& [file, written] : shared.defaults) {
    if (files.contains(file)) apply(written, all);
  }
  Defaults out;
  out.tls = all.tls.value_or(out.tls);
  out.redact = all.redact.value_or(out.redact);
  out.private_addresses = all.private_addresses.value_or(out.private_addresses);
  out.inspect = all.inspect.value_or(out.inspect);
  return out;
}

void check_ceiling(ParseContext& shared, const Snapshot& policy) {
  const auto& above = current(shared).above;
  const bool free = std::all_of(above.begin(), above.end(), [&](std::size_t file) {
    return (*shared.files)[file].frees_children;
  });
  if (free) return; // as is a file without parents
  check_section(kEgressSection, policy.egress, shared);
  check_section(kTcpSection, policy.tcp, shared);
  for (std::size_t i = 0; i < kOperationSections.size(); ++i) {
    // Where no parent asks for operations to be allowed, a child that does only tightens.
    const auto& written = shared.written[kOperationSections[i].name];
    const bool asked = std::any_of(above.begin(), above.end(),
                                   [&](std::size_t file) { return written.contains(file); });
    if (asked) check_section(kOperationSections[i], policy.operations[i].rules, shared);
  }
}

} // namespace sluice::engine
