#include "overlay/scenario/resolve.hpp"

#include "overlay/manifest/parse_manifest.hpp"
#include "overlay/scenario/problems.hpp"
#include "overlay/scenario/reference.hpp"
#include "overlay/scenario/scenario.hpp"
#include "policy/base/diagnostic.hpp"
#include "policy/base/read_below.hpp"
#include "policy/base/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>

#include <fcntl.h>

namespace sluice::overlay {
namespace {

struct LoadedManifest {
  std::string path;
  std::shared_ptr<const Manifest> manifest; // null: it was told what is wrong with it
  std::string why;                          // it could not be read: told at each reference
};

std::string named(std::string_view kind, std::string_view name) {
  return std::string(kind) + " \"" + std::string(name.substr(0, 60)) + '"';
}

std::string use_pointer(std::string_view name) {
  return "/use/" + pointer_token(name);
}

std::string list_features(const std::set<Feature>& features) {
  std::string out;
  for (const Feature one : features) out += (out.empty() ? "" : ", ") + std::string(to_string(one));
  return out;
}

std::set<Feature> missing_features(const Manifest& child, const Manifest& parent) {
  std::set<Feature> out;
  std::set_difference(child.features.begin(), child.features.end(), parent.features.begin(),
                      parent.features.end(), std::inserter(out, out.end()));
  return out;
}

std::string required_slots(const Manifest& manifest) {
  std::string out;
  for (const auto& [name, slot] : manifest.slots) {
    if (!slot.optional) out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

class Resolver {
 public:
  Resolver(const std::string& root, const ResolveOptions& options, Diagnostics& out)
      : folder_(folder_of(root)), options_(options), out_(out), problems_(out) {}

  std::optional<ResolvedTree> run(const std::string& root) {
    const LoadedManifest& loaded = load(root);
    if (!loaded.why.empty()) {
      Diagnostic problem;
      problem.file = shown(root);
      problem.message = "the manifest cannot be read: " + loaded.why;
      problem.code = "compiler::unreadable_manifest";
      out_.push_back(std::move(problem));
    }
    if (loaded.manifest == nullptr) return std::nullopt;
    ResolvedTree out;
    fill(out, loaded, {}, Helper::no);
    for (ResolvedComponent& one : out.components) resolve_uses(out, one);
    if (failed_ || problems_.failed()) return std::nullopt;
    return out;
  }

 private:
  enum class Helper : bool { no, yes };
  using Digests = std::vector<std::string>; // of the components above

  void error(const Manifest& manifest, const std::string& pointer, std::string code,
             std::string message, std::string hint = {}) {
    problems_.error(manifest, pointer, std::move(code), std::move(message), std::move(hint));
  }

  std::string shown(const std::string& path) const {
    if (!is_below(path, folder_)) return path;
    return options_.shown_folder + path.substr(folder_ == "/" ? 1 : folder_.size() + 1);
  }

  const LoadedManifest& load(const std::string& path) {
    const auto [at, fresh] = loaded_.try_emplace(path);
    LoadedManifest& out = at->second;
    if (!fresh) return out;
    out.path = path;
    auto text = options_.read(path, kMaxManifestBytes);
    if (!text) {
      out.why = text.error().detail;
    } else if (text.value().size() > kMaxManifestBytes) {
      out.why = "it is larger than 8 MiB";
    } else {
      const ReadFile beside = [this, folder = folder_of(path)](const std::string& name) {
        return options_.read(folder == "/" ? folder + name : folder + '/' + name, kMaxSidecarBytes);
      };
      auto parsed = parse_manifest(text.value(), shown(path), beside, out_);
      if (parsed) out.manifest = std::make_shared<const Manifest>(*std::move(parsed));
    }
    failed_ = failed_ || out.manifest == nullptr;
    return out;
  }

  // What a declaration of `parent` refers to; null: told.
  const LoadedManifest* refer(const ResolvedComponent& parent, const ComponentDecl& decl,
                              const std::string& pointer, const std::string& what) {
    const Manifest& says = *parent.manifest;
    const Located at = locate(decl.manifest.url, parent.folder);
    if (at.path.empty()) {
      const bool asks = decl.environment.has_value();
      error(says, pointer, "compiler::unsupported", what + ": " + at.why,
            asks ? "the resolvers of an environment are not asked, either" : at.hint);
      return nullptr;
    }
    if (!options_.allow_outside && !is_below(at.path, folder_)) {
      error(says, pointer, "compiler::outside_of_root",
            what + ": the manifest lies outside of the folder of the root's",
            "move the root up, or allow it with --allow-outside");
      return nullptr;
    }
    const LoadedManifest& loaded = load(at.path);
    if (!loaded.why.empty()) {
      error(says, pointer, "compiler::unreadable_manifest",
            what + ": " + shown(at.path) + " cannot be read: " + loaded.why);
    }
    if (loaded.manifest == nullptr) return nullptr;
    const auto& pinned = decl.manifest.digest;
    if (pinned && *pinned != loaded.manifest->digest) {
      error(says, pointer, "compiler::mismatched_digest",
            what + ": the manifest is another one than the one that was pinned",
            "its digest is " + loaded.manifest->digest + "; Amber's of the same file differs");
      return nullptr;
    }
    return &loaded;
  }

  // Whether a component may stand below those `above`.
  bool fits(const Manifest& parent, const Manifest& child, const Digests& above,
            const std::string& pointer, const std::string& what) {
    if (std::find(above.begin(), above.end(), child.digest) != above.end()) {
      error(parent, pointer, "compiler::cycle", what + " is the manifest of a component around it");
      return false;
    }
    if (const auto missing = missing_features(child, parent); !missing.empty()) {
      error(parent, pointer, "compiler::experimental_feature_not_enabled",
            what + " needs the experimental features " + list_features(missing),
            "add them to experimental_features of this manifest, too");
      return false;
    }
    if (above.size() > kMaxComponentDepth) {
      error(parent, pointer, "compiler::too_large", "components are nested deeper than 64");
      return false;
    }
    return true;
  }

  struct Pending {
    std::optional<std::size_t> parent;
    std::string name;
    const LoadedManifest* loaded = nullptr;
    Digests above;
  };

  // The tree below a manifest: depth first, children by name.
  void fill(ResolvedTree& tree, const LoadedManifest& root, Digests above, Helper helper) {
    std::vector<Pending> open;
    open.push_back({std::nullopt, "", &root, std::move(above)});
    while (!open.empty()) {
      Pending next = std::move(open.back());
      open.pop_back();
      if (++components_ + open.size() > kMaxComponents) {
        error(*root.manifest, "", "compiler::too_large",
              "the scenario has more than 10000 components");
        return;
      }
      const std::size_t id = add(tree, next);
      next.above.push_back(next.loaded->manifest->digest);
      const auto first = static_cast<std::ptrdiff_t>(open.size());
      for (const auto& [name, decl] : next.loaded->manifest->components) {
        const LoadedManifest* child =
            component(tree.components[id], name, decl, next.above, helper);
        if (child != nullptr) open.push_back({id, name, child, next.above});
      }
      std::reverse(open.begin() + first, open.end());
    }
  }

  static std::size_t add(ResolvedTree& tree, const Pending& next) {
    const std::size_t id = tree.components.size();
    ResolvedComponent made;
    made.parent = next.parent;
    made.name = next.name;
    made.moniker = "/";
    made.manifest = next.loaded->manifest;
    made.folder = folder_of(next.loaded->path);
    if (next.parent) {
      ResolvedComponent& parent = tree.components[*next.parent];
      made.moniker = child_moniker(parent.moniker, next.name);
      made.config = parent.manifest->components.at(next.name).config;
      parent.children.emplace(next.name, id);
    }
    tree.components.push_back(std::move(made));
    return id;
  }

  const LoadedManifest* component(const ResolvedComponent& parent, const std::string& name,
                                  const ComponentDecl& decl, const Digests& above, Helper helper) {
    const std::string pointer = "/components/" + pointer_token(name);
    const std::string what = named("the component", name);
    const LoadedManifest* out = refer(parent, decl, pointer, what);
    if (out == nullptr || !fits(*parent.manifest, *out->manifest, above, pointer, what)) {
      return nullptr;
    }
    if (helper == Helper::yes && has_overlays(*out->manifest)) nested_.push_back(out->manifest);
    return out;
  }

  static bool has_overlays(const Manifest& manifest) {
    return !manifest.uses.empty() || !manifest.overlays.empty();
  }

  void resolve_uses(const ResolvedTree& tree, ResolvedComponent& scope) {
    Digests above;
    for (const auto& [name, use] : scope.manifest->uses) {
      const auto* decl = std::get_if<ComponentDecl>(&use);
      if (decl == nullptr) continue;
      if (above.empty()) above = digests_down_to(tree, scope);
      if (auto helper = resolve_use(scope, name, *decl, above)) scope.uses.emplace(name, helper);
    }
  }

  static Digests digests_down_to(const ResolvedTree& tree, const ResolvedComponent& component) {
    Digests out;
    for (const ResolvedComponent* at = &component;; at = &tree.components[*at->parent]) {
      out.push_back(at->manifest->digest);
      if (!at->parent) return out;
    }
  }

  std::shared_ptr<const ResolvedTree> resolve_use(const ResolvedComponent& scope,
                                                  const std::string& name,
                                                  const ComponentDecl& decl, const Digests& above) {
    const Manifest& says = *scope.manifest;
    const std::string pointer = use_pointer(name);
    const std::string what = named("the use", name);
    const LoadedManifest* root = refer(scope, decl, pointer, what);
    if (root == nullptr || !fits(says, *root->manifest, above, pointer, what)) return nullptr;
    if (const auto slots = required_slots(*root->manifest); !slots.empty()) {
      error(says, pointer, "compiler::use_requires_root_slots",
            what + " has slots that must be bound: " + slots,
            "nothing is bound to a helper: make them optional");
    }
    nested_.clear();
    if (has_overlays(*root->manifest)) nested_.push_back(root->manifest);
    auto out = std::make_shared<ResolvedTree>();
    fill(*out, *root, above, Helper::yes);
    for (const auto& manifest : nested_) {
      const bool use = !manifest->uses.empty();
      error(says, pointer, "compiler::use_contains_overlay",
            what + (use ? " contains a nested use" : " contains overlays of its own") + ", in " +
                (manifest->document == nullptr ? "" : manifest->document->file));
    }
    out->components.front().config = decl.config;
    return out;
  }

  std::string folder_;
  const ResolveOptions& options_;
  Diagnostics& out_;
  Problems problems_;
  std::map<std::string, LoadedManifest> loaded_; // by path
  std::vector<std::shared_ptr<const Manifest>> nested_;
  std::size_t components_ = 0;
  bool failed_ = false; // a manifest is wrong in itself
};

} // namespace

std::optional<ResolvedTree> resolve(const std::string& root, const ResolveOptions& options,
                                    Diagnostics& out) {
  const std::string path = normal_path(root).value_or(root);
  return Resolver(path, options, out).run(path);
}

Result<ReadManifest> read_manifests_below(const std::string& folder) {
  const auto opened =
      std::make_shared<const UniqueFd>(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened->valid()) {
    return make_error(Origin::config, "file_unreadable",
                      folder + ": " + std::generic_category().message(errno));
  }
  return ReadManifest(
      [opened, folder](const std::string& path, std::size_t limit) -> Result<std::string> {
        if (!is_below(path, folder)) {
          return make_error(Origin::config, "file_unreadable", "it lies outside of its folder");
        }
        const std::size_t cut = folder == "/" ? 1 : folder.size() + 1;
        return read_below(opened->get(), path.substr(cut), limit, Links::inside);
      });
}

} // namespace sluice::overlay
