// A Merkle tree over record hashes, hashed as RFC 6962 §2.1 says: the leaf of record N is that
// record's 32 hash bytes. Keeps one hash for each complete subtree, so a log of any length costs
// O(log n); proofs are made from the hashes of ranges, which one pass over the log computes.
// Pure: no file, no signature. Never tells whether a root is the right one, only whether a proof
// leads to it.
// Tested by tests/unit/evidence/merkle_test.cpp.
#pragma once

#include "policy/base/digest.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice::evidence {

class MerkleTree {
 public:
  void add(const Digest& record_hash);
  std::uint64_t size() const noexcept { return size_; }
  Digest root() const; // of the empty tree: the SHA-256 of nothing

  // The complete subtrees from left to right, largest first: all that is needed to go on.
  const std::vector<Digest>& subtrees() const noexcept { return subtrees_; }
  // A complete subtree, smaller than each that is there, behind them.
  void join(const Digest& subtree, std::uint64_t size);
  // nullopt when that is not the number of subtrees of a tree of this size.
  static std::optional<MerkleTree> resume(std::uint64_t size, std::vector<Digest> subtrees);

 private:
  std::vector<Digest> subtrees_; // as many as size_ has one bits
  std::uint64_t size_ = 0;
};

struct LeafRange { // [begin, end) of the leaves, counted from 0
  std::uint64_t begin = 0, end = 0;
  bool operator==(const LeafRange&) const = default;
};

// What a proof consists of: the roots of these ranges, in this order (RFC 6962 §2.1.1, §2.1.2).
// Requires: leaf < size; 0 < from <= size.
std::vector<LeafRange> inclusion_ranges(std::uint64_t leaf, std::uint64_t size);
std::vector<LeafRange> consistency_ranges(std::uint64_t from, std::uint64_t size);

// The root of the tree of this size that has `record_hash` as its leaf; nullopt when the path has
// not the length that leads there.
std::optional<Digest> root_of_inclusion(const Digest& record_hash, std::uint64_t leaf,
                                        std::uint64_t size, std::span<const Digest> path);
// Whether the tree of `size` with `root` begins with the tree of `from` with `from_root`.
bool is_consistent(std::uint64_t from, const Digest& from_root, std::uint64_t size,
                   const Digest& root, std::span<const Digest> path);

// Computes the roots of ranges while the leaves pass by in their order. Ranges do not overlap.
class RangeRoots {
 public:
  explicit RangeRoots(const std::vector<LeafRange>& ranges);
  // Before the first leaf: those of this tree have passed already. Good for ranges that lead to a
  // leaf behind it, or to a tree that is not smaller.
  void begin_behind(const MerkleTree& tree);
  void add(const Digest& record_hash);
  // In the order in which the ranges were given; nullopt before the last leaf has passed.
  std::optional<std::vector<Digest>> roots() const;

 private:
  struct Part {
    LeafRange range;
    std::size_t place = 0; // among the ranges as given
    Digest root{};
  };
  std::vector<Part> parts_; // by their begin
  std::size_t current_ = 0; // the first that is not complete
  std::uint64_t leaf_ = 0;
  MerkleTree tree_; // of the current one
};

} // namespace sluice::evidence
