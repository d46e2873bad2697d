// Tests of values in a JSON text: {/pointer: {glob: …}}, {equals: …} or {range: {min: …, max: …}}.
#include "policy/engine/parse.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

constexpr std::size_t kLongestPointer = 512;

// RFC 6901 §3 and §4. Nothing for what is no pointer.
std::optional<std::vector<std::string>> tokens_of(std::string_view pointer) {
  std::vector<std::string> out;
  if (pointer.size() > kLongestPointer) return std::nullopt;
  if (!pointer.empty() && pointer.front() != '/') return std::nullopt;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      out.emplace_back();
    } else if (pointer[i] != '~') {
      out.back() += pointer[i];
    } else {
      const char next = i + 1 < pointer.size() ? pointer[i + 1] : '\0';
      if (next != '0' && next != '1') return std::nullopt;
      out.back() += next == '0' ? '~' : '/';
      ++i;
    }
  }
  return out;
}

void add_glob(Reader& item, ParseContext& shared, std::vector<ValuePattern>& out) {
  const auto text = item.string();
  if (!text) return;
  if (++shared.patterns > kMaxPatterns || ++shared.regexes > kMaxRegexes) {
    item.error("the policy holds too many patterns of values");
    return;
  }
  PatternFault fault;
  if (auto pattern = ValuePattern::parse(*text, fault)) {
    out.push_back(std::move(*pattern));
  } else {
    item.error(item.quoted() + ": " + fault.message, fault.hint);
  }
}

void add_scalar(Reader& item, std::vector<Node>& out) {
  const Node* value = item.scalar();
  if (value == nullptr) return;
  out.push_back(*value);
  out.back().line = out.back().column = 1;
}

void parse_range(Reader range, ValueMatch& out) {
  if (!range.present()) return;
  out.min = range.at("min").number();
  out.max = range.at("max").number();
  range.finish();
  if (!range.node()->is_map()) return;
  if (!out.min && !out.max) range.error("a range has min, max or both");
  if (out.min && out.max && *out.min > *out.max) range.error("min is above max");
}

void parse_test(Reader& test, ParseContext& shared, ValueMatch& out) {
  Reader globs = test.at("glob");
  Reader equals = test.at("equals");
  const Reader range = test.at("range");
  for (Reader& item : globs.one_or_items(EmptyList::refuse)) add_glob(item, shared, out.globs);
  for (Reader& item : equals.one_or_items(EmptyList::refuse)) add_scalar(item, out.equals);
  parse_range(range, out);
  const int kinds =
      (globs.present() ? 1 : 0) + (equals.present() ? 1 : 0) + (range.present() ? 1 : 0);
  test.finish();
  if (test.node()->is_map() && kinds != 1)
    test.error("a value has exactly one of glob, equals or range");
}

} // namespace

std::vector<ValueMatch> parse_values(Reader values, ParseContext& shared) {
  std::vector<ValueMatch> out;
  if (!values.present()) return out;
  auto members = values.members();
  if (values.node()->is_map() && members.empty())
    values.error("the map is empty", "leave the key out");
  for (auto& [pointer, test] : members) {
    ValueMatch one;
    one.pointer = pointer;
    if (auto tokens = tokens_of(pointer)) {
      one.tokens = std::move(*tokens);
    } else {
      test.error("this is not a JSON pointer", "write /path or /options/depth (RFC 6901)");
    }
    parse_test(test, shared, one);
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(),
            [](const ValueMatch& a, const ValueMatch& b) { return a.pointer < b.pointer; });
  return out;
}

} // namespace sluice::engine
