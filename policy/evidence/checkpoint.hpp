// A signed statement "record N of this log has this hash", in AgentPaaS's form (reference §5.4):
// its line, its hash, and its link to the one before. Pure: signing and files are elsewhere. Reads
// canonical lines only, so that every byte of one is either hashed, signed, or a known constant.
// Tested by tests/unit/evidence/checkpoint_test.cpp against reference vectors.
#pragma once

#include "policy/evidence/chain.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::evidence {

struct Checkpoint {
  std::uint64_t seq = 0; // from 1
  Head anchor;           // the record it speaks of, and by it of all before
  std::string prev_checkpoint_hash;
  std::string checkpoint_hash;
  std::string signature; // base64 of ECDSA's DER, over the text of checkpoint_hash; "" = none
  std::string timestamp;
};

std::string hash_of(const Checkpoint& checkpoint); // hex; reads neither its hash nor its signature
std::string line_of(const Checkpoint& checkpoint); // with its newline
std::optional<Checkpoint> parse_checkpoint(std::string_view line); // without its newline

// Unsigned, with its hash. `before` is the last one, or a default one.
Checkpoint next_checkpoint(const Checkpoint& before, Head anchor, std::string timestamp);

// What is wrong with a checkpoint that follows `before`, apart from its signature.
std::optional<Issue> check_link(const Checkpoint& before, const Checkpoint& checkpoint);

} // namespace sluice::evidence
