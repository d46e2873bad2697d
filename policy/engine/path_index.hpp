// Which rules of a section a path may be one of, by a tree of segments; and what a path pattern
// says, without an expression where none is needed. Made once, then only read; it keeps views of
// the rules' patterns, which must outlive it. Private to policy/engine. Tested by
// tests/unit/engine/path_index_test.cpp.
#pragma once

#include "policy/engine/label_trie.hpp"
#include "policy/engine/pattern.hpp"
#include "policy/engine/rule_bits.hpp"

#include <string_view>
#include <vector>

namespace sluice::engine {

struct PathHits {
  explicit PathHits(std::size_t words) noexcept : sure(words), unsure(words) {}
  RuleBits sure;   // the path itself matches, for certain
  RuleBits unsure; // perhaps, or perhaps another reading of it does
};

class PathIndex {
 public:
  enum class Reading { itself, other };

  PathIndex() : at_(1) {}
  // Ranks come in ascending order, from 0, without a gap. Without paths a rule is in no hits.
  void add(std::size_t rank, const std::vector<PathPattern>& paths);

  void find(std::string_view path, Reading reading, PathHits& out) const noexcept;
  bool fits(std::size_t rank, std::string_view path) const noexcept; // any pattern of the rule
  bool fits_unsure(std::size_t rank, std::string_view path) const noexcept; // those not in the tree

 private:
  enum class Form : std::uint8_t { exact, below, segments, expression };
  struct Pattern {
    Form form = Form::expression;
    bool open = false; // segments: with /** at its end
    const PathPattern* source = nullptr;
    std::vector<std::string_view> segments; // of Form::segments
  };
  struct Patterns { // of one rule
    std::vector<Pattern> sure, unsure;
  };
  struct At { // rules whose pattern ends at a node of the tree
    RuleList exact, below, unsure;
  };

  static Pattern form_of(const PathPattern& path);
  static bool pattern_fits(const Pattern& pattern, std::string_view path) noexcept;
  void add_segments(std::size_t rank, const Pattern& pattern);

  LabelTrie trie_;
  std::vector<At> at_; // by node
  RuleList expressions_;
  std::vector<Patterns> patterns_; // by rank
};

} // namespace sluice::engine
