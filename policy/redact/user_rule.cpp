#include "policy/redact/user_rule.hpp"

#include "policy/redact/boundary.hpp"
#include "policy/redact/openings.hpp"
#include "policy/redact/shape_parser.hpp"

#include <algorithm>
#include <utility>

namespace sluice::redact {
namespace {

constexpr std::size_t kShortestAnchor = 3;

Error wrong(std::string key, std::string why) {
  return make_error(Origin::config, std::move(key), std::move(why));
}

// A pattern without the \b at its two ends.
struct Bounded {
  std::string pattern;
  bool starts = false, ends = false;
};

Bounded without_boundaries(std::string_view text) {
  constexpr std::string_view kBoundary = "\\b";
  Bounded out;
  std::size_t flags = 0; // of (?i) and the like before it
  if (text.starts_with("(?")) {
    const auto end = text.find_first_not_of("is-", 2);
    if (end != std::string_view::npos && text[end] == ')') flags = end + 1;
  }
  auto body = text.substr(flags);
  out.starts = body.starts_with(kBoundary);
  if (out.starts) body.remove_prefix(kBoundary.size());
  if (body.ends_with(kBoundary)) {
    const auto last = body.find_last_not_of('\\', body.size() - kBoundary.size());
    const auto slashes = body.size() - 1 - (last == std::string_view::npos ? 0 : last + 1);
    out.ends = slashes % 2 == 1; // else it is an escaped backslash and a b
    if (out.ends) body.remove_suffix(kBoundary.size());
  }
  out.pattern = std::string(text.substr(0, flags)) + std::string(body);
  return out;
}

bool begins_with_words_only(const Shape& shape) {
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    if (shape.next(shape.start(), byte) != Shape::kDead && !is_word_byte(byte)) return false;
  }
  return true;
}

bool ends_with_words_only(const Shape& shape) {
  for (std::size_t state = 1; state < shape.states(); ++state) {
    for (int c = 0; c < 256; ++c) {
      const char byte = static_cast<char>(c);
      if (!is_word_byte(byte) && shape.accepts(shape.next(static_cast<Shape::State>(state), byte)))
        return false;
    }
  }
  return true;
}

Result<> check_boundaries(const TokenFormat& rule, const ShapeNode& root) {
  if (!rule.starts_at_boundary && !rule.ends_at_boundary) return success();
  if (root.kind == ShapeNode::Kind::choice)
    return wrong("pattern", "\\b belongs to one branch of the | only; write \\b(?:…|…)\\b");
  if (rule.starts_at_boundary && !begins_with_words_only(rule.shape))
    return wrong("pattern", "\\b before what may be no letter, digit or _ would ask for one there");
  if (rule.ends_at_boundary && !ends_with_words_only(rule.shape))
    return wrong("pattern", "\\b after what may be no letter, digit or _ would ask for one there");
  return success();
}

// What waits for its end is held, and what may begin anywhere is looked at from everywhere.
Result<> check_bounds(const TokenFormat& rule) {
  const Shape& shape = rule.shape;
  if (shape.accepts(shape.start())) return wrong("pattern", "it matches the empty text");
  if (rule.max_length > 0) {
    if (rule.max_length < shortest_match(shape))
      return wrong("max_length", "the shortest match is longer, so nothing would be found");
    if (shape.anchors().empty() && rule.max_length > kMostWithoutAnchor)
      return wrong("max_length", "a pattern that begins with fewer than three fixed bytes is "
                                 "looked for everywhere, so it may be 512 bytes long at most");
    return success();
  }
  const auto longest = longest_match(shape);
  if (!longest && rule.ends_at_boundary)
    return wrong("pattern", "its end is waited for, and a match has no bound");
  if (!longest && rule.checks_each_end())
    return wrong("pattern", "its check digits are at the end, and a match has no bound");
  if (shape.anchors().empty() && (!longest || *longest > kMostWithoutAnchor))
    return wrong("pattern", "it begins with fewer than three fixed bytes and has no bound of 512 "
                            "bytes or less, so it cannot be streamed");
  if (rule.most_held() > kMostOfARule)
    return wrong("pattern", "more than 4096 bytes would be held for it");
  return success();
}

Result<> set_anchor(TokenFormat& rule, const std::string& anchor) {
  if (anchor.empty()) return success();
  if (anchor.size() < kShortestAnchor || anchor.size() > Shape::kLongestAnchor)
    return wrong("anchor", "an anchor has 3 to 32 bytes");
  const Shape& shape = rule.shape;
  auto state = shape.start();
  for (const char c : anchor) {
    for (int other = 0; other < 256; ++other) {
      const char byte = static_cast<char>(other);
      const bool goes_on = shape.next(state, byte) != Shape::kDead;
      if (goes_on != (byte == c)) return wrong("anchor", "not every match begins with it");
    }
    state = shape.next(state, c);
    if (shape.accepts(state)) return wrong("anchor", "nothing would be left to mask");
    if (shape.has_secret_part() && shape.in_secret(state))
      return wrong("anchor", "it reaches into (?P<secret>…)");
  }
  rule.visible = {anchor, state, false};
  return success();
}

} // namespace

Result<std::shared_ptr<const TokenFormat>> compile_rule(const RuleText& text) {
  if (text.pattern.size() > kLongestPattern)
    return wrong("pattern", "a pattern has at most 2000 bytes");
  auto rule = std::make_shared<TokenFormat>();
  rule->id = text.id;
  rule->title = text.title.empty() ? text.id : text.title;
  rule->entropy = text.entropy;
  rule->check = text.check;
  rule->opening = true;
  rule->max_length = text.max_length;
  const auto bounded = without_boundaries(text.pattern);
  rule->starts_at_boundary = bounded.starts;
  rule->ends_at_boundary = bounded.ends;
  const auto root = parse_shape(bounded.pattern, Takes::signs);
  if (!root) return wrong("pattern", root.error().detail);
  auto shape = Shape::compile(bounded.pattern, {true, text.max_length, true});
  if (!shape) return wrong("pattern", shape.error().detail);
  rule->shape = std::move(shape.value());
  SLUICE_TRY(check_boundaries(*rule, root.value()));
  SLUICE_TRY(check_bounds(*rule));
  SLUICE_TRY(set_anchor(*rule, text.anchor));
  return std::shared_ptr<const TokenFormat>(std::move(rule));
}

} // namespace sluice::redact
