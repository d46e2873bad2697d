#include "policy/engine/path_index.hpp"

#include "policy/engine/wildcard.hpp"

#include <re2/re2.h>

#include <algorithm>

namespace sluice::engine {
namespace {

// The segments of what stands after the first slash: of "/a/" they are "a" and "".
class Segments {
 public:
  explicit Segments(std::string_view path) noexcept
      : rest_(path.substr(std::min<std::size_t>(1, path.size()))), left_(path.starts_with('/')) {}
  bool left() const noexcept { return left_; }
  std::string_view take() noexcept { // requires left()
    const auto slash = rest_.find('/');
    left_ = slash != std::string_view::npos;
    const auto segment = rest_.substr(0, slash);
    if (left_) rest_.remove_prefix(slash + 1);
    return segment;
  }

 private:
  std::string_view rest_;
  bool left_ = false;
};

constexpr std::string_view kAllBelow = "/**";

} // namespace

PathIndex::Pattern PathIndex::form_of(const PathPattern& path) {
  Pattern out;
  out.source = &path;
  if (path.kind() == PathPattern::Kind::exact) out.form = Form::exact;
  if (path.kind() == PathPattern::Kind::below) out.form = Form::below;
  std::string_view text = path.text();
  if (path.kind() != PathPattern::Kind::regex || !text.starts_with('/')) return out;
  out.open = text.ends_with(kAllBelow);
  if (out.open) text.remove_suffix(kAllBelow.size());
  if (text.find("**") != std::string_view::npos) return out; // an expression crosses segments
  out.form = Form::segments;
  for (Segments rest(text); rest.left();) out.segments.push_back(rest.take());
  return out;
}

bool PathIndex::pattern_fits(const Pattern& pattern, std::string_view path) noexcept {
  const PathPattern& source = *pattern.source;
  switch (pattern.form) {
  case Form::exact: return path == source.text();
  case Form::below: return path.starts_with(source.prefix());
  case Form::expression:
    return re2::RE2::FullMatch(re2::StringPiece(path.data(), path.size()), *source.regex());
  case Form::segments: break;
  }
  Segments rest(path);
  for (const std::string_view segment : pattern.segments) {
    if (!rest.left() || !fits_wildcard(segment, rest.take())) return false;
  }
  return rest.left() == pattern.open;
}

void PathIndex::add(std::size_t rank, const std::vector<PathPattern>& paths) {
  Patterns& own = patterns_.emplace_back();
  for (const PathPattern& path : paths) {
    Pattern pattern = form_of(path);
    const bool sure = pattern.form == Form::exact || pattern.form == Form::below;
    add_segments(rank, pattern);
    (sure ? own.sure : own.unsure).push_back(std::move(pattern));
  }
}

// Down the segments without a star. All that matches a pattern with a star begins with them.
void PathIndex::add_segments(std::size_t rank, const Pattern& pattern) {
  if (pattern.source->text().front() != '/') return expressions_.add(rank);
  LabelTrie::Node node = LabelTrie::kRoot;
  for (Segments rest(pattern.source->text()); rest.left();) {
    const auto segment = rest.take();
    if (segment.find('*') != std::string_view::npos) break;
    node = trie_.make(node, segment);
  }
  if (node >= at_.size()) at_.resize(node + 1);
  At& here = at_[node];
  switch (pattern.form) {
  case Form::exact: return here.exact.add(rank);
  case Form::below: return here.below.add(rank);
  case Form::segments:
  case Form::expression: return here.unsure.add(rank);
  }
}

void PathIndex::find(std::string_view path, Reading reading, PathHits& out) const noexcept {
  RuleBits& sure = reading == Reading::itself ? out.sure : out.unsure;
  out.unsure.add(expressions_);
  LabelTrie::Node node = LabelTrie::kRoot;
  for (Segments rest(path); rest.left();) {
    if (node < at_.size()) {
      sure.add(at_[node].below);
      out.unsure.add(at_[node].unsure);
    }
    node = trie_.find(node, rest.take());
    if (node == LabelTrie::kNone) return;
    if (!rest.left() && node < at_.size()) sure.add(at_[node].exact);
  }
}

bool PathIndex::fits(std::size_t rank, std::string_view path) const noexcept {
  const auto& sure = patterns_[rank].sure;
  return fits_unsure(rank, path) || std::any_of(sure.begin(), sure.end(), [&](const Pattern& one) {
           return pattern_fits(one, path);
         });
}

bool PathIndex::fits_unsure(std::size_t rank, std::string_view path) const noexcept {
  const auto& unsure = patterns_[rank].unsure;
  return std::any_of(unsure.begin(), unsure.end(),
                     [&](const Pattern& one) { return pattern_fits(one, path); });
}

} // namespace sluice::engine
