// The manifests of a scenario: the root's file, its components, theirs, and those of each `use`.
// Files only: what would have to be fetched is refused, and so is what lies outside of the root's
// folder, unless the caller allows it. All problems are told. What the manifests say to each other
// is link.hpp's. Tested by tests/unit/overlay/resolve_test.cpp.
#pragma once

#include "overlay/manifest/manifest.hpp"
#include "policy/base/result.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::overlay {

inline constexpr std::size_t kMaxManifestBytes = 8U << 20;
inline constexpr std::size_t kMaxComponents = 10'000; // of the scenario and all its helpers
inline constexpr std::size_t kMaxComponentDepth = 64;

struct ResolvedTree;

struct ResolvedComponent {
  std::optional<std::size_t> parent;
  std::string name;    // in the parent; "" of the root
  std::string moniker; // "/", "/a", "/a/b"
  std::string folder;  // of its manifest
  std::shared_ptr<const Manifest> manifest;
  std::optional<Json> config; // as the parent wrote it
  std::map<std::string, std::size_t> children;
  // What `use` names, without declarative overlays. No tree of a helper has any.
  std::map<std::string, std::shared_ptr<const ResolvedTree>> uses;
};

struct ResolvedTree {
  std::vector<ResolvedComponent> components; // pre-order, children by name; the root is the first
};

// The bytes of a file named by its path, which is absolute and has no "..": at most `limit`, and
// one more when there are more.
using ReadManifest = std::function<Result<std::string>(const std::string& path, std::size_t limit)>;

struct ResolveOptions {
  ReadManifest read;
  bool allow_outside = false; // of the root's folder
  std::string shown_folder;   // how messages name the root's folder: "" or "x/"
};

// `root` is an absolute path. nullopt exactly when an error was added.
std::optional<ResolvedTree> resolve(const std::string& root, const ResolveOptions& options,
                                    Diagnostics& out);

// Reads files below a folder, regular ones alone; links are followed while they stay in it.
// "/": everywhere.
Result<ReadManifest> read_manifests_below(const std::string& folder);

} // namespace sluice::overlay
