// slots, provides, resources and child_templates: what the component takes, gives and owns.
#include "overlay/manifest/check_program.hpp"
#include "overlay/manifest/parse_context.hpp"

#include <algorithm>
#include <array>

namespace sluice::overlay {
namespace {

bool is_written(const Reader& at) {
  return at.present() && at.node()->kind != Node::Kind::null;
}

void note_kind(const Reader& at, Kind kind, Manifest& out) {
  if (kind == Kind::docker) out.unsupported.push_back({at.pointer(), "the capability docker"});
  if (kind == Kind::kvm) out.unsupported.push_back({at.pointer(), "the capability kvm"});
}

Capability parse_capability(Reader& at, ParseContext& context, Manifest& out) {
  Capability made;
  Reader kind = at.required("kind"), profile = at.at("profile");
  made.kind = kind.one_of(kKinds).value_or(Kind::http);
  note_kind(kind, made.kind, out);
  if (is_written(profile)) made.profile = context.text(profile);
  if (made.kind == Kind::http && made.profile == "policy") {
    context.warning(profile.pointer(), "renamed", "the profile \"policy\" was renamed",
                    "write \"overlay\"");
  }
  return made;
}

void parse_child_templates(Reader templates, ParseContext& context, Manifest& out) {
  for (auto& [name, at] : templates.members()) {
    context.check_name(Phase::rest, at.pointer(), "child template", name);
    if (!at.node()->is_map()) {
      at.error("expected a map");
      continue;
    }
    out.child_templates.emplace(name, to_json(*at.node()));
    out.unsupported.push_back({at.pointer(), "a child that is created at run time"});
  }
  const bool has_slot = std::any_of(out.slots.begin(), out.slots.end(), [](const auto& slot) {
    return slot.second.capability.kind == Kind::component;
  });
  if (!out.child_templates.empty() && !has_slot) {
    context.error_at_key(Phase::rest, templates.pointer(), "child_templates_require_component_slot",
                         "child_templates need a slot of kind component",
                         "declare slots: {<name>: {kind: \"component\"}}");
  }
}

} // namespace

void parse_slots(Reader slots, ParseContext& context, Manifest& out) {
  for (auto& [name, at] : slots.members()) {
    context.check_name(Phase::rest, at.pointer(), "slot", name);
    Slot made;
    made.capability = parse_capability(at, context, out);
    made.optional = at.at("optional").boolean().value_or(false);
    made.multiple = at.at("multiple").boolean().value_or(false);
    at.finish();
    out.slots.emplace(name, std::move(made));
  }
}

void parse_provides(Reader provides, ParseContext& context, Manifest& out) {
  for (auto& [name, at] : provides.members()) {
    context.check_name(Phase::rest, at.pointer(), "provide", name);
    Provide made;
    made.capability = parse_capability(at, context, out);
    Reader endpoint = at.at("endpoint");
    if (is_written(endpoint)) made.endpoint = context.text(endpoint);
    at.finish();
    out.provides.emplace(name, std::move(made));
  }
}

void parse_resources(Reader resources, ParseContext& context, Manifest& out) {
  for (auto& [name, at] : resources.members()) {
    context.check_name(Phase::rest, at.pointer(), "resource", name);
    Resource made;
    Reader kind = at.required("kind"), params = at.at("params");
    if (const auto value = kind.one_of(kKinds); value && *value != Kind::storage) {
      context.error(Phase::rest, kind.pointer(), "unsupported_resource_kind",
                    "a resource is of kind storage");
    }
    const auto read = [&](const char* key, std::optional<Template>& value) {
      Reader param = params.at(key);
      if (is_written(param)) value = context.program_template(param);
    };
    read("size", made.size);
    read("retention", made.retention);
    read("sharing", made.sharing);
    params.finish();
    at.finish();
    out.resources.emplace(name, std::move(made));
  }
}

void parse_capabilities(Reader& root, ParseContext& context, Manifest& out) {
  parse_slots(root.at("slots"), context, out);
  parse_provides(root.at("provides"), context, out);
  parse_resources(root.at("resources"), context, out);
  parse_child_templates(root.at("child_templates"), context, out);
}

} // namespace sluice::overlay
