#include "overlay/manifest/check_program.hpp"

#include "policy/base/diagnostic.hpp"

#include <array>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::array kFramework = {FrameworkCapability{"component", Kind::component, std::nullopt},
                                   FrameworkCapability{"docker", Kind::docker, Feature::docker},
                                   FrameworkCapability{"kvm", Kind::kvm, Feature::kvm}};

constexpr std::size_t kMaxFaults = 100;

std::string in_quotes(std::string_view name) {
  return '"' + std::string(name.substr(0, 40)) + (name.size() > 40 ? "…\"" : "\"");
}

bool is_url_shaped(Kind kind) {
  return kind != Kind::storage && kind != Kind::kvm;
}

class ProgramCheck {
 public:
  ProgramCheck(const Program& program, const ProgramScope& scope) noexcept
      : program_(program), scope_(scope), vm_(program.form == Program::Form::vm ? "/vm" : "") {}

  std::vector<ProgramFault> run() {
    check_location();
    check_command();
    for (const auto& [name, value] : program_.env) check_env(name, value);
    check_endpoints();
    check_mounts();
    if (program_.vm) check_vm();
    return std::move(faults_);
  }

 private:
  void add(std::string pointer, std::string_view code, std::string message, std::string hint = {}) {
    if (faults_.size() >= kMaxFaults) return;
    faults_.push_back({std::move(pointer), "manifest::" + std::string(code), std::move(message),
                       std::move(hint)});
  }

  void check_location() {
    if (program_.form == Program::Form::builtin) return;
    const bool path = program_.form == Program::Form::path;
    const std::string at = path ? "/path" : vm_ + "/image";
    check_text(program_.location, nullptr, at);
    const auto literal = literal_of(program_.location);
    if (!literal) return;
    const bool blank = literal->find_first_not_of(" \t\r\n") == std::string::npos;
    if (path && blank) {
      add(at, "empty_program_path", "the path is empty");
    } else if (path && literal->find('/') == std::string::npos) {
      add(at, "validation_error", "the path has no separator, and PATH is not searched",
          "write an absolute path, or one such as ./bin/server");
    } else if (blank) {
      add(at, vm_.empty() ? "validation_error" : "empty_vm_image", "the image is empty");
    }
  }

  void check_command() {
    const bool image = program_.form == Program::Form::image;
    const std::string at = image ? "/entrypoint" : "/args";
    if (image && program_.command.empty()) {
      add(at, "empty_entrypoint", "an image needs an entrypoint",
          "that of the image itself is not used");
    }
    for (std::size_t i = 0; i < program_.command.size(); ++i) {
      const CommandItem& item = program_.command[i];
      const std::string here = at + '/' + std::to_string(i);
      check_conditions(item, here);
      for (const Template& word : item.words) check_text(word, &item.each, here);
    }
  }

  void check_env(const std::string& name, const EnvValue& value) {
    const std::string at = "/env/" + pointer_token(name);
    check_conditions(value, at);
    check_text(value.value, &value.each, at);
  }

  void check_endpoints() {
    std::set<std::string> names;
    for (std::size_t i = 0; i < program_.endpoints.size(); ++i) {
      const Endpoint& endpoint = program_.endpoints[i];
      const std::string at = vm_ + "/network/endpoints/" + std::to_string(i);
      check_conditions(endpoint, at);
      check_text(endpoint.name, &endpoint.each, at + "/name");
      check_text(endpoint.protocol, &endpoint.each, at + "/protocol");
      if (const auto* port = std::get_if<Template>(&endpoint.port)) {
        check_text(*port, &endpoint.each, at + "/port");
      }
      const auto literal = literal_of(endpoint.name);
      if (literal && literal->empty()) {
        add(at + "/name", "validation_error", "the endpoint's name is empty");
      } else if (literal && !names.insert(*literal).second) {
        add(at + "/name", "duplicate_endpoint_name",
            "two endpoints have the name " + in_quotes(*literal));
      }
    }
  }

  void check_vm() {
    const auto number = [&](const auto& value, const char* key) {
      if (const auto* text = std::get_if<Template>(&value)) check_text(*text, nullptr, vm_ + key);
    };
    number(program_.vm->cpus, "/cpus");
    number(program_.vm->memory_mib, "/memory_mib");
    const auto text = [&](const std::optional<Template>& value, const char* key) {
      if (value) check_text(*value, nullptr, vm_ + "/cloud_init" + key);
    };
    text(program_.vm->user_data, "/user_data");
    text(program_.vm->vendor_data, "/vendor_data");
  }

  void check_mounts() {
    std::set<std::string> paths, names;
    for (std::size_t i = 0; i < program_.mounts.size(); ++i) {
      const Mount& mount = program_.mounts[i];
      const std::string at = vm_ + "/mounts/" + std::to_string(i);
      check_conditions(mount, at);
      check_text(mount.path, &mount.each, at + "/path");
      check_text(mount.from, &mount.each, at + "/from");
      if (mount.name) check_mount_name(mount, at, names);
      if (const auto path = literal_of(mount.path)) check_mount_path(*path, at + "/path", paths);
      if (mount.source) check_source(*mount.source, at + "/from");
    }
  }

  void check_mount_name(const Mount& mount, const std::string& at, std::set<std::string>& names) {
    check_text(*mount.name, &mount.each, at + "/name");
    const auto literal = literal_of(*mount.name);
    if (!literal) return;
    if (literal->find('.') != std::string::npos) {
      add(at + "/name", "invalid_name", in_quotes(*literal) + " is no name of a mount",
          "names hold no dot");
    } else if (!names.insert(*literal).second) {
      add(at + "/name", "duplicate_mount_name", "two mounts have the name " + in_quotes(*literal));
    }
  }

  void check_mount_path(const std::string& path, const std::string& at,
                        std::set<std::string>& paths) {
    if (!path.starts_with('/')) {
      add(at, "invalid_mount_path", "the path is not absolute");
    } else if ((path + '/').find("/../") != std::string::npos) {
      add(at, "invalid_mount_path", "the path holds \"..\"");
    } else if (!paths.insert(path).second) {
      add(at, "duplicate_mount_path", "something is mounted there already");
    }
  }

  void check_source(const MountSource& source, const std::string& at) {
    switch (source.kind) {
    case MountSource::Kind::config:
      return check_config(source.name, at, "invalid_mount_config_path");
    case MountSource::Kind::slot: return check_mounted_slot(source.name, at);
    case MountSource::Kind::framework: return check_framework(source.name, at);
    case MountSource::Kind::resource:
      if (!scope_.resources.contains(source.name)) {
        add(at, "unknown_mount_resource", "there is no resource " + in_quotes(source.name));
      }
    }
  }

  void check_mounted_slot(const std::string& name, const std::string& at) {
    const auto slot = scope_.slots.find(name);
    if (slot == scope_.slots.end()) {
      add(at, "unknown_mount_slot", "there is no slot " + in_quotes(name));
    } else if (slot->second.capability.kind != Kind::storage) {
      add(at, "mount_slot_requires_storage", "the slot " + in_quotes(name) + " is no storage",
          "its address is ${slots." + name.substr(0, 40) + ".url}");
    }
  }

  void check_framework(const std::string& name, const std::string& at) {
    const FrameworkCapability* known = framework_capability(name);
    if (known == nullptr) {
      add(at, "unknown_framework_capability", "the framework has no " + in_quotes(name),
          "known: " + framework_words());
    } else if (!known->feature) {
      add(at, "unsupported_mount_source", in_quotes(name) + " cannot be mounted");
    } else if (!scope_.features.contains(*known->feature)) {
      add(at, "framework_capability_requires_feature",
          "framework." + name + " needs the experimental feature " + in_quotes(name),
          "add it to experimental_features");
    }
  }

  void check_config(const std::string& path, const std::string& at, const char* code) {
    if (scope_.config_schema == nullptr) {
      return add(at, code, "the component has no config_schema", "declare the property there");
    }
    if (const auto why = scope_.config_schema->why_no_path(path)) add(at, code, *why);
  }

  // The slot and field of `when` and of strings.
  const Slot* check_slot(const std::string& text, const std::string& at) {
    const SlotQuery query = slot_query(text);
    const auto slot = scope_.slots.find(query.slot);
    if (slot == scope_.slots.end()) {
      add(at, "invalid_program", "there is no slot " + in_quotes(query.slot));
      return nullptr;
    }
    if (!query.field.empty() && query.field != "url") {
      add(at, "invalid_program", "a slot has no field " + in_quotes(query.field),
          "its only field is url");
      return nullptr;
    }
    return &slot->second;
  }

  template <class Conditional>
  void check_conditions(const Conditional& item, const std::string& at) {
    if (item.when) {
      if (item.when->source == PathRef::Source::slots) {
        check_slot(item.when->path, at + "/when");
      } else {
        check_config(item.when->path, at + "/when", "invalid_program");
      }
    }
    if (!item.each) return;
    if (item.each->source == PathRef::Source::config) {
      return check_config(item.each->path, at + "/each", "invalid_program");
    }
    const Slot* slot = check_slot(item.each->path, at + "/each");
    if (slot != nullptr && !slot->multiple) {
      add(at + "/each", "invalid_program",
          "the slot " + in_quotes(item.each->path) + " is not repeated",
          "declare it with multiple: true, or leave each out");
    }
  }

  // `each` is null where there cannot be one.
  void check_text(const Template& text, const std::optional<PathRef>* each, const std::string& at) {
    for (const TemplatePart& part : text.parts) {
      switch (part.kind) {
      case TemplatePart::Kind::literal: break;
      case TemplatePart::Kind::config:
      case TemplatePart::Kind::symbolic: check_config(part.text, at, "invalid_program"); break;
      case TemplatePart::Kind::slot: check_slot_text(part.text, at); break;
      case TemplatePart::Kind::item: check_item(part.text, each, at); break;
      }
    }
  }

  void check_slot_text(const std::string& text, const std::string& at) {
    if (text.empty()) return; // all of them
    const Slot* slot = check_slot(text, at);
    if (slot == nullptr) return;
    if (!is_url_shaped(slot->capability.kind)) {
      add(at, "invalid_program", "the slot " + in_quotes(slot_query(text).slot) + " has no address",
          "storage is mounted: mounts: [{path: \"/…\", from: \"slots.…\"}]");
    } else if (slot->multiple) {
      add(at, "invalid_program", "the slot " + in_quotes(slot_query(text).slot) + " is repeated",
          "write it with each and ${item.url}");
    }
  }

  void check_item(const std::string& text, const std::optional<PathRef>* each,
                  const std::string& at) {
    if (each == nullptr || !each->has_value()) {
      add(at, "invalid_program", "${item} has a meaning beside \"each\" only");
    } else if ((*each)->source == PathRef::Source::slots && !text.empty() && text != "url") {
      add(at, "invalid_program", "an item of a slot has no field " + in_quotes(text),
          "its only field is url");
    }
  }

  const Program& program_;
  const ProgramScope& scope_;
  std::string vm_;
  std::vector<ProgramFault> faults_;
};

} // namespace

std::vector<ProgramFault> check_program(const Program& program, const ProgramScope& scope) {
  return ProgramCheck(program, scope).run();
}

const FrameworkCapability* framework_capability(std::string_view name) noexcept {
  for (const FrameworkCapability& one : kFramework) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

std::string framework_words() {
  std::string out;
  for (const FrameworkCapability& one : kFramework) {
    out += (out.empty() ? "" : ", ") + std::string(one.name);
  }
  return out;
}

} // namespace sluice::overlay
