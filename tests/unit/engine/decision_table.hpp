// The calls of tests/vectors/policy/*.yaml, judged by hand: what they expect comes from the
// documentation and never from what an engine said. Its README says how a case is written. What is
// wrong with a file is a diagnostic of its line, so that no case is left out without a word.
#pragma once

#include "tests/unit/engine/fixture.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine::testing {

// What is said of a decision, a word for each key of `expect`; lists are sorted and joined.
using Said = std::map<std::string, std::string>;

struct TableCase {
  std::string place; // file:line
  model::EgressCall call;
  model::Reason unread = model::Reason::none; // why there is no such call
  std::optional<model::IpAddress> resolved;
  Said expected;
};

struct DecisionTable { // one policy and its calls
  std::string place;
  std::shared_ptr<const Snapshot> policy;
  std::vector<TableCase> cases;
};

// Empty, with a diagnostic, when anything in the file is wrong. `text` is that of `file`, which is
// only a name; `root` is where the policy files named in it are.
std::vector<DecisionTable> read_tables(std::string_view text, const std::string& file,
                                       const std::string& root, Diagnostics& problems);

// Where the engines and the case differ, one line each: "file:line: what: expected a, got b".
std::vector<std::string> differences(const BothEngines& engines, const TableCase& one);

} // namespace sluice::engine::testing
