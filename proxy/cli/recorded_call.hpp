// A decision record read back as the facts that were judged, so that another policy can judge them.
// What is not in the record to the letter gives no call: a masked path is another path, and a
// refusal that was none of the policy's says nothing about it. Never guesses.
// Tested by tests/e2e/test_policy_diff.py.
#pragma once

#include "policy/evidence/chain.hpp"
#include "policy/model/decision.hpp"
#include "policy/model/egress_call.hpp"

#include <map>
#include <optional>
#include <string>

namespace sluice::cli {

struct RecordedCall {
  model::EgressCall call;
  std::optional<model::IpAddress> address;        // that was judged, too
  model::Verdict verdict = model::Verdict::block; // of the policy, whatever the mode did with it
  std::string rule_id, rule_name;
};

class RecordReader {
 public:
  explicit RecordReader(std::string directory) : directory_(std::move(directory)) {}

  // Whether this is the record of a decision at all.
  static bool is_decision(const evidence::Line& line);
  // Requires is_decision. nullopt, and in `why` a short word for what is missing.
  std::optional<RecordedCall> read(const evidence::Line& line, std::string& why);

 private:
  struct Masks { // of the policy a record was written under
    std::string before, after;
    bool keeps_length = false;
  };
  const Masks& masks_of(const std::string& digest);
  bool may_be_masked(const std::string& text, const std::string& digest);

  std::string directory_;
  std::map<std::string, Masks> masks_;
};

} // namespace sluice::cli
