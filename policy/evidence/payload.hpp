// A JsonWriter for record payloads: every string that did not come from a closed vocabulary of ours
// passes the redactor, becomes text that every JSON reader renders alike, and is cut to a bound.
// So no record can be too large, and none can hold a secret the rules know.
// Tested by tests/unit/evidence/record_test.cpp.
#pragma once

#include "policy/evidence/json_writer.hpp"
#include "policy/redact/rule_set.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::evidence {

// Bytes of one string before JSON escaping, which makes them six times as long at worst.
inline constexpr std::size_t kMaxShortText = 512; // names, ids, hosts
inline constexpr std::size_t kMaxLongText = 4096; // paths, explanations, details
inline constexpr std::size_t kMaxListText = 128;  // an item of a list
inline constexpr std::size_t kMaxListItems = 32;

class Payload {
 public:
  explicit Payload(std::shared_ptr<const redact::RuleSet> rules);

  // Free text. Without rules (tests, and records of the log about itself) it is not redacted.
  Payload& text(std::string_view key, std::string_view value, std::size_t limit = kMaxShortText);
  // The same of what the agent or a peer chose: personal data goes too, where the policy names it.
  Payload& said(std::string_view key, std::string_view value, std::size_t limit = kMaxShortText);
  Payload& text_item(std::string_view value); // said, in an array, at most kMaxListText
  // A word of a closed vocabulary of ours, written as it is.
  Payload& word(std::string_view key, std::string_view value);
  // A SHA-256 in hex, optionally "algorithm:" before it: kept whole, since a redactor that knows
  // long hex strings would make records impossible to correlate. Anything else is free text.
  Payload& digest(std::string_view key, std::string_view value);
  Payload& integer(std::string_view key, std::int64_t value);
  Payload& count(std::string_view key, std::uint64_t value); // at most 2^53-1
  Payload& boolean(std::string_view key, bool value);
  Payload& null(std::string_view key);
  Payload& begin_object(std::string_view key);
  Payload& begin_object();
  Payload& end_object();
  Payload& begin_array(std::string_view key);
  Payload& end_array();
  std::string take(); // closes the payload

 private:
  enum class Whose : bool { ours, theirs };
  std::string clean(std::string_view value, std::size_t limit, Whose whose) const;

  std::shared_ptr<const redact::RuleSet> rules_;
  JsonWriter json_;
};

} // namespace sluice::evidence
