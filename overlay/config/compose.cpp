#include "overlay/config/compose.hpp"

#include "overlay/manifest/template.hpp"
#include "policy/base/diagnostic.hpp"

#include <algorithm>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr int kMaxConfigDepth = 200;

std::string shown_path(std::string_view path) {
  if (path.empty()) return "config";
  return "config." + std::string(path.substr(0, 60)) + (path.size() > 60 ? "…" : "");
}

// What stands at a path of a literal; null: nothing.
const Json* value_at(const Json& value, std::string_view path) {
  const Json* here = &value;
  while (!path.empty()) {
    const auto dot = path.find('.');
    if (!here->is_object()) return nullptr;
    const auto found = here->find(std::string(path.substr(0, dot)));
    if (found == here->end()) return nullptr;
    here = &*found;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return here;
}

// What stands at a path of a config. nullopt: why not is in `why`.
std::optional<ConfigTree> tree_at(const ConfigTree& tree, std::string_view path, std::string& why) {
  const ConfigTree* here = &tree;
  while (!path.empty()) {
    if (here->kind == ConfigTree::Kind::literal) {
      if (const Json* found = value_at(here->literal, path)) return literal_config(*found);
      break;
    }
    if (here->kind == ConfigTree::Kind::reference && here->path.empty()) {
      return reference_config(std::string(path));
    }
    if (here->kind != ConfigTree::Kind::object) {
      why = "lies in something that is known at run time only";
      return std::nullopt;
    }
    const auto dot = path.find('.');
    const auto found = here->members.find(std::string(path.substr(0, dot)));
    if (found == here->members.end()) break;
    here = &found->second;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  if (path.empty()) return *here;
  why = "has no value, and no default";
  return std::nullopt;
}

class Composer {
 public:
  Composer(const ConfigParent& parent, const ComposeOptions& how, ConfigBudget& budget,
           std::vector<ConfigFault>& faults) noexcept
      : parent_(parent), how_(how), budget_(budget), faults_(faults) {}

  ConfigTree compose(const Json& written, const std::string& at) {
    if (!spend(1, 0, at)) return {};
    if (written.is_string()) return string(written.get_ref<const std::string&>(), at);
    if (written.is_array()) return list(written, at);
    if (written.is_object()) return object(written, at);
    return literal_config(written);
  }

  bool spend(const ConfigTree& tree, const std::string& at, int depth = 0) {
    std::size_t bytes = tree.path.size();
    for (const ConfigText& part : tree.parts) bytes += part.text.size();
    if (!spend(1 + tree.parts.size(), bytes, at) || !spend(tree.literal, at, depth)) return false;
    return std::all_of(tree.members.begin(), tree.members.end(),
                       [&](const auto& one) { return spend(one.second, at, depth + 1); }) &&
           std::all_of(tree.items.begin(), tree.items.end(),
                       [&](const auto& one) { return spend(one, at, depth + 1); });
  }

 private:
  ConfigTree fault(const std::string& at, std::string message, std::string hint = {}) {
    constexpr std::size_t kMaxFaults = 100;
    if (faults_.size() < kMaxFaults) {
      faults_.push_back({at, std::move(message), std::move(hint)});
    }
    return {};
  }

  bool spend(std::size_t values, std::size_t bytes, const std::string& at) {
    if (values <= budget_.values && bytes <= budget_.bytes) {
      budget_.values -= values;
      budget_.bytes -= bytes;
      return true;
    }
    if (!std::exchange(told_, true)) {
      fault(at, "the configs of the scenario are too large or too deep",
            "do not copy whole configs");
    }
    budget_ = {0, 0};
    return false;
  }

  bool spend(const Json& value, const std::string& at, int depth) {
    const std::size_t bytes = value.is_string() ? value.get_ref<const std::string&>().size() : 0;
    // A config in a config in a config: who reads it goes down as deep.
    if (!spend(depth > kMaxConfigDepth ? budget_.values + 1 : 1, bytes, at)) return false;
    if (!value.is_structured()) return true;
    return std::all_of(value.begin(), value.end(),
                       [&](const Json& item) { return spend(item, at, depth + 1); });
  }

  ConfigTree list(const Json& written, const std::string& at) {
    ConfigTree out;
    for (std::size_t i = 0; i < written.size(); ++i) {
      out.items.push_back(compose(written[i], at + '/' + std::to_string(i)));
    }
    const bool known = std::all_of(out.items.begin(), out.items.end(),
                                   [](const ConfigTree& one) { return one.is_static(); });
    if (!known) {
      out.kind = ConfigTree::Kind::list;
      return out;
    }
    Json values = Json::array();
    for (ConfigTree& item : out.items) values.push_back(std::move(item.literal));
    return literal_config(std::move(values));
  }

  ConfigTree object(const Json& written, const std::string& at) {
    if (written.size() == 1 && written.begin().value().is_string()) {
      // The form in which Amber writes symbolic references down; it reads it, too.
      const auto& text = written.begin().value().get_ref<const std::string&>();
      if (written.begin().key() == "$symbolic_config") return symbolic(text, at);
      if (written.begin().key() == "$symbolic_string") {
        return fault(at, "$symbolic_string is not read", "write \"$${config.<path>}\"");
      }
    }
    ConfigTree out;
    for (const auto& [name, value] : written.items()) {
      out.members.emplace(name, compose(value, at + '/' + pointer_token(name)));
    }
    return settled(std::move(out));
  }

  // An object in which nothing is left open is a literal.
  static ConfigTree settled(ConfigTree tree) {
    const bool known = std::all_of(tree.members.begin(), tree.members.end(),
                                   [](const auto& one) { return one.second.is_static(); });
    if (!known) {
      tree.kind = ConfigTree::Kind::object;
      return tree;
    }
    Json values = Json::object();
    for (auto& [name, member] : tree.members) values[name] = std::move(member.literal);
    return literal_config(std::move(values));
  }

  ConfigTree string(const std::string& written, const std::string& at) {
    TemplateFault why;
    const auto parts = parse_config_string(written, why);
    if (!parts) return fault(at, why.message, why.hint);
    for (const TemplatePart& part : parts->parts) {
      if (part.kind == TemplatePart::Kind::slot || part.kind == TemplatePart::Kind::item) {
        return fault(at, "a config names nothing but config", "write ${config.<path>}");
      }
    }
    if (parts->is_literal()) {
      if (!spend(0, written.size(), at)) return {};
      return literal_config(written);
    }
    const TemplatePart& first = parts->parts.front();
    if (parts->parts.size() > 1) return text(*parts, at);
    if (first.kind == TemplatePart::Kind::symbolic) return symbolic(first.text, at);
    return found(first.text, at).value_or(ConfigTree());
  }

  // What ${config.path} means here.
  std::optional<ConfigTree> found(const std::string& path, const std::string& at) {
    const auto refuse = [&](std::string message, std::string hint = {}) {
      fault(at, std::move(message), std::move(hint));
      return std::nullopt;
    };
    const auto why_not =
        parent_.schema == nullptr ? std::nullopt : parent_.schema->why_no_path(path);
    if (parent_.schema == nullptr || why_not) {
      const bool root = how_.root_paths != nullptr && how_.root_paths->contains(path);
      if (root) return reference_config(path);
      if (why_not) return refuse(shown_path(path) + ": " + *why_not);
      return refuse(shown_path(path) + ": the component around it has no config_schema",
                    "declare the property there");
    }
    std::string why;
    auto out = tree_at(*parent_.tree, path, why);
    if (!out) return refuse(shown_path(path) + ' ' + why);
    if (!spend(*out, at)) return std::nullopt;
    return out;
  }

  ConfigTree symbolic(const std::string& path, const std::string& at) {
    auto target = found(path, at);
    if (!target) return {};
    ConfigTree out;
    out.kind = ConfigTree::Kind::symbolic;
    out.path = path;
    switch (target->kind) {
    case ConfigTree::Kind::symbolic: return *std::move(target);
    case ConfigTree::Kind::reference: out.parts.push_back({true, target->path}); return out;
    case ConfigTree::Kind::text: out.parts = std::move(target->parts); return out;
    case ConfigTree::Kind::literal:
      if (parent_.schema->holds_secret(path)) return out;
      return literal_config(text_of(target->literal));
    case ConfigTree::Kind::object:
    case ConfigTree::Kind::list: break;
    }
    return fault(at, shown_path(path) + " is known in part only, which no reference can say",
                 "refer to its properties one by one");
  }

  ConfigTree text(const Template& parts, const std::string& at) {
    std::vector<ConfigText> out;
    for (const TemplatePart& part : parts.parts) {
      if (part.kind == TemplatePart::Kind::literal) {
        append(out, {false, part.text});
        continue;
      }
      auto target = found(part.text, at);
      if (!target) return {};
      switch (target->kind) {
      case ConfigTree::Kind::literal: append(out, {false, text_of(target->literal)}); break;
      case ConfigTree::Kind::reference: append(out, {true, target->path}); break;
      case ConfigTree::Kind::text:
        for (ConfigText& piece : target->parts) append(out, std::move(piece));
        break;
      case ConfigTree::Kind::symbolic:
      case ConfigTree::Kind::object:
      case ConfigTree::Kind::list:
        return fault(at, shown_path(part.text) + " cannot be a part of a longer string");
      }
    }
    return of_pieces(std::move(out));
  }

  static void append(std::vector<ConfigText>& out, ConfigText piece) {
    if (!piece.reference && piece.text.empty()) return;
    if (!piece.reference && !out.empty() && !out.back().reference) {
      out.back().text += piece.text;
    } else {
      out.push_back(std::move(piece));
    }
  }

  static ConfigTree of_pieces(std::vector<ConfigText> pieces) {
    if (pieces.empty()) return literal_config("");
    if (pieces.size() == 1 && !pieces[0].reference) return literal_config(pieces[0].text);
    ConfigTree out;
    out.kind = ConfigTree::Kind::text;
    out.parts = std::move(pieces);
    return out;
  }

  const ConfigParent& parent_;
  const ComposeOptions& how_;
  ConfigBudget& budget_;
  std::vector<ConfigFault>& faults_;
  bool told_ = false;
};

void add_defaults(ConfigTree& tree, Json& filled) {
  if (tree.is_static()) {
    tree.literal = std::move(filled);
    return;
  }
  if (tree.kind != ConfigTree::Kind::object) return; // nothing is filled in inside of lists
  for (auto& [name, value] : filled.items()) {
    const auto member = tree.members.find(name);
    if (member == tree.members.end()) {
      tree.members.emplace(name, literal_config(std::move(value)));
    } else {
      add_defaults(member->second, value);
    }
  }
}

void apply_schema(ConfigTree& tree, const ConfigSchema& schema, std::vector<ConfigFault>& faults) {
  std::set<std::string> unknown;
  Json value = known_part(tree, unknown);
  schema.fill_defaults(value);
  ValidateOptions how;
  how.unknown = &unknown;
  for (SchemaFault& one : schema.validate(value, how)) {
    faults.push_back({std::move(one.pointer), std::move(one.message), std::move(one.hint)});
  }
  add_defaults(tree, value);
}

} // namespace

ConfigTree root_config(const ConfigSchema* schema) {
  return schema == nullptr ? literal_config(Json::object()) : reference_config("");
}

std::optional<ConfigTree> compose_config(const Json* written, const ConfigParent& parent,
                                         const ConfigSchema* schema, ConfigBudget& budget,
                                         std::vector<ConfigFault>& faults,
                                         const ComposeOptions& how) {
  const std::size_t before = faults.size();
  ConfigTree out = literal_config(Json::object());
  Composer composer(parent, how, budget, faults);
  if (written != nullptr) {
    if (how.object_only && !written->is_object()) {
      faults.push_back({"", "a config is an object here", ""});
      return std::nullopt;
    }
    out = composer.compose(*written, "");
  }
  if (schema != nullptr && faults.size() == before) {
    apply_schema(out, *schema, faults);
    composer.spend(out, ""); // defaults count, too
  }
  if (faults.size() > before) return std::nullopt;
  return out;
}

} // namespace sluice::overlay
