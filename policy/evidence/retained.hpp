// What stays of segments that retention removed, in audit.retained: the records about the keys that
// sign, and the last record of all, which holds the Merkle tree up to it. Both are lines of the log
// as they were, so their hashes, the checkpoint of the last one and the roots behind it prove them.
// Never proves that it was retention that removed the rest: a `segments_removed` record does.
// Tested by tests/unit/evidence/retention_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/chain.hpp"
#include "policy/evidence/head.hpp"
#include "policy/evidence/merkle.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::evidence {

struct Retained {
  std::vector<std::string> keys; // lines, without their newlines
  std::string last;
  Head head;         // that the log goes on behind
  MerkleTree before; // of all records before the last one
  std::string sha256;
};

std::string retained_path(const std::string& directory);
std::string text_of(const Retained& retained); // of its lines
std::optional<Retained> parse_retained(std::string_view text);
// nullopt: nothing was removed. Fails (evidence, "evidence_chain_broken") for a file that is none.
Result<std::optional<Retained>> read_retained(const std::string& directory);
Head retained_head(const std::string& directory); // {} when there is none that can be read

} // namespace sluice::evidence
