#include "policy/evidence/merkle.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace sluice::evidence {
namespace {

// The prefixes keep a leaf from being taken for a node (RFC 6962 §2.1).
Digest leaf_hash(const Digest& record_hash) {
  thread_local Sha256 hasher;
  char text[1 + std::tuple_size_v<Digest>];
  text[0] = '\0';
  std::copy(record_hash.begin(), record_hash.end(), text + 1);
  hasher.update({text, sizeof text});
  return hasher.digest();
}

Digest node_hash(const Digest& left, const Digest& right) {
  thread_local Sha256 hasher;
  char text[1 + 2 * std::tuple_size_v<Digest>];
  text[0] = '\x01';
  std::copy(right.begin(), right.end(), std::copy(left.begin(), left.end(), text + 1));
  hasher.update({text, sizeof text});
  return hasher.digest();
}

// The largest power of two below `size`. Requires: size > 1.
std::uint64_t split(std::uint64_t size) {
  return std::bit_floor(size - 1);
}

} // namespace

void MerkleTree::add(const Digest& record_hash) {
  Digest hash = leaf_hash(record_hash);
  for (std::uint64_t bits = size_; (bits & 1) != 0; bits >>= 1) {
    hash = node_hash(subtrees_.back(), hash);
    subtrees_.pop_back();
  }
  subtrees_.push_back(hash);
  ++size_;
}

Digest MerkleTree::root() const {
  if (subtrees_.empty()) return Sha256().digest();
  Digest hash = subtrees_.back();
  for (std::size_t i = subtrees_.size() - 1; i > 0; --i) hash = node_hash(subtrees_[i - 1], hash);
  return hash;
}

void MerkleTree::join(const Digest& subtree, std::uint64_t size) {
  subtrees_.push_back(subtree);
  size_ += size;
}

std::optional<MerkleTree> MerkleTree::resume(std::uint64_t size, std::vector<Digest> subtrees) {
  if (static_cast<std::size_t>(std::popcount(size)) != subtrees.size()) return std::nullopt;
  MerkleTree tree;
  tree.subtrees_ = std::move(subtrees);
  tree.size_ = size;
  return tree;
}

std::vector<LeafRange> inclusion_ranges(std::uint64_t leaf, std::uint64_t size) {
  std::vector<LeafRange> path; // from the root down; a proof goes up
  LeafRange at{0, size};
  while (at.end - at.begin > 1) {
    const std::uint64_t middle = at.begin + split(at.end - at.begin);
    const bool left = leaf < middle;
    path.push_back(left ? LeafRange{middle, at.end} : LeafRange{at.begin, middle});
    at = left ? LeafRange{at.begin, middle} : LeafRange{middle, at.end};
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<LeafRange> consistency_ranges(std::uint64_t from, std::uint64_t size) {
  std::vector<LeafRange> path;
  LeafRange at{0, size};
  while (at.end != from) {
    const std::uint64_t middle = at.begin + split(at.end - at.begin);
    const bool left = from <= middle;
    path.push_back(left ? LeafRange{middle, at.end} : LeafRange{at.begin, middle});
    at = left ? LeafRange{at.begin, middle} : LeafRange{middle, at.end};
  }
  if (at.begin != 0) path.push_back(at); // else it is the old root, which the reader has
  std::reverse(path.begin(), path.end());
  return path;
}

std::optional<Digest> root_of_inclusion(const Digest& record_hash, std::uint64_t leaf,
                                        std::uint64_t size, std::span<const Digest> path) {
  if (leaf >= size) return std::nullopt;
  const std::vector<LeafRange> ranges = inclusion_ranges(leaf, size);
  if (ranges.size() != path.size()) return std::nullopt;
  Digest hash = leaf_hash(record_hash);
  for (std::size_t i = 0; i < path.size(); ++i) {
    hash = ranges[i].begin > leaf ? node_hash(hash, path[i]) : node_hash(path[i], hash);
  }
  return hash;
}

bool is_consistent(std::uint64_t from, const Digest& from_root, std::uint64_t size,
                   const Digest& root, std::span<const Digest> path) {
  if (from == 0 || from > size) return false;
  const std::vector<LeafRange> ranges = consistency_ranges(from, size);
  if (ranges.size() != path.size()) return false;
  // Parts left of `from` belong to both trees, those right of it to the new one only. Without a
  // part of its own the old tree is the first part of the new one.
  const bool old_is_part = std::has_single_bit(from) || path.empty();
  std::size_t i = old_is_part ? 0 : 1;
  Digest old_hash = old_is_part ? from_root : path[0];
  Digest new_hash = old_hash;
  for (; i < path.size(); ++i) {
    if (ranges[i].begin >= from) {
      new_hash = node_hash(new_hash, path[i]);
    } else {
      old_hash = node_hash(path[i], old_hash);
      new_hash = node_hash(path[i], new_hash);
    }
  }
  return old_hash == from_root && new_hash == root;
}

RangeRoots::RangeRoots(const std::vector<LeafRange>& ranges) {
  for (const LeafRange& range : ranges) parts_.push_back({range, parts_.size(), {}});
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.range.begin < b.range.begin; });
}

void RangeRoots::begin_behind(const MerkleTree& tree) {
  leaf_ = tree.size();
  std::uint64_t begin = 0; // of a complete subtree
  for (const Digest& subtree : tree.subtrees()) {
    const std::uint64_t end = begin + std::bit_floor(leaf_ - begin);
    if (current_ < parts_.size() && parts_[current_].range.begin <= begin) {
      tree_.join(subtree, end - begin);
      if (end == parts_[current_].range.end) {
        parts_[current_++].root = std::exchange(tree_, {}).root();
      }
    }
    begin = end;
  }
}

void RangeRoots::add(const Digest& record_hash) {
  const std::uint64_t leaf = leaf_++;
  if (current_ == parts_.size() || leaf < parts_[current_].range.begin) return;
  tree_.add(record_hash);
  Part& part = parts_[current_];
  if (leaf + 1 < part.range.end) return;
  part.root = std::exchange(tree_, {}).root();
  ++current_;
}

std::optional<std::vector<Digest>> RangeRoots::roots() const {
  if (current_ != parts_.size()) return std::nullopt;
  std::vector<Digest> roots(parts_.size());
  for (const Part& part : parts_) roots[part.place] = part.root;
  return roots;
}

} // namespace sluice::evidence
