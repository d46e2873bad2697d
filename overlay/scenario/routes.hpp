// Where the slots of a tree of manifests are filled from: every reference followed to who really
// provides, through slots that are handed on and exports of children's exports. Reports what does
// not fit on the way. Part of link.hpp; tested by tests/unit/overlay/link_test.cpp.
#pragma once

#include "overlay/scenario/problems.hpp"
#include "overlay/scenario/resolve.hpp"
#include "overlay/scenario/scenario.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::overlay {

inline constexpr std::size_t kMaxRoutes = 200'000; // of all slots together
inline constexpr int kMaxHops = 256;

// What an export leads to.
struct ExportEnd {
  enum class Kind { missing, provide, slot };
  Kind kind = Kind::missing;
  std::size_t component = 0;
  std::string name; // of the provide or slot; of the export that is missing
};
ExportEnd follow_export(const ResolvedTree& tree, std::size_t component, const std::string& name);

struct Route {
  Source from;
  bool weak = false; // any part of the way is
};

class Routes {
 public:
  Routes(const ResolvedTree& tree, Problems& problems);

  // Each binding and export by itself, and each slot that must be bound.
  void check();
  // In the order of bindings. Of the root: its own slot, filled from the outside.
  const std::vector<Route>& into(std::size_t component, const std::string& slot);

 private:
  using Key = std::pair<std::size_t, std::string>;
  struct Entry {
    bool open = true; // being followed
    std::vector<Route> routes;
  };
  struct Offer { // what a binding's source is, before it is followed
    Capability capability;
    bool optional = false, multiple = false;
  };

  void check_binding(std::size_t parent, std::size_t index);
  void check_exports(std::size_t component);
  void check_slots(std::size_t component);
  void check_slot(std::size_t component, const std::string& name, const Slot& slot);
  bool offered(std::size_t parent, const SourceRef& from, Offer& out) const;
  void follow(std::size_t parent, std::size_t index, std::vector<Route>& out);
  void append(const std::vector<Route>& routes, bool weak, const Manifest& at,
              const std::string& pointer, std::vector<Route>& out);
  const std::vector<std::size_t>& bindings_to(std::size_t component, const std::string& slot) const;

  const ResolvedTree& tree_;
  Problems& problems_;
  std::map<Key, std::vector<std::size_t>> bindings_; // of the parent, by child and slot
  std::map<Key, Entry> entries_;
  std::size_t count_ = 0;
  int hops_ = 0;
};

} // namespace sluice::overlay
