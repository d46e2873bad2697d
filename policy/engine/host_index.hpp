// Which rules of a section a host may be one of: names by a tree of labels, addresses and networks
// by their bits, many expressions by one RE2::Set. Made once, then only read; it keeps views of the
// rules' patterns, which must outlive it. Private to policy/engine.
// Tested by tests/unit/engine/host_index_test.cpp.
#pragma once

#include "policy/engine/label_trie.hpp"
#include "policy/engine/pattern.hpp"
#include "policy/engine/rule_bits.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace re2 {
class RE2;
}

namespace sluice::engine {

struct HostHits {
  explicit HostHits(std::size_t words) noexcept : named(words), unnamed(words), unsure(words) {}
  RuleBits named;   // by a pattern that names the host, for certain
  RuleBits unnamed; // by `**`, `*`, or an expression of the set, for certain
  RuleBits unsure;  // perhaps: what HostIndex::fits is to be asked about
};

class HostIndex {
 public:
  HostIndex();
  ~HostIndex();
  HostIndex(HostIndex&&) noexcept;
  HostIndex& operator=(HostIndex&&) noexcept;

  // Ranks come in ascending order, from 0, without a gap.
  void add(std::size_t rank, const std::vector<HostPattern>& hosts);
  void finish(); // after the last one

  void find(const model::Host& host, HostHits& out) const noexcept;
  // Only literal addresses and networks.
  void find(const model::IpAddress& address, RuleBits& out) const noexcept;
  // Whether one of the patterns of this rule that `unsure` stands for matches.
  bool fits(std::size_t rank, const model::Host& host) const noexcept;
  // The same of those that name a host.
  bool fits_by_name(std::size_t rank, const model::Host& host) const noexcept;
  // Whether a pattern that is in no index matches this name, which is no address.
  static bool fits_name(const HostPattern& pattern, std::string_view name) noexcept;

 private:
  struct At { // rules whose pattern ends at a node of the tree
    RuleList exact, below, unsure;
  };
  struct Network {
    std::uint64_t high = 0, low = 0;
    int prefix = 0;
    bool is_v4 = false;
    bool operator==(const Network&) const = default;
  };
  struct NetworkHash {
    std::size_t operator()(const Network& network) const noexcept;
  };
  struct Width { // of networks that there are
    int prefix = 0;
    bool is_v4 = false;
    bool operator==(const Width&) const = default;
  };
  struct Expressions; // an RE2::Set

  static Network network_of(const model::IpAddress& address, int prefix) noexcept;
  void add_one(std::size_t rank, const HostPattern& host);
  void add_labels(std::size_t rank, const HostPattern& host);
  At& at(LabelTrie::Node node);
  void find_name(std::string_view name, HostHits& out) const noexcept;
  void find_expressions(const model::Host& host, HostHits& out) const noexcept;

  LabelTrie trie_;
  std::vector<At> at_; // by node
  RuleList every_host_, single_label_;
  std::unordered_map<Network, RuleList, NetworkHash> networks_;
  std::vector<Width> widths_;
  std::vector<const HostPattern*> expressions_;
  std::vector<RuleList> of_expression_;
  RuleList with_expression_;
  std::unique_ptr<Expressions> set_;                    // null: each is asked by itself
  std::vector<std::vector<const HostPattern*>> to_ask_; // by rank: globs and expressions
};

} // namespace sluice::engine
