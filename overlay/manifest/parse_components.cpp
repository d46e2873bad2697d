// components and use: other manifests, with what is given to them.
#include "overlay/manifest/parse_context.hpp"
#include "policy/base/bytes.hpp"

#include <algorithm>

namespace sluice::overlay {
namespace {

constexpr std::size_t kMaxGlob = 256;

bool has_value(const Reader& at) {
  return at.present() && at.node()->kind != Node::Kind::null;
}

class ComponentParser {
 public:
  explicit ComponentParser(ParseContext& context) noexcept : context_(context) {}

  std::optional<ComponentDecl> component(Reader& at) {
    ComponentDecl out;
    if (!at.node()->is_map() || at.node()->find("manifest") == nullptr) {
      if (!reference(at, out.manifest)) return std::nullopt;
      return out;
    }
    Reader manifest = at.at("manifest"), config = at.at("config");
    Reader environment = at.at("environment");
    const bool known = reference(manifest, out.manifest);
    if (has_value(config)) out.config = to_json(*config.node());
    if (has_value(environment)) out.environment = environment.string();
    at.finish();
    if (!known) return std::nullopt;
    return out;
  }

  DeclarativeOverlay declarative(Reader& at) {
    DeclarativeOverlay out;
    out.builtin = at.at("builtin").one_of(kBuiltins).value_or(Builtin::policy);
    Reader config = at.at("config"), select = at.at("select");
    if (has_value(config)) {
      if (!config.node()->is_map()) config.error("expected a map");
      out.config = to_json(*config.node());
    }
    if (select.present()) parse_select(select, out.select);
    for (const char* key : {"manifest", "url", "digest", "environment"}) {
      at.misplaced(key, "a builtin has no manifest");
    }
    at.finish();
    return out;
  }

 private:
  // "url" or {url, digest}.
  bool reference(Reader& at, ManifestRef& out) {
    if (!at.node()->is_map()) return url(at, out.url);
    Reader where = at.required("url"), digest = at.at("digest");
    const bool known = where.present() && url(where, out.url);
    if (has_value(digest)) {
      const auto text = digest.string();
      if (text && is_digest(*text)) {
        out.digest = *text;
      } else if (text) {
        context_.error(Phase::references, digest.pointer(), "invalid_digest",
                       "this is no digest of a manifest", "write sha256: and 32 bytes in base64");
      }
    }
    at.finish();
    return known;
  }

  static bool is_digest(std::string_view text) {
    if (!text.starts_with("sha256:")) return false;
    const auto bytes = from_base64(text.substr(7));
    return bytes && bytes->size() == 32;
  }

  bool url(Reader& at, std::string& out) {
    const auto text = context_.text(at);
    if (!text) return false;
    const bool control = std::any_of(text->begin(), text->end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    out = *text;
    const ManifestRef made{*text, std::nullopt};
    const bool bare = !made.is_relative() && text->find(':') + 1 == text->size();
    const bool hostless = text->starts_with("http://") || text->starts_with("https://")
                              ? text->find_first_not_of('/', text->find(':') + 1) == text->npos
                              : false;
    if (text->empty() || control || bare || hostless) {
      context_.error(Phase::references, at.pointer(), "invalid_reference",
                     "this is no URL of a manifest",
                     "write a URL, or a path such as ./child.json5");
      return false;
    }
    return true;
  }

  void parse_select(Reader& at, Selector& out) {
    for (Reader& kind : at.at("kind").one_or_items(EmptyList::refuse)) {
      if (const auto value = kind.one_of(kSelectedKinds)) out.kinds.push_back(*value);
    }
    for (Reader& profile : at.at("profile").one_or_items(EmptyList::refuse)) {
      if (profile.node()->kind == Node::Kind::null) {
        out.profiles.emplace_back();
      } else if (auto value = profile.string()) {
        out.profiles.push_back(std::move(*value));
      }
    }
    for (Reader& component : at.at("component").one_or_items(EmptyList::refuse)) {
      if (auto glob = component.string(); glob && check_glob(component, *glob)) {
        out.components.push_back(std::move(*glob));
      }
    }
    for (Reader& side : at.at("edge").one_or_items(EmptyList::refuse)) {
      if (const auto value = side.one_of(kEdgeSides)) out.sides.push_back(*value);
    }
    at.finish();
  }

  static bool check_glob(const Reader& at, std::string_view glob) {
    if (glob.starts_with('/')) {
      at.error("the component is named from the scope's own", "leave the first / out");
    } else if (glob.ends_with('/') || glob.find("//") != std::string_view::npos) {
      at.error("a name between two slashes is empty");
    } else if (glob.size() > kMaxGlob) {
      at.error("the pattern is longer than 256 bytes");
    } else {
      return true;
    }
    return false;
  }

  ParseContext& context_;
};

void gate_overlays(Reader& use, ParseContext& context) {
  constexpr Version kOverlays{0, 4, 0};
  if (!use.present() || context.version >= kOverlays) return;
  context.error_at_key(Phase::overlay_version, use.pointer(), "feature_requires_manifest_version",
                       "the `use` section needs manifest_version " + to_string(kOverlays) +
                           ", and this is " + to_string(context.version),
                       "write manifest_version: \"0.4.0\"");
}

} // namespace

void parse_components(Reader& root, ParseContext& context, Manifest& out) {
  ComponentParser parser(context);
  for (auto& [name, at] : root.at("components").members()) {
    context.check_name(Phase::rest, at.pointer(), "child", name);
    if (auto made = parser.component(at)) out.components.emplace(name, std::move(*made));
  }
  Reader use = root.at("use");
  gate_overlays(use, context);
  for (auto& [name, at] : use.members()) {
    context.check_name(Phase::use_names, at.pointer(), "use", name);
    if (at.node()->is_map() && at.node()->find("builtin") != nullptr) {
      out.uses.emplace(name, parser.declarative(at));
    } else if (auto made = parser.component(at)) {
      out.uses.emplace(name, std::move(*made));
    }
  }
}

} // namespace sluice::overlay
