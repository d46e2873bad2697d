#include "overlay/manifest/selector.hpp"

#include <algorithm>
#include <utility>

namespace sluice::overlay {
namespace {

template <class T> bool holds(const std::vector<T>& list, const T& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

} // namespace

// A set of places in the glob, moved on by each character: linear in the product of both.
bool matches_component(std::string_view glob, std::string_view component) noexcept {
  if (component == ".") return glob == "." || glob == "**"; // the scope's own is no child
  const std::size_t size = glob.size();
  const auto is_star = [&](std::size_t at) { return at < size && glob[at] == '*'; };
  std::vector<bool> here(size + 1, false);
  const auto pass_stars = [&](std::vector<bool>& places) {
    for (std::size_t at = 0; at < size; ++at) {
      if (places[at] && is_star(at)) places[at + 1] = true;
    }
  };
  here[0] = true;
  pass_stars(here);
  for (const char c : component) {
    std::vector<bool> next(size + 1, false);
    for (std::size_t at = 0; at < size; ++at) {
      if (!here[at]) continue;
      if (is_star(at)) {
        const bool crosses = is_star(at + 1) || (at > 0 && is_star(at - 1));
        if (crosses || c != '/') next[at] = true;
      } else if (glob[at] == c) {
        next[at + 1] = true;
      }
    }
    pass_stars(next);
    here = std::move(next);
  }
  return here[size];
}

bool selects(const Selector& selector, const EdgeFacts& edge) {
  const auto is_named = [&](const std::string& glob) {
    return std::any_of(
        edge.components.begin(), edge.components.end(),
        [&](const std::string& component) { return matches_component(glob, component); });
  };
  // Egress is no edge between components: who means it says so.
  if (edge.capability.kind == Kind::egress && selector.kinds.empty()) return false;
  return holds(selector.kinds, edge.capability.kind) &&
         holds(selector.profiles, edge.capability.profile) && holds(selector.sides, edge.side) &&
         (selector.components.empty() ||
          std::any_of(selector.components.begin(), selector.components.end(), is_named));
}

} // namespace sluice::overlay
