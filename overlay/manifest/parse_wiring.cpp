// bindings, exports and overlays: the references from one name to another.
#include "overlay/manifest/check_program.hpp"
#include "overlay/manifest/parse_context.hpp"

#include <array>

namespace sluice::overlay {
namespace {

struct LocalWord {
  std::string_view text;
  SourceRef::Kind kind;
};

constexpr std::array kLocalWords = {LocalWord{"provides", SourceRef::Kind::provide},
                                    LocalWord{"slots", SourceRef::Kind::slot},
                                    LocalWord{"resources", SourceRef::Kind::resource},
                                    LocalWord{"framework", SourceRef::Kind::framework}};

const LocalWord* local_word(std::string_view text) {
  for (const LocalWord& word : kLocalWords) {
    if (word.text == text) return &word;
  }
  return nullptr;
}

bool is_child(std::string_view text) {
  return text.size() > 1 && text[0] == '#' && text.find('.') == std::string_view::npos;
}

bool has_dot(std::string_view text) {
  return text.find('.') != std::string_view::npos;
}

// One end of a binding: what stands before the dot, and behind it.
struct BindingEnd {
  std::string reference;
  std::string name;
};

class BindingParser {
 public:
  BindingParser(ParseContext& context, Manifest& out) noexcept : context_(context), out_(out) {}

  void parse(Reader& at) {
    Reader to = at.required("to"), from = at.required("from");
    Reader slot = at.at("slot"), capability = at.at("capability");
    const bool weak = at.at("weak").boolean().value_or(false);
    const auto to_text = to.string(), from_text = from.string();
    at.finish();
    if (!to_text || !from_text) return;
    BindingEnd target{*to_text, ""}, source{*from_text, ""};
    if (slot.present() != capability.present()) {
      return fault(at, "invalid_binding", "\"slot\" and \"capability\" go together",
                   "or write to: \"#<child>.<slot>\", from: \"<source>.<name>\"");
    }
    if (slot.present()) {
      const auto slot_name = slot.string(), capability_name = capability.string();
      if (!slot_name || !capability_name) return;
      if (has_dot(*to_text) || has_dot(*from_text)) {
        return fault(at, "mixed_binding_form", "the binding mixes both forms",
                     "write either dots, or slot and capability");
      }
      target.name = *slot_name;
      source.name = *capability_name;
    } else if (!split(to, target) || !split(from, source)) {
      return;
    }
    Binding made;
    made.weak = weak;
    const bool known = resolve_target(slot.present() ? slot : to, to, target, made);
    if (resolve_source(from, source, made.from) && known) out_.bindings.push_back(std::move(made));
  }

 private:
  void fault(const Reader& at, std::string_view code, std::string message, std::string hint = {}) {
    context_.error(Phase::rest, at.pointer(), code, std::move(message), std::move(hint));
  }

  bool split(const Reader& at, BindingEnd& end) {
    const std::string whole = end.reference;
    const auto dot = whole.find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == whole.size()) {
      fault(at, "invalid_binding", "an end of a binding is a reference, a dot and a name",
            "such as #tools.mcp or slots.api");
      return false;
    }
    end.reference = whole.substr(0, dot);
    end.name = whole.substr(dot + 1);
    return true;
  }

  bool resolve_target(const Reader& name_at, const Reader& at, const BindingEnd& end,
                      Binding& out) {
    if (has_dot(end.name)) {
      fault(name_at, "invalid_binding", "names hold no dot");
    } else if (end.reference == "self") {
      fault(at, "binding_target_self", "a component does not bind its own slots: its parent does",
            "write to: \"#<child>.<slot>\"");
    } else if (!is_child(end.reference)) {
      fault(at, "invalid_binding", "a binding leads to a slot of a child",
            "write to: \"#<child>.<slot>\"");
    } else if (!out_.components.contains(end.reference.substr(1))) {
      fault(at, "unknown_binding_child",
            "there is no child " + quoted_name(end.reference.substr(1)));
    } else {
      out.child = end.reference.substr(1);
      out.slot = end.name;
      return true;
    }
    return false;
  }

  bool resolve_source(const Reader& at, const BindingEnd& end, SourceRef& out) {
    out.name = end.name;
    if (has_dot(end.name)) {
      fault(at, "invalid_binding", "names hold no dot");
      return false;
    }
    if (end.reference == "self") return resolve_self(at, out);
    if (const LocalWord* word = local_word(end.reference)) {
      out.kind = word->kind;
      return check_local(at, out);
    }
    if (!is_child(end.reference)) {
      fault(at, "invalid_binding", "a binding does not begin there",
            "write #<child>, slots, provides, resources or framework, a dot and a name");
      return false;
    }
    out.kind = SourceRef::Kind::child_export;
    out.child = end.reference.substr(1);
    if (out_.components.contains(out.child)) return true;
    fault(at, "unknown_binding_child", "there is no child " + quoted_name(out.child));
    return false;
  }

  bool resolve_self(const Reader& at, SourceRef& out) {
    const bool provide = out_.provides.contains(out.name);
    out.kind = provide ? SourceRef::Kind::provide : SourceRef::Kind::slot;
    if (!check_local(at, out)) return false;
    context_.warning(at.pointer(), "legacy_self", "\"self\" is the old way to say it",
                     "write " + to_string(out));
    return true;
  }

  bool check_local(const Reader& at, const SourceRef& source) {
    switch (source.kind) {
    case SourceRef::Kind::provide:
      if (out_.provides.contains(source.name)) return true;
      fault(at, "unknown_binding_source", "there is no provide " + quoted_name(source.name));
      return false;
    case SourceRef::Kind::slot:
      if (out_.slots.contains(source.name)) return true;
      fault(at, "unknown_binding_source", "there is no slot " + quoted_name(source.name));
      return false;
    case SourceRef::Kind::resource:
      if (out_.resources.contains(source.name)) return true;
      fault(at, "unknown_binding_resource", "there is no resource " + quoted_name(source.name));
      return false;
    case SourceRef::Kind::framework: return check_framework(at, source.name);
    case SourceRef::Kind::child_export: break;
    }
    return false;
  }

  bool check_framework(const Reader& at, const std::string& name) {
    const FrameworkCapability* known = framework_capability(name);
    if (known == nullptr) {
      fault(at, "unknown_framework_capability", "the framework has no " + quoted_name(name),
            "known: " + framework_words());
      return false;
    }
    if (known->feature && !out_.features.contains(*known->feature)) {
      fault(at, "framework_capability_requires_feature",
            "framework." + name + " needs the experimental feature " + quoted_name(name),
            "add it to experimental_features");
      return false;
    }
    out_.unsupported.push_back({at.pointer(), "the capability framework." + name});
    return true;
  }

  ParseContext& context_;
  Manifest& out_;
};

class ExportParser {
 public:
  ExportParser(ParseContext& context, Manifest& out) noexcept : context_(context), out_(out) {}

  void parse(const std::string& name, Reader& at) {
    context_.check_name(Phase::rest, at.pointer(), "export", name);
    const auto text = at.string();
    if (!text) return;
    SourceRef made;
    if (resolve(at, name, *text, made)) out_.exports.emplace(name, std::move(made));
  }

 private:
  bool fault(const Reader& at, std::string_view code, std::string message, std::string hint = {}) {
    context_.error(Phase::rest, at.pointer(), code, std::move(message), std::move(hint));
    return false;
  }

  bool resolve(const Reader& at, const std::string& name, const std::string& text, SourceRef& out) {
    constexpr const char* kForms = "write provides.<name>, slots.<name> or #<child>.<export>";
    const auto dot = text.find('.');
    if (dot == std::string::npos && text != "framework") return resolve_own(at, name, text, out);
    const std::string left = text.substr(0, dot);
    out.name = dot == std::string::npos ? "" : text.substr(dot + 1);
    if (left == "framework") {
      return fault(at, "invalid_export_target", "framework is the source of bindings only", kForms);
    }
    if (out.name.empty() || left.empty()) {
      return fault(at, "invalid_export_target", "this is nothing to export", kForms);
    }
    if (has_dot(out.name)) {
      return fault(at, "invalid_name", quoted_name(out.name) + " is no name of an export target",
                   "names hold no dot");
    }
    if (left == "self") {
      if (!resolve_own(at, name, out.name, out)) return false;
      context_.warning(at.pointer(), "legacy_self", "\"self\" is the old way to say it",
                       "write " + to_string(out));
      return true;
    }
    if (left == "provides" || left == "slots") {
      out.kind = left == "slots" ? SourceRef::Kind::slot : SourceRef::Kind::provide;
      const bool known =
          left == "slots" ? out_.slots.contains(out.name) : out_.provides.contains(out.name);
      return known ||
             fault(at, "unknown_export_target",
                   "there is no " + left.substr(0, left.size() - 1) + ' ' + quoted_name(out.name));
    }
    if (!is_child(left)) {
      return fault(at, "invalid_export_target", "this is nothing to export", kForms);
    }
    out.kind = SourceRef::Kind::child_export;
    out.child = left.substr(1);
    return out_.components.contains(out.child) ||
           fault(at, "unknown_export_child", "there is no child " + quoted_name(out.child));
  }

  // A name alone: a provide before a slot.
  bool resolve_own(const Reader& at, const std::string& name, const std::string& text,
                   SourceRef& out) {
    out.name = text;
    out.kind = SourceRef::Kind::provide;
    if (out_.provides.contains(text)) return true;
    out.kind = SourceRef::Kind::slot;
    return out_.slots.contains(text) ||
           fault(at, "unknown_export_target",
                 "the export " + quoted_name(name) + " names no provide or slot",
                 "a child's export is #<child>.<export>");
  }

  ParseContext& context_;
  Manifest& out_;
};

// What is wrong is kept as nothing, so that the others keep their places.
OverlayRef parse_overlay(Reader& at, ParseContext& context) {
  const auto text = context.text(at);
  if (!text) return {};
  const auto dot = text->find('.');
  const bool whole = text->starts_with('#') && dot != std::string::npos && dot > 1 &&
                     dot + 1 < text->size() && text->find('.', dot + 1) == std::string::npos;
  if (whole) return {text->substr(1, dot - 1), text->substr(dot + 1)};
  context.error(Phase::overlay_refs, at.pointer(), "invalid_overlay_ref",
                quoted_name(*text) + " is no reference to an overlay", "write \"#<use>.<export>\"");
  return {};
}

void gate_overlay_list(const Reader& overlays, ParseContext& context) {
  constexpr Version kNeeded{0, 4, 0};
  const Node* node = overlays.node();
  const bool written = node != nullptr && node->is_list() && !node->items.empty();
  if (!written || context.version >= kNeeded) return;
  context.error(Phase::overlay_version, overlays.pointer() + "/0",
                "feature_requires_manifest_version",
                "the `overlays` section needs manifest_version " + to_string(kNeeded) +
                    ", and this is " + to_string(context.version),
                "write manifest_version: \"0.4.0\"");
}

} // namespace

void parse_wiring(Reader& root, ParseContext& context, Manifest& out) {
  BindingParser bindings(context, out);
  for (Reader& at : root.at("bindings").items()) bindings.parse(at);
  ExportParser exports(context, out);
  for (auto& [name, at] : root.at("exports").members()) exports.parse(name, at);
  Reader overlays = root.at("overlays");
  gate_overlay_list(overlays, context);
  for (Reader& at : overlays.items()) out.overlays.push_back(parse_overlay(at, context));
}

} // namespace sluice::overlay
