#include "policy/engine/section_index.hpp"

#include "policy/engine/wildcard.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace sluice::engine {
namespace {

using model::Protocol;
using model::Verdict;

constexpr std::size_t kMethodSets = 64; // beyond that methods share one
constexpr std::size_t kOtherMethods = kMethodSets;
constexpr std::uint32_t kUnknownMethod = ~std::uint32_t{0};
constexpr std::size_t kKnownSchemes = 3;
constexpr std::size_t kStretches = 512; // beyond that stretches of ports are drawn together

std::size_t set_of_method(std::uint32_t number) {
  return number == kUnknownMethod ? kOtherMethods : number % kMethodSets;
}

std::size_t set_of_scheme(model::Scheme scheme) {
  return std::min(static_cast<std::size_t>(scheme), kKnownSchemes);
}

// In order, and drawn together where they meet or overlap.
std::vector<PortRange> joined(std::vector<PortRange> ports) {
  std::sort(ports.begin(), ports.end(),
            [](const PortRange& a, const PortRange& b) { return a.first < b.first; });
  std::vector<PortRange> out;
  for (const PortRange& range : ports) {
    if (!out.empty() && range.first <= std::uint32_t{out.back().last} + 1) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

bool asks_for_more(const Match& match) {
  return !match.headers.empty() || !match.query.empty() || !match.content_types.empty() ||
         !match.values.empty() || !match.names.empty() || !match.operation_methods.empty() ||
         match.streaming.has_value();
}

bool value_fits(const std::vector<TextPattern>& patterns, std::string_view value) {
  for (const TextPattern& one : patterns) {
    const bool fits =
        one.regex() == nullptr
            ? fits_wildcard(one.text(), value)
            : re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *one.regex());
    if (fits) return true;
  }
  return false;
}

enum class Wanted : bool { each, one }; // of an allow, of a refusal

template <class Values>
bool values_fit(const NamedMatch& named, const Values& values, Wanted wanted) {
  std::size_t fitting = 0;
  for (const auto& value : values) fitting += value_fits(named.values, value) ? 1 : 0;
  return wanted == Wanted::one ? fitting > 0 : fitting == values.size();
}

// ---- values of a JSON text

bool globs_take(const ValueMatch& test, const std::string& text) {
  for (const ValuePattern& one : test.globs) {
    if (one.regex() == nullptr ? one.text() == text : re2::RE2::FullMatch(text, *one.regex()))
      return true;
  }
  return false;
}

bool is_number(const Node& node) {
  return node.kind == Node::Kind::integer || node.kind == Node::Kind::real;
}

// Of a text only where some server may take it for a number.
std::optional<double> as_number(const Node& node, Wanted wanted) {
  if (is_number(node))
    return node.kind == Node::Kind::integer ? static_cast<double>(node.integer) : node.real;
  if (wanted == Wanted::each || node.kind != Node::Kind::string) return std::nullopt;
  std::string text = node.text;
  std::erase_if(
      text, [](char c) { return std::string_view("_ \t\n\r").find(c) != std::string_view::npos; });
  if (!text.empty() && text.front() == '+') text.erase(text.begin());
  double out = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc() || stop != end) return std::nullopt;
  return out;
}

bool equals_one(const ValueMatch& test, const Node& value, Wanted wanted) {
  for (const Node& one : test.equals) {
    const auto number = as_number(value, wanted);
    if (is_number(one) && number) {
      if (*number == *as_number(one, Wanted::each)) return true;
      continue;
    }
    const bool nothing = one.kind == Node::Kind::null || value.kind == Node::Kind::null;
    if (one.kind != value.kind && (wanted == Wanted::each || nothing)) continue;
    if (nothing || one.text == value.text) return true;
  }
  return false;
}

bool takes(const ValueMatch& test, const Node& value, Wanted wanted) {
  if (test.min || test.max) {
    const auto number = as_number(value, wanted);
    return number && !(test.min && !(*number >= *test.min)) &&
           !(test.max && !(*number <= *test.max));
  }
  if (!test.equals.empty()) return equals_one(test, value, wanted);
  if (value.kind == Node::Kind::null) return false;
  const bool itself = globs_take(test, value.text);
  const bool as_path = globs_take(test, model::as_path(value.text));
  return wanted == Wanted::each ? itself && as_path : itself || as_path;
}

bool takes(const std::vector<ValueMatch>& tests, const Node& tree, Wanted wanted) {
  for (const ValueMatch& test : tests) {
    std::size_t taken = 0;
    const auto all = model::scalars_at(tree, test.tokens, model::JsonReading::perhaps);
    if (all.size() > model::kMostScalars) { // as good as unread
      if (wanted == Wanted::each) return false;
      continue;
    }
    for (const Node* value : all) taken += takes(test, *value, wanted) ? 1 : 0;
    if (wanted == Wanted::one && taken == 0) return false;
    if (wanted == Wanted::one) continue;
    if (taken < all.size()) return false;
    if (model::scalars_at(tree, test.tokens, model::JsonReading::exactly).empty()) return false;
  }
  return true;
}

bool waits_for_exchange(const Match& match) {
  std::size_t tunnels = 0;
  for (const std::string& method : match.methods) tunnels += method == "CONNECT" ? 1 : 0;
  return tunnels < match.methods.size() || !match.paths.empty() || asks_for_more(match);
}

bool leaves_out_nothing(const Match& match) {
  const bool every_port = std::any_of(match.ports.begin(), match.ports.end(), [](PortRange range) {
    return range.first == 1 && range.last == 65535;
  });
  return (match.ports.empty() || every_port) && match.methods.empty() && match.paths.empty() &&
         match.schemes.empty() && !asks_for_more(match) && !match.asks_for_what_may_be_unknown() &&
         match.address_classes.empty();
}

// block, require_approval, allow, report.
int class_of(const Rule& rule) {
  if (rule.report_only) return 3;
  return rule.effect == Verdict::block ? 0 : rule.effect == Verdict::require_approval ? 1 : 2;
}

} // namespace

SectionIndex::SectionIndex(const std::vector<Rule>& rules) {
  rank(rules);
  special_ = RuleTable(special_count, words());
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Match& match = rule(i).match;
    hosts_.add(i, match.hosts);
    paths_.add(i, match.paths);
    if (match.paths.empty()) special_.add(without_paths, i);
    if (rule(i).effect == Verdict::allow) special_.add(allows_in_effect, i);
    if (i < refusing_ && waits_for_exchange(match)) special_.add(waiting_refusals, i);
  }
  hosts_.finish();
  index_methods();
  index_schemes();
  index_ports();
}

void SectionIndex::rank(const std::vector<Rule>& rules) {
  rules_.reserve(rules.size());
  for (int wanted = 0; wanted <= 3; ++wanted) {
    for (const Rule& rule : rules) {
      if (class_of(rule) != wanted) continue;
      const bool closes = rule.effect == Verdict::block && leaves_out_nothing(rule.match);
      rules_.push_back({&rule,
                        joined(rule.match.ports),
                        {},
                        GivenMatch(rule),
                        closes,
                        asks_for_more(rule.match)});
    }
    if (wanted == 1) refusing_ = rules_.size();
    if (wanted == 2) deciding_ = rules_.size();
  }
}

void SectionIndex::index_methods() {
  methods_ = RuleTable(kMethodSets + 1, words());
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    for (const std::string& method : rule(i).match.methods) {
      const auto next = static_cast<std::uint32_t>(method_numbers_.size());
      const auto number = method_numbers_.try_emplace(method, next).first->second;
      rules_[i].methods.push_back(number);
      methods_.add(set_of_method(number), i);
    }
    if (!rules_[i].methods.empty()) continue;
    for (std::size_t set = 0; set <= kMethodSets; ++set) methods_.add(set, i);
  }
}

void SectionIndex::index_schemes() {
  schemes_ = RuleTable(kKnownSchemes + 1, words());
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto& schemes = rule(i).match.schemes;
    for (const model::Scheme scheme : schemes) schemes_.add(set_of_scheme(scheme), i);
    if (!schemes.empty()) continue;
    for (std::size_t set = 0; set <= kKnownSchemes; ++set) schemes_.add(set, i);
  }
}

void SectionIndex::index_ports() {
  for (const Ranked& ranked : rules_) {
    for (const PortRange& range : ranked.ports) {
      stretches_.push_back(range.first);
      stretches_.push_back(std::uint32_t{range.last} + 1);
    }
  }
  std::sort(stretches_.begin(), stretches_.end());
  stretches_.erase(std::unique(stretches_.begin(), stretches_.end()), stretches_.end());
  const std::size_t step = stretches_.size() / kStretches + 1;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < stretches_.size(); i += step) stretches_[kept++] = stretches_[i];
  stretches_.resize(kept);

  ports_ = RuleTable(stretches_.size() + 1, words());
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    for (const PortRange& range : rules_[i].ports) {
      const std::size_t last = stretch_of(range.last);
      for (std::size_t set = stretch_of(range.first); set <= last; ++set) ports_.add(set, i);
    }
    if (!rules_[i].ports.empty()) continue;
    for (std::size_t set = 0; set <= stretches_.size(); ++set) ports_.add(set, i);
  }
}

std::size_t SectionIndex::stretch_of(std::uint32_t port) const noexcept {
  return static_cast<std::size_t>(std::upper_bound(stretches_.begin(), stretches_.end(), port) -
                                  stretches_.begin());
}

std::uint32_t SectionIndex::number_of(std::string_view method) const noexcept {
  const auto known = method_numbers_.find(method);
  return known == method_numbers_.end() ? kUnknownMethod : known->second;
}

bool SectionIndex::could_allow(const model::Host& host, const model::Given& given) const noexcept {
  HostHits hits(words());
  hosts_.find(host, hits);
  RuleBits candidates(words());
  for (std::size_t at = 0; at < words(); ++at) {
    candidates.word(at) = hits.named.word(at) | hits.unnamed.word(at) | hits.unsure.word(at);
  }
  for (std::size_t i = candidates.next(0, deciding_); i < deciding_;
       i = candidates.next(i + 1, deciding_)) {
    // Most blocks wait for a method, a path or a port, and say nothing about a host alone.
    const bool blocks = rule(i).effect == Verdict::block;
    if ((blocks && !rules_[i].closes_hosts) || !rules_[i].given.fits(given)) continue;
    // All that blocks has been asked before the first that does not.
    if (hits.named.has(i) || hits.unnamed.has(i) || hosts_.fits(i, host)) return !blocks;
  }
  return false;
}

Question::Question(const SectionIndex& section, const Subject& subject, Hosts) noexcept
    : section_(section), subject_(subject), call_(subject.call),
      is_tunnel_(subject.operation == nullptr && call_.protocol == Protocol::connect),
      has_path_(call_.protocol == Protocol::http || call_.protocol == Protocol::websocket),
      hosts_(section.words()), paths_(section.words()), candidates_(section.words()),
      inside_(section.words()) {}

Question::Question(const SectionIndex& section, const Subject& subject) noexcept
    : Question(section, subject, Hosts::none_yet) {
  section_.hosts_.find(call_.to.host, hosts_);
  narrow();
}

Question::Question(const SectionIndex& section, const Subject& subject, ByAddress) noexcept
    : Question(section, subject, Hosts::none_yet) {
  section_.hosts_.find(*subject.address, hosts_.named);
  narrow();
}

void Question::narrow() noexcept {
  method_ = section_.number_of(call_.method);
  const auto* methods = section_.methods_.set(set_of_method(method_));
  const auto* schemes = section_.schemes_.set(set_of_scheme(call_.to.scheme));
  const auto* ports = section_.ports_.set(section_.stretch_of(call_.to.port));
  const auto* allows = section_.special_.set(SectionIndex::allows_in_effect);
  const auto* pathless = section_.special_.set(SectionIndex::without_paths);
  const auto* inside = section_.special_.set(SectionIndex::waiting_refusals);
  std::uint64_t by_path = 0; // whether a candidate has paths
  for (std::size_t at = 0; at < section_.words(); ++at) {
    const std::uint64_t possible = is_tunnel_ ? allows[at] : 0;
    const std::uint64_t hosts =
        hosts_.named.word(at) | hosts_.unnamed.word(at) | hosts_.unsure.word(at);
    std::uint64_t left = hosts & (methods[at] | possible) & schemes[at] & ports[at];
    if (!has_path_) left &= pathless[at] | possible;
    by_path |= left & ~pathless[at];
    candidates_.word(at) = left;
    if (is_tunnel_) inside_.word(at) = hosts & schemes[at] & ports[at] & inside[at];
  }
  if (has_path_ && by_path != 0) narrow_by_path();
}

void Question::narrow_by_path() noexcept {
  section_.paths_.find(call_.path, PathIndex::Reading::itself, paths_);
  for (const std::string& other : call_.other_paths) {
    section_.paths_.find(other, PathIndex::Reading::other, paths_);
  }
  const auto* pathless = section_.special_.set(SectionIndex::without_paths);
  for (std::size_t at = 0; at < section_.words(); ++at) {
    candidates_.word(at) &= pathless[at] | paths_.sure.word(at) | paths_.unsure.word(at);
  }
}

std::size_t Question::next(std::size_t from, std::size_t to) const noexcept {
  std::size_t rank = candidates_.next(from, to);
  while (rank < to && !matches(rank)) rank = candidates_.next(rank + 1, to);
  return rank;
}

bool Question::refused_inside() const noexcept {
  const std::size_t end = section_.refusing();
  for (std::size_t rank = inside_.next(0, end); rank < end; rank = inside_.next(rank + 1, end)) {
    if (port_matches(section_.rules_[rank]) && host_matches(rank)) return true;
  }
  return false;
}

bool Question::host_matches(std::size_t rank) const noexcept {
  return hosts_.named.has(rank) || hosts_.unnamed.has(rank) ||
         section_.hosts_.fits(rank, call_.to.host);
}

bool Question::named_by(std::size_t rank) const noexcept {
  return hosts_.named.has(rank) ||
         (hosts_.unsure.has(rank) && section_.hosts_.fits_by_name(rank, call_.to.host));
}

bool Question::matches(std::size_t rank) const noexcept {
  const auto& rule = section_.rules_[rank];
  if (rule.given.asks() && !given_matches(rule.given)) return false;
  return port_matches(rule) && method_matches(rule) && host_matches(rank) && path_matches(rank) &&
         (!rule.asks_for_more || rest_matches(*rule.source));
}

// An operation has neither a server name nor an address of its own.
bool Question::given_matches(const GivenMatch& asked) const noexcept {
  return asked.fits(call_.given) &&
         (subject_.operation != nullptr || asked.fits(call_, subject_.address));
}

// What few rules ask for, and no index knows.
bool Question::rest_matches(const Rule& rule) const noexcept {
  if (subject_.operation != nullptr) return operation_matches(rule);
  if (!has_path_) return keeps_possible(rule);
  const Match& match = rule.match;
  const bool allow = rule.effect == Verdict::allow;
  const Wanted wanted = allow ? Wanted::each : Wanted::one;
  for (const NamedMatch& one : match.headers) {
    auto values = model::values_of_field(call_, one.name);
    if (values.empty()) return false;
    for (std::size_t i = allow ? 0 : values.size(); i-- > 0;) { // a list may be meant
      const auto elements = model::elements_of(values[i]);
      values.insert(values.end(), elements.begin(), elements.end());
    }
    if (!values_fit(one, values, wanted)) return false;
  }
  for (const NamedMatch& one : match.query) {
    auto values = model::values_of_parameter(call_, one.name, model::Reading::exactly);
    if (allow && values.empty()) return false;
    const auto loose = model::values_of_parameter(call_, one.name, model::Reading::perhaps);
    values.insert(values.end(), loose.begin(), loose.end());
    if (!values_fit(one, values, wanted)) return false;
  }
  if (!match.content_types.empty() && !type_matches(rule)) return false;
  return match.values.empty() || body_matches(rule);
}

bool Question::read_for(const Rule& rule) const noexcept {
  return !call_.content || call_.content->bytes <= rule.inspect.value_or(subject_.inspect);
}

bool Question::body_matches(const Rule& rule) const noexcept {
  using State = model::Content::State;
  const bool allow = rule.effect == Verdict::allow;
  switch (content_state(call_)) {
  case State::head_only: return allow; // it may turn out as the rule wants it
  case State::unread:
  case State::names_only: return !allow;
  case State::none:
  case State::other: return false;
  case State::json: break;
  }
  if (!read_for(rule)) return !allow;
  return takes(rule.match.values, call_.content->tree, allow ? Wanted::each : Wanted::one);
}

// What nobody could read satisfies no allow that asks for something, and every refusal.
bool Question::operation_matches(const Rule& rule) const noexcept {
  const Match& match = rule.match;
  const auto& operation = *subject_.operation;
  const bool allow = rule.effect == Verdict::allow;
  if (!operation.read || !read_for(rule)) return !allow;
  if (match.streaming && *match.streaming != operation.streaming) return false;
  if (!match.operation_methods.empty() && !value_fits(match.operation_methods, operation.method))
    return false;
  if (!match.names.empty()) {
    std::size_t fitting = 0;
    for (const auto& name : operation.names) fitting += value_fits(match.names, name) ? 1 : 0;
    if (fitting == 0 || (allow && fitting < operation.names.size())) return false;
  }
  if (match.values.empty()) return true;
  return operation.arguments != nullptr &&
         takes(match.values, *operation.arguments, allow ? Wanted::each : Wanted::one);
}

bool Question::type_matches(const Rule& rule) const noexcept {
  const auto& wanted = rule.match.content_types;
  if (rule.effect == Verdict::allow) {
    const auto type = model::media_type(call_);
    return !type.empty() && value_fits(wanted, type);
  }
  for (const std::string& type : model::media_types(call_)) {
    if (value_fits(wanted, type)) return true;
  }
  return false;
}

bool Question::port_matches(const SectionIndex::Ranked& rule) const noexcept {
  if (rule.ports.empty()) return true;
  const auto after = std::upper_bound(
      rule.ports.begin(), rule.ports.end(), call_.to.port,
      [](std::uint16_t port, const PortRange& range) { return port < range.first; });
  return after != rule.ports.begin() && call_.to.port <= std::prev(after)->last;
}

bool Question::method_matches(const SectionIndex::Ranked& rule) const noexcept {
  return rule.methods.empty() || keeps_possible(*rule.source) ||
         std::find(rule.methods.begin(), rule.methods.end(), method_) != rule.methods.end();
}

bool Question::keeps_possible(const Rule& rule) const noexcept {
  return is_tunnel_ && rule.effect == Verdict::allow;
}

// Allowed is what is allowed in every reading of the path; refused, what is refused in one.
bool Question::path_matches(std::size_t rank) const noexcept {
  const Rule& rule = section_.rule(rank);
  if (rule.match.paths.empty()) return true;
  if (!has_path_) return keeps_possible(rule);
  const bool itself = paths_.sure.has(rank) || section_.paths_.fits_unsure(rank, call_.path);
  const bool allows = rule.effect == Verdict::allow;
  if (itself != allows) return itself;
  const auto& others = call_.other_paths;
  const auto fits = [&](const std::string& other) { return section_.paths_.fits(rank, other); };
  return allows ? std::all_of(others.begin(), others.end(), fits)
                : std::any_of(others.begin(), others.end(), fits);
}

} // namespace sluice::engine
