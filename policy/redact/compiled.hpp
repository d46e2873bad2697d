// What a RuleSet compiles to: the texts to look for, sorted by how they are found. Private to
// policy/redact.
#pragma once

#include "policy/redact/folder.hpp"
#include "policy/redact/needle_set.hpp"
#include "policy/redact/openings.hpp"
#include "policy/redact/rule_set.hpp"

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

// An anchor is public and not held, but over a line end. A known secret is held from its first
// byte.
enum class Looking : std::uint8_t {
  anchors_in_runs,     // of tokens that begin with a run of 16 token bytes, inside a word too
  words_in_runs,       // the same at the beginning of a word
  names_in_runs,       // the same when the anchor alone is a run, without digit and capital
  anchors_before_runs, // of tokens with such a run not far after their beginning; in any case
  anchors_at_marks,    // of tokens with "://" or "-----B" in them; in any case
  anchors_anywhere,    // in any case
  long_secrets,
  short_secrets,
  hex_secrets, // in any case
  over_lines   // anchors and secrets in base64, with a line end inside
};
inline constexpr std::size_t kLookings = 10;
inline bool in_any_case(Looking set) noexcept {
  return set == Looking::anchors_before_runs || set == Looking::anchors_at_marks ||
         set == Looking::anchors_anywhere || set == Looking::hex_secrets;
}
inline bool is_held(Looking set) noexcept {
  return set >= Looking::long_secrets;
}

struct CompiledRule {
  std::string id;
  std::string placeholder;
  std::string fingerprint = {}; // of a known secret
  Action action = Action::mask;
  PlaceSet places = kAllPlaces;
  Pack pack = Pack::secrets;
};

struct RuleSet::Compiled {
  const NeedleSet& needles(Looking set) const noexcept {
    return sets[static_cast<std::size_t>(set)];
  }

  const OpeningSet& openings(const Scope& scope) const noexcept {
    return opening_sets[index_of(scope)];
  }
  bool looks_for(std::uint32_t rule, const Scope& scope) const noexcept {
    const CompiledRule& one = rules[rule];
    if (one.pack == Pack::pii && !scope.pii) return false;
    return (one.places & bit_of(scope.place)) != 0;
  }

  std::vector<RuleInfo> infos;
  std::vector<CompiledRule> rules;
  TokenFormats formats;
  std::array<NeedleSet, kLookings> sets;
  std::string fingerprint_key;
  std::size_t max_hold = 0;
  bool has_secrets = false;                        // known ones
  bool may_block = false;                          // some rule has that action
  bool keep_length = false;                        // whatever the mask
  Folder::Signs signs = Folder::Signs::as_written; // read where a rule can match them
  static constexpr std::uint32_t kNoRule = ~std::uint32_t{0};
  std::shared_ptr<TokenVault> vault;
  std::uint32_t token_rule = kNoRule; // finds tokens, where there is a vault
  std::deque<Opening> all_openings;
  std::array<OpeningSet, kScopes> opening_sets; // by index_of(scope)
};

// Hex, first 8 bytes of the HMAC; "" without a key.
std::string fingerprint_of(std::string_view key, std::string_view secret);

} // namespace sluice::redact
