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

inline constexpr std::size_t kMaxRules = 10'000;
inline constexpr std::size_t kMaxPatterns = 50'000; // of one policy, groups expanded

inline constexpr std::size_t kMaxRegexes = 1'000; // `re:`, each up to a megabyte

struct HostGroup {
  std::vector<HostPattern> hosts;
  bool used = false;
};

// What the parts of one document share while they are read.
struct ParseContext {
  std::map<std::string, HostGroup> groups;
  std::size_t patterns = 0; // against kMaxPatterns
  std::size_t regexes = 0;  // against kMaxRegexes
};

void parse_policy(Reader root, Snapshot& out);                          // parse_policy.cpp
Rule parse_rule(Reader& item, std::size_t index, ParseContext& shared); // parse_rule.cpp
Match parse_match(Reader match, ParseContext& shared);                  // parse_match.cpp
std::vector<HostPattern> parse_host_patterns(Reader hosts, ParseContext& shared);

std::vector<std::string> parse_redact(Reader redact);
std::optional<model::TlsMode> parse_tls(Reader tls);
// Text shown to people: bounded, without control characters.
std::string parse_label(Reader text, std::size_t max_bytes);

// Rules that can never take effect, and rules wider than their author may think: warnings.
void lint_policy(Reader root, const Snapshot& policy); // lint.cpp

} // namespace sluice::engine
