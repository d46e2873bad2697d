#include "overlay/scenario/routes.hpp"

#include "overlay/manifest/check_program.hpp"
#include "policy/base/diagnostic.hpp"

#include <algorithm>

namespace sluice::overlay {
namespace {

std::string binding_pointer(std::size_t index, std::string_view key) {
  return "/bindings/" + std::to_string(index) + '/' + std::string(key);
}

std::string range_of(bool optional, bool multiple) {
  return std::string(optional ? "none" : "one") + (multiple   ? " to many"
                                                   : optional ? " or one"
                                                              : "");
}

} // namespace

ExportEnd follow_export(const ResolvedTree& tree, std::size_t component, const std::string& name) {
  std::string wanted = name;
  for (;;) { // each step goes down
    const ResolvedComponent& here = tree.components[component];
    const auto found = here.manifest->exports.find(wanted);
    if (found == here.manifest->exports.end()) {
      return {ExportEnd::Kind::missing, component, wanted};
    }
    const SourceRef& target = found->second;
    if (target.kind == SourceRef::Kind::provide) {
      return {ExportEnd::Kind::provide, component, target.name};
    }
    if (target.kind == SourceRef::Kind::slot) {
      return {ExportEnd::Kind::slot, component, target.name};
    }
    component = here.children.at(target.child);
    wanted = target.name;
  }
}

Routes::Routes(const ResolvedTree& tree, Problems& problems) : tree_(tree), problems_(problems) {
  for (std::size_t parent = 0; parent < tree.components.size(); ++parent) {
    const ResolvedComponent& one = tree.components[parent];
    for (std::size_t i = 0; i < one.manifest->bindings.size(); ++i) {
      const Binding& binding = one.manifest->bindings[i];
      bindings_[{one.children.at(binding.child), binding.slot}].push_back(i);
    }
  }
}

void Routes::check() {
  for (std::size_t id = 0; id < tree_.components.size(); ++id) {
    const std::size_t bindings = tree_.components[id].manifest->bindings.size();
    for (std::size_t i = 0; i < bindings; ++i) check_binding(id, i);
    check_exports(id);
    if (id > 0) check_slots(id);
  }
}

const std::vector<std::size_t>& Routes::bindings_to(std::size_t component,
                                                    const std::string& slot) const {
  static const std::vector<std::size_t> none;
  const auto found = bindings_.find({component, slot});
  return found == bindings_.end() ? none : found->second;
}

// false: there is no such thing.
bool Routes::offered(std::size_t parent, const SourceRef& from, Offer& out) const {
  std::size_t owner = parent;
  std::string name = from.name;
  SourceRef::Kind kind = from.kind;
  if (kind == SourceRef::Kind::child_export) {
    const std::size_t child = tree_.components[parent].children.at(from.child);
    const ExportEnd end = follow_export(tree_, child, from.name);
    if (end.kind == ExportEnd::Kind::missing) return false;
    owner = end.component;
    name = end.name;
    kind = end.kind == ExportEnd::Kind::slot ? SourceRef::Kind::slot : SourceRef::Kind::provide;
  }
  const Manifest& says = *tree_.components[owner].manifest;
  switch (kind) {
  case SourceRef::Kind::provide: out.capability = says.provides.at(name).capability; return true;
  case SourceRef::Kind::slot: {
    const Slot& slot = says.slots.at(name);
    out = {slot.capability, slot.optional, slot.multiple};
    return true;
  }
  case SourceRef::Kind::resource: out.capability.kind = Kind::storage; return true;
  case SourceRef::Kind::framework:
    out.capability.kind = framework_capability(name)->kind;
    return true;
  case SourceRef::Kind::child_export: break;
  }
  return false;
}

void Routes::check_binding(std::size_t parent, std::size_t index) {
  const ResolvedComponent& one = tree_.components[parent];
  const Binding& binding = one.manifest->bindings[index];
  const ResolvedComponent& child = tree_.components[one.children.at(binding.child)];
  const std::string from = binding_pointer(index, "from");
  const auto slot = child.manifest->slots.find(binding.slot);
  if (slot == child.manifest->slots.end()) {
    problems_.error(*one.manifest, binding_pointer(index, "to"), "linker::unknown_slot",
                    '#' + binding.child + " has no slot " + in_quotes_short(binding.slot));
  }
  Offer offer;
  if (!offered(parent, binding.from, offer)) {
    problems_.error(*one.manifest, from, "linker::not_exported",
                    '#' + binding.from.child + " does not export " +
                        in_quotes_short(binding.from.name));
    return;
  }
  if (slot == child.manifest->slots.end()) return;
  if (offer.capability != slot->second.capability) {
    problems_.error(*one.manifest, from, "linker::type_mismatch",
                    '#' + binding.child + '.' + binding.slot + " takes " +
                        to_string(slot->second.capability) + ", and " + to_string(binding.from) +
                        " is " + to_string(offer.capability),
                    "kind and profile must be equal");
  }
  if (offer.multiple && !slot->second.multiple) {
    problems_.error(*one.manifest, from, "linker::slot_range_mismatch",
                    to_string(binding.from) + " is " + range_of(offer.optional, true) + ", and #" +
                        binding.child + '.' + binding.slot + " takes " +
                        range_of(slot->second.optional, false),
                    "declare the slot with multiple: true");
  }
}

void Routes::check_exports(std::size_t component) {
  const ResolvedComponent& one = tree_.components[component];
  for (const auto& [name, target] : one.manifest->exports) {
    if (target.kind != SourceRef::Kind::child_export) continue;
    const ExportEnd end = follow_export(tree_, component, name);
    if (end.kind != ExportEnd::Kind::missing) continue;
    problems_.error(*one.manifest, "/exports/" + pointer_token(name), "linker::not_exported",
                    '#' + target.child + " does not export " + in_quotes_short(target.name));
  }
}

void Routes::check_slots(std::size_t component) {
  for (const auto& [name, slot] : tree_.components[component].manifest->slots) {
    check_slot(component, name, slot);
  }
}

void Routes::check_slot(std::size_t component, const std::string& name, const Slot& slot) {
  const ResolvedComponent& one = tree_.components[component];
  const ResolvedComponent& parent = tree_.components[*one.parent];
  const auto& bound = bindings_to(component, name);
  const std::string end = one.moniker + '.' + name;
  if (bound.size() > 1 && !slot.multiple) {
    problems_.error(*parent.manifest, binding_pointer(bound[1], "to"),
                    "linker::duplicate_binding_target", end + " is bound more than once",
                    "declare the slot with multiple: true, or remove a binding");
  }
  if (slot.optional) return;
  if (bound.empty()) {
    problems_.error(*parent.manifest, "/components/" + pointer_token(one.name),
                    "linker::unbound_slot", end + " is not bound and must be",
                    "bind it, or declare it with optional: true");
    return;
  }
  const bool certain = std::any_of(bound.begin(), bound.end(), [&](std::size_t index) {
    Offer offer;
    return !offered(*one.parent, parent.manifest->bindings[index].from, offer) || !offer.optional;
  });
  if (certain) return;
  problems_.error(*parent.manifest, binding_pointer(bound.front(), "from"),
                  "linker::slot_range_mismatch",
                  to_string(parent.manifest->bindings[bound.front()].from) + " is optional, and " +
                      end + " must be bound",
                  "declare both slots alike");
}

const std::vector<Route>& Routes::into(std::size_t component, const std::string& slot) {
  const auto [at, fresh] = entries_.try_emplace(Key(component, slot));
  Entry& entry = at->second;
  const ResolvedComponent& one = tree_.components[component];
  if (!fresh) {
    if (entry.open) {
      problems_.error(*one.manifest, "/slots/" + pointer_token(slot), "linker::slot_cycle",
                      one.moniker + '.' + slot + " is filled from itself");
    }
    return entry.routes;
  }
  std::vector<Route> found;
  if (!one.parent) {
    found.push_back({{Source::Kind::external, 0, slot}, false});
  } else if (++hops_ > kMaxHops) {
    problems_.error(*one.manifest, "/slots/" + pointer_token(slot), "linker::too_large",
                    "the slot is handed on more than 256 times");
    --hops_;
  } else {
    for (const std::size_t index : bindings_to(component, slot)) follow(*one.parent, index, found);
    --hops_;
  }
  entry.open = false; // nodes of a map stay where they are
  entry.routes = std::move(found);
  return entry.routes;
}

void Routes::follow(std::size_t parent, std::size_t index, std::vector<Route>& out) {
  const ResolvedComponent& one = tree_.components[parent];
  const Binding& binding = one.manifest->bindings[index];
  const std::string pointer = binding_pointer(index, "from");
  const auto add = [&](Source::Kind kind, std::size_t component, const std::string& name) {
    append({{{kind, component, name}, false}}, binding.weak, *one.manifest, pointer, out);
  };
  switch (binding.from.kind) {
  case SourceRef::Kind::provide: return add(Source::Kind::component, parent, binding.from.name);
  case SourceRef::Kind::resource: return add(Source::Kind::resource, parent, binding.from.name);
  case SourceRef::Kind::framework: return add(Source::Kind::framework, parent, binding.from.name);
  case SourceRef::Kind::slot:
    return append(into(parent, binding.from.name), binding.weak, *one.manifest, pointer, out);
  case SourceRef::Kind::child_export: break;
  }
  const ExportEnd end =
      follow_export(tree_, one.children.at(binding.from.child), binding.from.name);
  if (end.kind == ExportEnd::Kind::provide) add(Source::Kind::component, end.component, end.name);
  if (end.kind != ExportEnd::Kind::slot) return;
  append(into(end.component, end.name), binding.weak, *one.manifest, pointer, out);
}

void Routes::append(const std::vector<Route>& routes, bool weak, const Manifest& at,
                    const std::string& pointer, std::vector<Route>& out) {
  count_ += routes.size();
  if (count_ > kMaxRoutes) {
    problems_.error(at, pointer, "linker::too_large", "the bindings make more than 200000 edges");
    return;
  }
  for (const Route& route : routes) out.push_back({route.from, route.weak || weak});
}

} // namespace sluice::overlay
