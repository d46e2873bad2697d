// The rules of one section, made ready to be asked about one call after the other: ranked so that
// the first that matches decides, with a set of rules for each method, scheme and stretch of ports,
// and an index of hosts and of paths. Made once, then only read; it keeps views of the rules, which
// must outlive it. Never asks rule.hpp or pattern.hpp whether something matches: the two engines
// share no answer. Private to policy/engine. Tested by tests/unit/engine/section_index_test.cpp.
#pragma once

#include "policy/engine/given_match.hpp"
#include "policy/engine/host_index.hpp"
#include "policy/engine/path_index.hpp"
#include "policy/engine/rule.hpp"
#include "policy/engine/rule_bits.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::engine {

class SectionIndex {
 public:
  SectionIndex() = default;                              // no rules
  explicit SectionIndex(const std::vector<Rule>& rules); // requires: at most kMaxRules

  // Ranks: what blocks, what needs approval, what allows, what only reports; each in source order.
  std::size_t refusing() const noexcept { return refusing_; } // ranks below block or ask
  std::size_t deciding() const noexcept { return deciding_; } // ranks below are not reports
  std::size_t size() const noexcept { return rules_.size(); }
  const Rule& rule(std::size_t rank) const noexcept { return *rules_[rank].source; }

  bool could_allow(const model::Host& host, const model::Given& given) const noexcept;

 private:
  friend class Question;
  struct Ranked {
    const Rule* source = nullptr;
    std::vector<PortRange> ports;       // in order and apart; empty: any
    std::vector<std::uint32_t> methods; // by number; empty: any
    GivenMatch given;
    bool closes_hosts = false;  // a block that asks for nothing but the host
    bool asks_for_more = false; // than host, port, scheme, method and path
  };

  void rank(const std::vector<Rule>& rules);
  void index_methods();
  void index_schemes();
  void index_ports();
  std::size_t stretch_of(std::uint32_t port) const noexcept; // of ports
  std::uint32_t number_of(std::string_view method) const noexcept;
  std::size_t words() const noexcept { return words_for(rules_.size()); }

  std::vector<Ranked> rules_; // by rank
  std::size_t refusing_ = 0, deciding_ = 0;
  HostIndex hosts_;
  PathIndex paths_;
  std::unordered_map<std::string_view, std::uint32_t> method_numbers_;
  RuleTable methods_; // by number, which more than one method may share
  RuleTable schemes_;
  std::vector<std::uint32_t> stretches_; // the first port of each but the first
  RuleTable ports_;   // by stretch: rules with one of its ports, or without ports
  RuleTable special_; // see the enum Special
  enum Special : std::uint8_t { without_paths, allows_in_effect, waiting_refusals, special_count };
};

// One call, or one operation in it, put to one section. Keeps references: it must not outlive them.
class Question {
 public:
  Question(const SectionIndex& section, const Subject& subject) noexcept;
  // About the address of the subject, which only an address or a network names.
  struct ByAddress {};
  Question(const SectionIndex& section, const Subject& subject, ByAddress) noexcept;

  // The first rule in [from, to) that matches, or `to`.
  std::size_t next(std::size_t from, std::size_t to) const noexcept;
  // Whether a refusal waits for what this tunnel carries.
  bool refused_inside() const noexcept;
  // Whether a pattern of this rule that names a host is the one that matches.
  bool named_by(std::size_t rank) const noexcept;

 private:
  enum class Hosts : std::uint8_t { none_yet };
  Question(const SectionIndex& section, const Subject& subject, Hosts) noexcept;
  void narrow() noexcept; // to what may match by its host, method, scheme, ports and paths
  void narrow_by_path() noexcept;
  bool matches(std::size_t rank) const noexcept;
  bool port_matches(const SectionIndex::Ranked& rule) const noexcept;
  bool given_matches(const GivenMatch& asked) const noexcept;
  bool host_matches(std::size_t rank) const noexcept;
  bool method_matches(const SectionIndex::Ranked& rule) const noexcept;
  bool path_matches(std::size_t rank) const noexcept;
  bool rest_matches(const Rule& rule) const noexcept;
  bool type_matches(const Rule& rule) const noexcept;
  bool body_matches(const Rule& rule) const noexcept;
  bool operation_matches(const Rule& rule) const noexcept;
  bool read_for(const Rule& rule) const noexcept; // not longer than it may see
  // A CONNECT is judged before the exchanges inside it exist: an allow may match one of them.
  bool keeps_possible(const Rule& rule) const noexcept;

  const SectionIndex& section_;
  const Subject subject_;
  const model::EgressCall& call_;
  const bool is_tunnel_, has_path_;
  std::uint32_t method_ = 0;
  HostHits hosts_;
  PathHits paths_;
  RuleBits candidates_;
  RuleBits inside_; // of a tunnel: refusals of its destination that ask for an exchange, perhaps
};

} // namespace sluice::engine
