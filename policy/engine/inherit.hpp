// `metadata.inherits`: several files that are one policy, parents first. What a file says besides
// its parents may only add or tighten: it never makes a call possible that they refuse, and never
// lessens a duty, unless it says `override: true` there. What cannot be shown to be covered by
// them is an error. Reads no file itself. The table is in policy/README.md.
// Private to policy/engine. Tested by tests/unit/engine/inherit_test.cpp.
#pragma once

#include "policy/base/reader.hpp"
#include "policy/engine/parse.hpp"
#include "policy/engine/snapshot.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>

namespace sluice::engine {

inline constexpr std::size_t kMaxPolicyFiles = 32; // of one policy, itself among them
inline constexpr std::size_t kMaxParentLevels = 8; // above the policy

// The policy and all that it inherits, parents before children, each file once. Documents stay
// where they are: Readers point into them. Every problem is in `out`, at the name that led to it.
PolicyFiles read_family(Document policy, const ReadParent& read, Diagnostics& out);

// Whether `item` says `override: true`, which only a file with parents may. That it does is noted.
bool says_override(Reader& item, ParseContext& shared);
// Whether an entry that says so may stand in the place of one that an earlier file wrote: only of
// what it inherits.
bool may_replace(bool overrides, std::size_t written_by, const ParseContext& shared);
// " in base.yaml", or "" for an entry of this very file: for messages.
std::string in_file(std::size_t file, const ParseContext& shared);

// What these files write, in their order: the tightest, but for what overrides.
Defaults defaults_of(const ParseContext& shared, const std::set<std::size_t>& files);
void check_defaults(Reader& defaults, const ParseContext& shared); // of the file being read

// The rules of the file being read against those of its parents. Requires: it has no errors.
void check_ceiling(ParseContext& shared, const Snapshot& policy);

} // namespace sluice::engine
