// One record, proven to whoever has nothing but the log's public key: the path from the record to
// the Merkle root, the log_checkpoint record that holds the root, and the signed checkpoint that
// names that record. And, for a witness of an older root, that the log still begins with it.
// A proof says nothing about records behind the checkpoint, nor that the checkpoint is the last.
// Tested by tests/unit/evidence/prove_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/evidence/checkpoint_check.hpp"
#include "policy/evidence/merkle.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::evidence {

struct ConsistencyProof {
  std::uint64_t size = 0;
  Digest root{};
  std::vector<Digest> path;
};

struct Proof {
  std::string record; // its line, without the newline
  std::uint64_t seq = 0;
  std::uint64_t tree_size = 0;
  std::vector<Digest> path;
  std::string checkpoint_record; // the line of the log_checkpoint record
  std::string checkpoint;        // the line of the checkpoint file
  std::string public_key;        // PEM; believed only when it is pinned
  std::optional<ConsistencyProof> from;
};

// By the last checkpoint of the log. Fails (evidence) with "evidence_not_covered" when that does
// not cover the record, or the size, and with "evidence_chain_broken" when the log does not hold:
// what cannot be checked is not handed out.
Result<Proof> prove(const std::string& directory, std::uint64_t seq,
                    std::optional<std::uint64_t> from);

// What is wrong with a proof; empty when nothing is. Reads no file.
std::vector<std::string> check_proof(const Proof& proof, const KeyPin& pin);

} // namespace sluice::evidence
