#include "overlay/plan/plan_text.hpp"

#include "overlay/scenario/scenario.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/printable.hpp"

#include <algorithm>

namespace sluice::overlay {
namespace {

constexpr std::size_t kMaxNameShown = 40;

std::string shortened(std::string_view name) {
  const std::string_view start = cut_text(name, kMaxNameShown);
  return printable(start) + (start.size() < name.size() ? "…" : "");
}

std::string unescaped(std::string_view token) { // RFC 6901 §4
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size();
    out += escape ? (token[++i] == '0' ? '~' : '/') : token[i];
  }
  return out;
}

} // namespace

std::string_view cut_text(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  for (int back = 0; back < 3 && end > 0 && (text[end] & 0xc0) == 0x80; ++back) --end;
  // Four in a row are no UTF-8, and then no place is better than another.
  if ((text[end] & 0xc0) == 0x80) end = limit;
  return text.substr(0, end);
}

std::string shown_name(std::string_view name) {
  return '"' + shortened(name) + '"';
}

std::string shown_path(std::string_view pointer) {
  std::string out;
  while (pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    if (!token.empty() && std::all_of(token.begin(), token.end(), is_digit)) {
      out += '[' + std::string(token.substr(0, kMaxNameShown)) + ']';
    } else {
      out += (out.empty() ? "" : ".") + shortened(unescaped(token));
    }
  }
  return out;
}

std::string overlay_display_name(std::string_view scope_moniker, std::string_view use) {
  return child_moniker(scope_moniker, use);
}

} // namespace sluice::overlay
