// An immutable compiled policy with its digest. A default snapshot has no rules and blocks
// everything. Never changes after load; shared by pointer between threads.
// Tested by tests/unit/engine/snapshot_test.cpp.
#pragma once

#include "policy/base/diagnostic.hpp"
#include "policy/base/result.hpp"
#include "policy/base/schema.hpp"
#include "policy/engine/rule.hpp"
#include "policy/model/credential.hpp"
#include "policy/redact/rule_set.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

inline constexpr std::size_t kMaxRules = 10'000; // of one policy, all sections together

// The rules about operations of one kind. Where the section is not written, every operation of the
// kind may go; where it is, even empty, only what it allows.
struct OperationRules {
  bool written = false;
  std::vector<Rule> rules;
};

struct Snapshot {
  std::string id, title, version; // metadata
  Defaults defaults;
  std::vector<Rule> egress;                                      // HTTP and CONNECT
  std::vector<Rule> tcp;                                         // raw TCP
  std::array<OperationRules, model::kOperationKinds> operations; // by kind
  RedactionSettings redaction;
  std::vector<model::Credential> credentials;
  std::string digest = {};    // "sha256:<hex>" over canonical
  std::string canonical = {}; // canonical JSON: everything that can change a decision or obligation

  std::uint64_t inspect_most = 0; // bytes of a body that some rule asks for; 0: none does
  bool asks_for_class = false;    // some rule asks for the class of an address
  bool asks_for_time = false; // some rule asks for the time, so that decisions end by themselves

  const OperationRules& rules_of(model::Operation::Kind kind) const noexcept {
    return operations[static_cast<std::size_t>(kind)];
  }
  template <class Each> void each_rule(Each each) const {
    for (const Rule& rule : egress) each(rule);
    for (const Rule& rule : tcp) each(rule);
    for (const OperationRules& section : operations) {
      for (const Rule& rule : section.rules) each(rule);
    }
  }
  // The one section that decides calls of this protocol; sections of operations are asked, too.
  const std::vector<Rule>& rules_for(model::Protocol protocol) const noexcept {
    return protocol == model::Protocol::tcp ? tcp : egress;
  }
};

// What the policy says about redaction, without known secrets, which it does not know.
redact::RuleSetConfig redaction_of(const Snapshot& policy);

// Whether a rule makes tokens, or one puts them back: those of an older policy of the run, too.
bool uses_tokens(const Snapshot& policy);

struct PolicyLoad {
  std::shared_ptr<const Snapshot> snapshot; // null when there are errors
  Diagnostics diagnostics;                  // errors and warnings
  Diagnostics overrides;                    // where a file loosens what it inherits
  std::vector<std::string> parents;         // the files it inherits, from its folder
};

// The text of a file that a policy inherits. Its name is relative to the policy's folder and never
// leads out of it.
using ReadParent = std::function<Result<std::string>(const std::string& name)>;

// Reads YAML 1.2 or JSON. Reports every problem, not the first. Never throws. Without `read` a
// policy that inherits is an error.
PolicyLoad load_policy_file(const std::string& path);
PolicyLoad load_policy_text(std::string_view text, const std::string& file_name,
                            const ReadParent& read = {});

// Every key there is, in a document that loads (complete_policy.yaml) when it inherits a base.yaml
// that leaves its children free.
extern const std::string_view kCompletePolicy;
Schema policy_schema(); // of such documents: `sluice check --schema policy` prints it

} // namespace sluice::engine
