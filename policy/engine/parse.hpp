// The document becomes a Snapshot here. Each function reads one part through a Reader, which
// collects the problems; what it returns is only used when there were none. What the language has
// and this version lacks is an error: a rule that is silently ignored fails open.
// Private to policy/engine. Tested by tests/unit/engine/snapshot_test.cpp.
#pragma once

#include "policy/base/reader.hpp"
#include "policy/engine/snapshot.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::engine {

inline constexpr std::size_t kMaxHosts = 250'000;   // of one policy, groups expanded: these share
inline constexpr std::size_t kMaxPatterns = 50'000; // besides hosts

inline constexpr std::size_t kMaxRegexes = 1'000; // `re:`, each up to a megabyte

struct PolicyFile { // the policy, or one that it inherits
  Document document;
  std::string name;            // from the policy's folder; "" is the policy itself
  std::set<std::size_t> above; // its parents and theirs, by their places
  bool frees_children = false; // metadata.children: free
};
using PolicyFiles = std::deque<PolicyFile>; // parents first

struct HostGroup {
  std::vector<HostPattern> hosts;
  bool used = false;
  std::size_t file = 0; // that wrote it
};

struct CredentialUse {
  model::Credential credential;
  bool used = false;
  std::size_t file = 0;
};

struct RuleSource { // where a rule was written
  Reader at;
  std::size_t file = 0;
  bool overrides = false;
};

struct NamedRule {
  std::string id;
  std::string_view section;
  std::size_t index = 0;
};

struct WrittenDefaults { // by one file
  std::optional<model::TlsMode> tls;
  std::optional<std::vector<std::string>> redact;
  std::optional<bool> private_addresses;
  std::optional<std::uint64_t> inspect;
  bool overrides = false;
};

struct RedactionSources {
  std::optional<std::size_t> placeholder, length; // the files that wrote them
  std::vector<std::size_t> rules;                 // the files, by the rules' places
};

// What the parts of a policy share while they are read, in all its files.
struct ParseContext {
  const PolicyFiles* files = nullptr;
  std::size_t file = 0;                                        // the one being read
  std::map<std::string_view, std::vector<RuleSource>> sources; // of the rules, by section
  std::map<std::size_t, WrittenDefaults> defaults;             // by file
  // The files that wrote a section of operations.
  std::map<std::string_view, std::set<std::size_t>> written;
  RedactionSources redaction;
  Diagnostics overrides;    // what was loosened, and where
  std::size_t compared = 0; // by lint and the ceiling
  std::map<std::string, HostGroup> groups;
  std::map<std::string, CredentialUse> credentials; // by id
  std::map<std::string, NamedRule> names;           // of rules
  std::size_t rules = 0;                            // against kMaxRules
  std::size_t hosts = 0;                            // against kMaxHosts
  std::size_t patterns = 0;                         // against kMaxPatterns
  std::size_t regexes = 0;                          // against kMaxRegexes
};

// A section of rules: its key, and what its rules may say beyond what all rules may.
struct Section {
  std::string_view name;
  std::string_view hosts; // the key of the hosts of a rule
  enum class Hosts : bool { required, any_without } wants_hosts;
  void (*match)(Reader& match, ParseContext& shared, Match& out); // besides hosts and ports
  void (*duties)(Reader& item, ParseContext& shared, Rule& out);  // besides redact and private
  void (*check)(Reader& item, const Rule& rule); // what contradicts itself can only surprise
};
extern const Section kEgressSection; // parse_egress.cpp
extern const Section kTcpSection;    // parse_tcp.cpp
// parse_operations.cpp, by model::Operation::Kind
extern const std::array<Section, model::kOperationKinds> kOperationSections;

// parse_policy.cpp
void parse_policy(Reader root, PolicyFile& file, Snapshot& out, ParseContext& shared); // one file
void finish_policy(Reader root, Snapshot& out, ParseContext& shared); // all were read; the last

// parse_rule.cpp
Rule parse_rule(Reader& item, const Section& section, std::size_t index, ParseContext& shared);
void check_allow_only(Reader& item, const Rule& rule, std::string_view duty);
std::optional<std::uint64_t> parse_inspect(Reader inspect);
void parse_quota(Reader& limits, model::Quota quota, Rule& rule);
std::vector<std::string> parse_redact(Reader redact);
std::optional<model::TlsMode> parse_tls(Reader tls);

// parse_redaction.cpp
void parse_redaction(Reader redaction, ParseContext& shared, RedactionSettings& out);

// parse_credentials.cpp
void parse_credentials(Reader credentials, ParseContext& shared,
                       std::vector<model::Credential>& out);
void parse_rule_credentials(Reader& item, ParseContext& shared, Rule& rule);

// parse_ask.cpp
enum class AskAbout : bool { exchange, connection };
void parse_ask(Reader& item, Rule& rule, AskAbout about);

// parse_match.cpp
Match parse_match(Reader match, const Section& section, ParseContext& shared);
std::vector<HostPattern> parse_host_patterns(Reader hosts, ParseContext& shared);
std::vector<PathPattern> parse_path_patterns(Reader paths, ParseContext& shared);
std::vector<TextPattern> parse_text_patterns(Reader patterns, ParseContext& shared);
void parse_ports(Reader ports, Match& out);
bool charge_pattern(const Reader& at, ParseContext& shared); // false: there are too many

// parse_given.cpp: what does not depend on the bytes of a call.
void parse_sessions_and_time(Reader& match, ParseContext& shared, Match& out); // any section
void parse_agents(Reader& match, ParseContext& shared, Match& out);            // any but `agents`
void parse_address_classes(Reader classes, Match& out);
void parse_sni(const Reader& names, ParseContext& shared, Match& out);
void check_address_classes(Reader& item, const Rule& rule); // warns of what no guard lets pass
// A name that stands for hosts adds them, and its uses are as good as theirs.
void add_host_patterns(Reader& item, ParseContext& shared, std::vector<HostPattern>& out);

// parse_values.cpp: a map of RFC 6901 pointers to tests.
std::vector<ValueMatch> parse_values(Reader values, ParseContext& shared);
bool is_field_name(std::string_view text); // RFC 9110 §5.6.2

// Text shown to people: bounded, without control characters.
std::string parse_label(Reader text, std::size_t max_bytes);

// lint.cpp
// Rules that can never take effect, and rules wider than their author may think: warnings.
void lint_policy(ParseContext& shared, const Snapshot& policy);
// Whether `wide` certainly matches every call that `narrow` matches. False, too, when `spent` says
// that enough was compared.
bool certainly_covers(const Match& wide, const Match& narrow, std::size_t& spent);

} // namespace sluice::engine
