#include "policy/engine/wildcard.hpp"

#include <algorithm>

namespace sluice::engine {

// What stands before the first star and after the last is where it must be; what stands between two
// is taken where it comes first, which leaves the most for what follows.
bool fits_wildcard(std::string_view pattern, std::string_view text) noexcept {
  const auto first = pattern.find('*');
  if (first == std::string_view::npos) return pattern == text;
  const auto last = pattern.rfind('*');
  const auto head = pattern.substr(0, first);
  const auto tail = pattern.substr(last + 1);
  if (text.size() < head.size() + tail.size()) return false;
  if (!text.starts_with(head) || !text.ends_with(tail)) return false;
  text = text.substr(head.size(), text.size() - head.size() - tail.size());
  pattern = pattern.substr(first, last - first);
  while (!pattern.empty()) { // begins with a star
    pattern.remove_prefix(1);
    const auto piece = pattern.substr(0, std::min(pattern.find('*'), pattern.size()));
    const auto at = text.find(piece);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + piece.size());
    pattern.remove_prefix(piece.size());
  }
  return true;
}

} // namespace sluice::engine
