// A tree of words: labels of hosts from the right, segments of paths from the left. It keeps views
// of what it is given, which must outlive it. Private to policy/engine. Tested by
// tests/unit/engine/host_index_test.cpp and path_index_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>

namespace sluice::engine {

class LabelTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = 0; // nothing has the root below it

  Node make(Node above, std::string_view label) {
    const auto next = static_cast<Node>(edges_.size() + 1);
    return edges_.try_emplace({above, label}, next).first->second;
  }
  Node find(Node above, std::string_view label) const noexcept {
    const auto edge = edges_.find({above, label});
    return edge == edges_.end() ? kNone : edge->second;
  }

 private:
  struct Edge {
    Node above = kRoot;
    std::string_view label;
    bool operator==(const Edge&) const = default;
  };
  struct EdgeHash {
    std::size_t operator()(const Edge& edge) const noexcept {
      return std::hash<std::string_view>()(edge.label) ^ (edge.above * 0x9e3779b97f4a7c15U);
    }
  };
  std::unordered_map<Edge, Node, EdgeHash> edges_;
};

} // namespace sluice::engine
