#include "policy/engine/value_match.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::engine {
namespace {

using model::JsonReading;

std::optional<double> number_of(const Node& node, bool texts_too) {
  if (node.kind == Node::Kind::integer) return static_cast<double>(node.integer);
  if (node.kind == Node::Kind::real) return node.real;
  if (!texts_too || node.kind != Node::Kind::string) return std::nullopt;
  std::string text; // as Python's float() and int() read it
  for (const char c : node.text) {
    if (c != '_' && c != ' ' && c != '\t' && c != '\n' && c != '\r') text += c;
  }
  if (text.starts_with('+')) text.erase(0, 1);
  double out = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  return read.ec == std::errc() && read.ptr == end ? std::optional(out) : std::nullopt;
}

bool in_range(const ValueMatch& test, const Node& value, bool allow) {
  const auto number = number_of(value, !allow);
  return number && *number >= test.min.value_or(*number) && *number <= test.max.value_or(*number);
}

bool is_equal(const Node& wanted, const Node& value, bool allow) {
  const auto a = number_of(wanted, false);
  const auto b = number_of(value, !allow);
  if (a && b) return *a == *b;
  if (wanted.kind != value.kind && allow) return false;
  if (wanted.kind == Node::Kind::null || value.kind == Node::Kind::null)
    return wanted.kind == value.kind;
  return wanted.text == value.text;
}

bool in_globs(const ValueMatch& test, const Node& value, bool allow) {
  if (value.kind == Node::Kind::null) return false;
  const auto fits = [&](const std::string& text) {
    return std::any_of(test.globs.begin(), test.globs.end(),
                       [&](const ValuePattern& glob) { return glob.matches(text); });
  };
  const bool as_it_is = fits(value.text);
  if (as_it_is != allow) return as_it_is;
  return fits(model::as_path(value.text));
}

bool passes(const ValueMatch& test, const Node& value, bool allow) {
  if (test.min || test.max) return in_range(test, value, allow);
  if (test.globs.empty()) {
    return std::any_of(test.equals.begin(), test.equals.end(),
                       [&](const Node& one) { return is_equal(one, value, allow); });
  }
  return in_globs(test, value, allow);
}

bool value_passes(const ValueMatch& test, const Node& tree, bool allow) {
  const auto all = model::scalars_at(tree, test.tokens, JsonReading::perhaps);
  if (all.size() > model::kMostScalars) return !allow; // as good as unread
  const auto fits = [&](const Node* value) { return passes(test, *value, allow); };
  if (!allow) return std::any_of(all.begin(), all.end(), fits);
  return !model::scalars_at(tree, test.tokens, JsonReading::exactly).empty() &&
         std::all_of(all.begin(), all.end(), fits);
}

} // namespace

bool values_fit(const std::vector<ValueMatch>& tests, const Node& tree, bool allow) {
  return std::all_of(tests.begin(), tests.end(),
                     [&](const ValueMatch& test) { return value_passes(test, tree, allow); });
}

} // namespace sluice::engine
