// The document becomes a Snapshot here. Each function reads one part through a Reader, which
// collects the problems; what it returns is only used when there were none. What the language has
// and this version lacks is an error: a rule that is silently ignored fails open.
// Private to policy/engine. Tested by tests/unit/engine/snapshot_test.cpp.
#pragma once

#include "policy/base/reader.hpp"
#include "policy/engine/snapshot.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace sluice::engine {

inline constexpr std::size_t kMaxPatterns = 50'000; // of one policy, groups expanded

inline constexpr std::size_t kMaxRegexes = 1'000; // `re:`, each up to a megabyte

struct HostGroup {
  std::vector<HostPattern> hosts;
  bool used = false;
};

struct CredentialUse {
  model::Credential credential;
  bool used = false;
};

// What the parts of one document share while they are read.
struct ParseContext {
  std::map<std::string, HostGroup> groups;
  std::map<std::string, CredentialUse> credentials; // by id
  std::map<std::string, std::string> names;         // of rules -> the id of the rule
  std::size_t rules = 0;                            // against kMaxRules
  std::size_t patterns = 0;                         // against kMaxPatterns
  std::size_t regexes = 0;                          // against kMaxRegexes
};

// A section of rules: its key, and what its rules may say beyond what all rules may.
struct Section {
  std::string_view name;
  void (*match)(Reader& match, ParseContext& shared, Match& out); // besides hosts and ports
  void (*duties)(Reader& item, ParseContext& shared, Rule& out);  // besides redact and private
  void (*check)(Reader& item, const Rule& rule); // what contradicts itself can only surprise
};
extern const Section kEgressSection; // parse_egress.cpp
extern const Section kTcpSection;    // parse_tcp.cpp

void parse_policy(Reader root, Snapshot& out); // parse_policy.cpp

// parse_rule.cpp
Rule parse_rule(Reader& item, const Section& section, std::size_t index, ParseContext& shared);
void check_allow_only(Reader& item, const Rule& rule, std::string_view duty);
std::vector<std::string> parse_redact(Reader redact);
std::optional<model::TlsMode> parse_tls(Reader tls);

void parse_redaction(Reader redaction, RedactionSettings& out); // parse_redaction.cpp

// parse_credentials.cpp
std::vector<model::Credential> parse_credentials(Reader credentials, ParseContext& shared);
void parse_rule_credentials(Reader& item, ParseContext& shared, Rule& rule);

// parse_match.cpp
Match parse_match(Reader match, const Section& section, ParseContext& shared);
std::vector<HostPattern> parse_host_patterns(Reader hosts, ParseContext& shared);
std::vector<PathPattern> parse_path_patterns(Reader paths, ParseContext& shared);
std::vector<TextPattern> parse_text_patterns(Reader patterns, ParseContext& shared);
bool is_field_name(std::string_view text); // RFC 9110 §5.6.2

// Text shown to people: bounded, without control characters.
std::string parse_label(Reader text, std::size_t max_bytes);

// Rules that can never take effect, and rules wider than their author may think: warnings.
void lint_policy(Reader root, const Snapshot& policy); // lint.cpp

} // namespace sluice::engine
