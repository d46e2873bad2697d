#include "policy/evidence/merkle.hpp"

#include "policy/base/bytes.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace sluice::evidence {
namespace {

Digest digest_of(std::string_view text) {
  Sha256 hasher;
  hasher.update(text);
  return hasher.digest();
}

std::vector<Digest> leaves(std::uint64_t count) {
  std::vector<Digest> out;
  for (std::uint64_t n = 0; n < count; ++n) out.push_back(digest_of(std::to_string(n)));
  return out;
}

// RFC 6962 §2.1, word for word.
Digest naive_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return digest_of("");
  if (leaves.size() == 1) return digest_of(std::string(1, '\0') + std::string(view(leaves[0])));
  std::size_t k = 1;
  while (2 * k < leaves.size()) k *= 2;
  return digest_of('\x01' + std::string(view(naive_root(leaves.first(k)))) +
                   std::string(view(naive_root(leaves.subspan(k)))));
}

MerkleTree tree_of(std::span<const Digest> leaves) {
  MerkleTree tree;
  for (const Digest& leaf : leaves) tree.add(leaf);
  return tree;
}

std::vector<Digest> path_of(const std::vector<LeafRange>& ranges, std::span<const Digest> leaves) {
  RangeRoots roots(ranges);
  for (const Digest& leaf : leaves) roots.add(leaf);
  return roots.roots().value();
}

constexpr std::uint64_t kMost = 70;

} // namespace

BOOST_AUTO_TEST_SUITE(merkle)

BOOST_AUTO_TEST_CASE(the_empty_tree_has_the_root_of_the_rfc) {
  BOOST_TEST(to_hex(view(MerkleTree().root())) ==
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

BOOST_AUTO_TEST_CASE(agrees_with_the_definition_at_every_size) {
  const auto all = leaves(kMost);
  MerkleTree tree;
  for (std::uint64_t size = 0; size <= kMost; ++size) {
    BOOST_TEST((tree.root() == naive_root(std::span(all).first(size))), "size " << size);
    BOOST_TEST(tree.size() == size);
    if (size < kMost) tree.add(all[size]);
  }
}

BOOST_AUTO_TEST_CASE(goes_on_from_its_subtrees) {
  const auto all = leaves(kMost);
  for (std::uint64_t size = 0; size < kMost; ++size) {
    const MerkleTree half = tree_of(std::span(all).first(size));
    auto resumed = MerkleTree::resume(size, half.subtrees());
    BOOST_REQUIRE(resumed.has_value());
    for (std::uint64_t n = size; n < kMost; ++n) resumed->add(all[n]);
    BOOST_TEST((resumed->root() == naive_root(all)));
    BOOST_TEST(!MerkleTree::resume(2 * size + 1, half.subtrees()).has_value());
  }
}

BOOST_AUTO_TEST_CASE(every_record_is_proven_in_every_tree_and_no_other) {
  const auto all = leaves(kMost);
  for (std::uint64_t size = 1; size <= kMost; ++size) {
    const auto some = std::span(all).first(size);
    const Digest root = naive_root(some);
    for (std::uint64_t leaf = 0; leaf < size; ++leaf) {
      auto path = path_of(inclusion_ranges(leaf, size), some);
      BOOST_REQUIRE((root_of_inclusion(all[leaf], leaf, size, path) == root));
      const std::uint64_t other = (leaf + 1) % size;
      if (size > 1) {
        BOOST_REQUIRE((root_of_inclusion(all[other], leaf, size, path) != root));
        BOOST_REQUIRE((root_of_inclusion(all[leaf], other, size, path) != root));
        path.back()[0] ^= 1;
        BOOST_REQUIRE((root_of_inclusion(all[leaf], leaf, size, path) != root));
      }
      path.push_back(root);
      BOOST_REQUIRE(!root_of_inclusion(all[leaf], leaf, size, path).has_value());
    }
  }
  BOOST_TEST(!root_of_inclusion(all[0], 1, 1, {}).has_value());
}

BOOST_AUTO_TEST_CASE(every_tree_is_proven_to_begin_with_every_smaller_one) {
  const auto all = leaves(kMost);
  for (std::uint64_t size = 1; size <= kMost; ++size) {
    const auto some = std::span(all).first(size);
    const Digest root = naive_root(some);
    for (std::uint64_t from = 1; from <= size; ++from) {
      const Digest before = naive_root(some.first(from));
      auto path = path_of(consistency_ranges(from, size), some);
      BOOST_REQUIRE_MESSAGE(is_consistent(from, before, size, root, path), from << " in " << size);
      Digest other = before;
      other[5] ^= 1;
      BOOST_REQUIRE(!is_consistent(from, other, size, root, path));
      other = root;
      other[5] ^= 1;
      BOOST_REQUIRE(!is_consistent(from, before, size, other, path));
      for (std::size_t i = 0; i < path.size(); ++i) {
        path[i][3] ^= 1;
        BOOST_REQUIRE(!is_consistent(from, before, size, root, path));
        path[i][3] ^= 1;
      }
      path.push_back(root);
      BOOST_REQUIRE(!is_consistent(from, before, size, root, path));
    }
  }
  BOOST_TEST(!is_consistent(0, digest_of(""), 1, all[0], {}));
  BOOST_TEST(!is_consistent(2, all[0], 1, all[0], {}));
}

BOOST_AUTO_TEST_CASE(a_range_that_has_not_passed_has_no_root) {
  RangeRoots roots({{0, 2}, {2, 4}});
  for (const Digest& leaf : leaves(3)) roots.add(leaf);
  BOOST_TEST(!roots.roots().has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
