// The compiled, immutable set of what redaction looks for: known secrets in every encoding, token
// formats, personal data where it is asked for, the rules of a policy. Built once, shared by every
// call. Refuses at build what cannot be streamed exactly. Never prints a secret. Tested by
// tests/unit/redact/redactor_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/secret.hpp"
#include "policy/redact/scope.hpp"
#include "policy/redact/token_vault.hpp"
#include "policy/redact/user_rule.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

struct KnownSecret {
  std::string id; // becomes rule "secret:<id>"
  Secret value;   // at least 6 bytes unless allow_short
  bool allow_short = false;
};

struct RuleSetConfig {
  std::vector<KnownSecret> known;
  bool token_formats = true;                     // the `secrets` pack
  bool pii = false;                              // that pack; a Scope says where it is looked for
  std::vector<UserRule> rules;                   // of the policy, in its order
  std::string placeholder = "[REDACTED:{rule}]"; // {rule} is replaced; must not itself match a rule
  bool keep_length = false;                      // '*' for each byte in place of the placeholder
  std::shared_ptr<TokenVault> vault;             // of the run; null: what tokenizes masks
  std::string fingerprint_key; // keyed HMAC of each finding; empty: no fingerprints

  // What is looked for where the agent's own login belongs: known secrets, and the rules that name
  // credentials.
  RuleSetConfig for_credentials() const;
};

struct RuleInfo {
  std::string id;
  std::string description;
  Pack pack = Pack::secrets;
};

class RuleSet {
 public:
  // Fails (config) on a short known secret, an empty one, a placeholder that matches a rule,
  // a rule of the policy whose id is taken, or that has no pattern and is not built in.
  static Result<std::shared_ptr<const RuleSet>> build(const RuleSetConfig& config);
  std::size_t max_hold() const noexcept; // most bytes a Redactor ever keeps back
  const std::vector<RuleInfo>& rules() const noexcept;
  bool has_vault() const noexcept; // so how a text is written matters: see Escape
  ~RuleSet();

  struct Compiled; // private to policy/redact
  const Compiled& compiled() const noexcept { return *compiled_; }

 private:
  RuleSet();
  std::unique_ptr<Compiled> compiled_;
};

// What stands in the place of what the rule found.
std::string placeholder_of(std::string_view placeholder, std::string_view rule);

} // namespace sluice::redact
