#include "policy/engine/host_index.hpp"

#include "policy/engine/wildcard.hpp"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

namespace sluice::engine {
namespace {

constexpr std::size_t kFewExpressions =
    8; // up to here asking each is as fast, and allocates nothing
constexpr std::int64_t kSetMemory = 16 << 20;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

// The last label, which is taken off the name.
std::string_view take_last(std::string_view& name) {
  const auto dot = name.rfind('.');
  const bool only = dot == std::string_view::npos;
  const auto label = only ? name : name.substr(dot + 1);
  name = only ? std::string_view() : name.substr(0, dot);
  return label;
}

bool labels_fit(const HostPattern& pattern, std::string_view name) {
  const auto& labels = pattern.labels();
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    if (name.empty() || !fits_wildcard(*label, take_last(name))) return false;
  }
  return name.empty() == (pattern.kind() == HostPattern::Kind::glob);
}

bool pattern_fits(const HostPattern& pattern, const model::Host& host) {
  if (pattern.regex() != nullptr) {
    return re2::RE2::FullMatch(piece(host.text()), *pattern.regex());
  }
  return !host.is_address() && labels_fit(pattern, host.text());
}

bool is_plain(std::string_view label) {
  return label.find('*') == std::string_view::npos;
}

} // namespace

struct HostIndex::Expressions {
  re2::RE2::Set set;
};

HostIndex::HostIndex() : at_(1) {}
HostIndex::~HostIndex() = default;
HostIndex::HostIndex(HostIndex&&) noexcept = default;
HostIndex& HostIndex::operator=(HostIndex&&) noexcept = default;

std::size_t HostIndex::NetworkHash::operator()(const Network& network) const noexcept {
  std::uint64_t mixed = network.high * 0x9e3779b97f4a7c15U ^ network.low;
  mixed = (mixed ^ (mixed >> 29U)) * 0xbf58476d1ce4e5b9U;
  return (mixed ^ (mixed >> 32U)) + static_cast<std::size_t>(network.prefix);
}

HostIndex::Network HostIndex::network_of(const model::IpAddress& address, int prefix) noexcept {
  const auto& bytes = address.bytes();
  Network out{0, 0, prefix, address.is_v4()};
  for (std::size_t i = 0; i < 8; ++i) {
    out.high = out.high << 8U | bytes[i];
    out.low = out.low << 8U | bytes[i + 8];
  }
  const auto kept = [](int bits) { // of 64, from the left
    return bits <= 0 ? 0 : ~std::uint64_t{0} << static_cast<unsigned>(64 - std::min(bits, 64));
  };
  out.high &= kept(prefix);
  out.low &= kept(prefix - 64);
  return out;
}

HostIndex::At& HostIndex::at(LabelTrie::Node node) {
  if (node >= at_.size()) at_.resize(node + 1);
  return at_[node];
}

void HostIndex::add(std::size_t rank, const std::vector<HostPattern>& hosts) {
  to_ask_.emplace_back();
  for (const HostPattern& host : hosts) add_one(rank, host);
}

void HostIndex::add_one(std::size_t rank, const HostPattern& host) {
  switch (host.kind()) {
  case HostPattern::Kind::any: every_host_.add(rank); return;
  case HostPattern::Kind::regex:
    expressions_.push_back(&host);
    of_expression_.emplace_back().add(rank);
    with_expression_.add(rank);
    to_ask_[rank].push_back(&host);
    return;
  case HostPattern::Kind::exact:
  case HostPattern::Kind::network:
    if (host.address()) {
      networks_[network_of(*host.address(), host.prefix())].add(rank);
      const Width width{host.prefix(), host.address()->is_v4()};
      const bool known = std::find(widths_.begin(), widths_.end(), width) != widths_.end();
      if (!known) widths_.push_back(width);
      return;
    }
    break;
  case HostPattern::Kind::below:
  case HostPattern::Kind::glob: break;
  }
  if (host.text() == "*") return single_label_.add(rank);
  add_labels(rank, host);
}

// Down the labels without a star, from the right.
void HostIndex::add_labels(std::size_t rank, const HostPattern& host) {
  LabelTrie::Node node = LabelTrie::kRoot;
  std::string_view rest = host.text();
  while (!rest.empty()) {
    std::string_view before = rest;
    const auto label = take_last(before);
    if (!is_plain(label)) break;
    node = trie_.make(node, label);
    rest = before;
  }
  At& here = at(node);
  if (host.kind() == HostPattern::Kind::exact) return here.exact.add(rank);
  if (rest == "*" && host.kind() == HostPattern::Kind::below) return here.below.add(rank);
  here.unsure.add(rank);
  to_ask_[rank].push_back(&host);
}

// A set that does not come about is only slower: each expression is then asked by itself.
void HostIndex::finish() {
  if (expressions_.size() <= kFewExpressions) return;
  re2::RE2::Options options(re2::RE2::Latin1); // as pattern.cpp has them
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_never_capture(true);
  options.set_case_sensitive(false);
  options.set_max_mem(kSetMemory);
  auto made =
      std::make_unique<Expressions>(Expressions{re2::RE2::Set(options, re2::RE2::ANCHOR_BOTH)});
  for (const HostPattern* one : expressions_) {
    if (made->set.Add(piece(one->text()).substr(3), nullptr) < 0) return;
  }
  if (made->set.Compile()) set_ = std::move(made);
}

void HostIndex::find(const model::Host& host, HostHits& out) const noexcept {
  out.unnamed.add(every_host_);
  find_expressions(host, out);
  if (host.is_address()) return find(host.address(), out.named);
  find_name(host.text(), out);
}

void HostIndex::find_name(std::string_view name, HostHits& out) const noexcept {
  if (name.find('.') == std::string_view::npos) out.unnamed.add(single_label_);
  LabelTrie::Node node = LabelTrie::kRoot;
  while (!name.empty()) {
    node = trie_.find(node, take_last(name));
    if (node == LabelTrie::kNone) return;
    if (node >= at_.size()) continue; // only on the way to others
    const At& here = at_[node];
    if (name.empty()) return out.named.add(here.exact);
    out.named.add(here.below);
    out.unsure.add(here.unsure);
  }
}

void HostIndex::find_expressions(const model::Host& host, HostHits& out) const noexcept {
  if (!set_) return out.unsure.add(with_expression_);
  thread_local std::vector<int> found;
  re2::RE2::Set::ErrorInfo error{};
  const bool any = set_->set.Match(piece(host.text()), &found, &error);
  // Out of memory, the set says no where it does not know.
  if (error.kind != re2::RE2::Set::kNoError) return out.unsure.add(with_expression_);
  if (!any) return;
  for (const int one : found) out.unnamed.add(of_expression_[static_cast<std::size_t>(one)]);
}

void HostIndex::find(const model::IpAddress& address, RuleBits& out) const noexcept {
  for (const Width& width : widths_) {
    if (width.is_v4 != address.is_v4()) continue;
    const auto rules = networks_.find(network_of(address, width.prefix));
    if (rules != networks_.end()) out.add(rules->second);
  }
}

bool HostIndex::fits(std::size_t rank, const model::Host& host) const noexcept {
  const auto& patterns = to_ask_[rank];
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const HostPattern* one) { return pattern_fits(*one, host); });
}

bool HostIndex::fits_name(const HostPattern& pattern, std::string_view name) noexcept {
  switch (pattern.kind()) {
  case HostPattern::Kind::any: return true;
  case HostPattern::Kind::network: return false;
  case HostPattern::Kind::regex: return re2::RE2::FullMatch(piece(name), *pattern.regex());
  case HostPattern::Kind::exact: return pattern.text() == name;
  case HostPattern::Kind::below:
  case HostPattern::Kind::glob: break;
  }
  return labels_fit(pattern, name);
}

bool HostIndex::fits_by_name(std::size_t rank, const model::Host& host) const noexcept {
  const auto& patterns = to_ask_[rank];
  return std::any_of(patterns.begin(), patterns.end(), [&](const HostPattern* one) {
    return one->regex() == nullptr && pattern_fits(*one, host);
  });
}

} // namespace sluice::engine
