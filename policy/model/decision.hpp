// The engine's answer. A default-constructed Decision blocks. Never allows without naming a rule.
// Tested by tests/unit/model/decision_test.cpp.
#pragma once

#include "policy/model/decision_point.hpp"
#include "policy/model/quota.hpp"
#include "policy/model/reason.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::model {

enum class Verdict : std::uint8_t { block = 0, require_approval, allow };
std::string_view to_string(Verdict verdict) noexcept;

enum class TlsMode : std::uint8_t { intercept = 0, passthrough };
std::string_view to_string(TlsMode mode) noexcept;

struct Obligations {                // duties of an allow; the widest redaction, the tightest limit
  std::vector<std::string> redact;  // pack names, sorted, unique
  TlsMode tls = TlsMode::intercept; // passthrough only when every matching allow says so
  bool private_addresses = false; // a matching allow rule *that names this host* says private: true
  std::optional<std::uint64_t> request_body_limit; // bytes
  std::optional<std::uint64_t> byte_limit; // of one raw connection, both directions together
  // `request`, `response`: where tokens of this run are put back; only what every allow says.
  std::vector<std::string> restore;
  std::vector<std::string> credentials; // ids of what is put into the request, sorted
  Quotas quotas;                        // what the call counts against
  DecisionPoints ask;                   // who must say yes, all of them
  bool restores(std::string_view direction) const noexcept {
    return std::find(restore.begin(), restore.end(), direction) != restore.end();
  }
  bool redacts(std::string_view pack) const noexcept {
    return std::find(redact.begin(), redact.end(), pack) != redact.end();
  }
  bool operator==(const Obligations&) const = default;
};

struct Reported { // what a `mode: report` rule would have decided
  std::string rule_id;
  Verdict verdict = Verdict::block;
  bool operator==(const Reported&) const = default;
};

struct Decision {
  Verdict verdict = Verdict::block;
  Reason reason = Reason::default_deny;
  std::string rule_id = "default_deny"; // egress[N], tcp[N], default_deny, guard.*, limit.*
  std::string rule_name;                // "" when the rule has none
  std::string explanation;              // the rule's own `reason:` text, or ""
  Severity severity = Severity::medium;
  Obligations obligations;
  std::vector<Reported> reported;

  bool allowed() const noexcept { return verdict == Verdict::allow; }
  // A refusal by a guard or limit: rule id and severity come from the reason table.
  static Decision refuse(Reason reason, std::string explanation = {});
  bool operator==(const Decision&) const = default;
};

} // namespace sluice::model
