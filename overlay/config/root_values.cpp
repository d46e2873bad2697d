#include "overlay/config/root_values.hpp"

#include "overlay/config/evaluate.hpp"
#include "policy/base/scalar.hpp"

#include <algorithm>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr int kMaxValueNesting = 64;

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::optional<Json> parsed_json(const std::string& text) {
  bool deep = false;
  const auto watch = [&deep](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kMaxValueNesting;
    return !deep;
  };
  Json out = Json::parse(text, watch, false);
  if (deep || out.is_discarded()) return std::nullopt;
  return out;
}

Json& place_at_path(Json& root, std::string_view path) {
  Json* here = &root;
  while (!path.empty()) {
    const auto dot = path.find('.');
    if (!here->is_object()) *here = Json::object();
    here = &(*here)[std::string(path.substr(0, dot))];
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return *here;
}

// Why the schema does not take it there; "" when it does.
std::string refusal(const ConfigSchema& schema, const std::string& path, const Json& value) {
  Json whole = Json::object();
  place_at_path(whole, path) = value;
  ValidateOptions how;
  how.ignore_required = true; // of what is around it
  const std::string here = path_pointer(path);
  for (const SchemaFault& one : schema.validate(whole, how)) {
    if (one.pointer == here || one.pointer.starts_with(here + '/')) return one.message;
  }
  return "";
}

void read_variable(const ConfigSchema& schema, const RootInput& input, const std::string& text,
                   RootValues& out) {
  const auto refuse = [&](std::string why) {
    out.faults.push_back({path_pointer(input.path), input.variable + ": " + std::move(why), ""});
  };
  if (!is_utf8(text)) return refuse("the value is not UTF-8");
  if (auto value = parsed_json(text); value && refusal(schema, input.path, *value).empty()) {
    place_at_path(out.values, input.path) = *std::move(value);
    return;
  }
  if (auto why = refusal(schema, input.path, text); !why.empty()) return refuse(std::move(why));
  place_at_path(out.values, input.path) = text;
}

void set_required(Json& object, const std::string& name) {
  Json& required = object["required"];
  if (!required.is_array()) required = Json::array();
  if (std::find(required.begin(), required.end(), name) == required.end()) required.push_back(name);
}

void add_path(const ConfigSchema& schema, const std::string& path, Json& out) {
  Json* here = &out;
  const bool required = schema.is_required(path);
  for (std::size_t begin = 0;;) {
    const auto dot = path.find('.', begin);
    const std::string name = path.substr(begin, dot == path.npos ? dot : dot - begin);
    if (required) set_required(*here, name);
    here = &(*here)["properties"][name];
    if (dot == path.npos) break;
    if (here->is_null()) *here = {{"type", "object"}};
    begin = dot + 1;
  }
  Json leaf = schema.subschema(path).value_or(Json::object());
  if (!leaf.is_object()) leaf = Json::object();
  if (schema.is_secret(path)) leaf["secret"] = true;
  *here = std::move(leaf);
}

} // namespace

std::string config_variable(std::string_view path) {
  std::string out(kConfigVariablePrefix);
  for (const char c : path) {
    if (c == '.') {
      out += "__";
    } else {
      out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return out;
}

std::optional<std::string> config_path(std::string_view variable) {
  if (!variable.starts_with(kConfigVariablePrefix)) return std::nullopt;
  variable.remove_prefix(kConfigVariablePrefix.size());
  std::string out;
  for (std::size_t i = 0; i < variable.size(); ++i) {
    const char c = variable[i];
    // No name begins with _, so of three the first belongs to the name before.
    const bool dot =
        c == '_' && i + 2 < variable.size() && variable[i + 1] == '_' && variable[i + 2] != '_';
    if (dot) ++i;
    out += dot ? '.' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  if (config_variable(out) != std::string(kConfigVariablePrefix) + std::string(variable)) {
    return std::nullopt;
  }
  for (std::string_view rest = out;;) {
    const auto dot = rest.find('.');
    if (!is_config_key(rest.substr(0, dot))) return std::nullopt;
    if (dot == rest.npos) return out;
    rest.remove_prefix(dot + 1);
  }
}

std::vector<RootInput> root_inputs(const ConfigSchema& schema) {
  std::vector<RootInput> out;
  for (SchemaLeaf& leaf : schema.leaves()) {
    std::string variable = config_variable(leaf.path);
    out.push_back(
        {std::move(leaf.path), std::move(variable), leaf.required, leaf.secret, leaf.has_default});
  }
  std::sort(out.begin(), out.end(),
            [](const RootInput& a, const RootInput& b) { return a.path < b.path; });
  return out;
}

RootValues read_root_values(const ConfigSchema* schema,
                            const std::map<std::string, std::string>& variables, const Json& file) {
  RootValues out;
  std::map<std::string, RootInput> known;
  if (schema != nullptr) {
    for (RootInput& one : root_inputs(*schema)) known.emplace(one.variable, std::move(one));
  }
  if (schema != nullptr && file.is_object()) out.values = file;
  for (const auto& [name, text] : variables) {
    if (!name.starts_with(kConfigVariablePrefix)) continue;
    const auto input = known.find(name);
    if (input == known.end()) {
      out.unknown.push_back(name);
    } else if (!text.empty()) {
      read_variable(*schema, input->second, text, out);
    }
  }
  if (schema == nullptr) return out;
  schema->fill_defaults(out.values);
  ValidateOptions how;
  how.ignore_required = true; // what is missing, missing_inputs says
  for (SchemaFault& one : schema->validate(out.values, how)) {
    out.faults.push_back({std::move(one.pointer), std::move(one.message), std::move(one.hint)});
  }
  return out;
}

std::vector<RootInput> inputs_of_paths(const ConfigSchema& schema,
                                       const std::set<std::string>& paths) {
  std::vector<RootInput> out = root_inputs(schema);
  std::erase_if(out, [&](const RootInput& input) {
    return std::none_of(paths.begin(), paths.end(), [&](const std::string& path) {
      return is_within_path(input.path, path) || is_within_path(path, input.path);
    });
  });
  return out;
}

std::vector<RootInput> missing_inputs(const ConfigSchema& schema, const Json& values,
                                      const std::set<std::string>& paths) {
  std::vector<RootInput> out = inputs_of_paths(schema, paths);
  std::erase_if(out, [&](const RootInput& input) {
    return !input.required || value_at_path(values, input.path) != nullptr;
  });
  return out;
}

std::string shown_inputs(const std::vector<RootInput>& inputs) {
  std::string out;
  for (const RootInput& one : inputs) {
    out += (out.empty() ? "config." : ", config.") + one.path + " (" + one.variable + ')';
  }
  return out;
}

std::optional<ConfigSchema> schema_of_paths(const ConfigSchema* schema,
                                            const std::set<std::string>& paths) {
  if (schema == nullptr) return std::nullopt;
  if (paths.contains("")) return *schema;
  Json out = {{"type", "object"}, {"properties", Json::object()}};
  for (const std::string& path : paths) {
    const bool in_another =
        std::any_of(paths.begin(), paths.end(), [&path](const std::string& other) {
          return other != path && is_within_path(path, other);
        });
    if (!in_another) add_path(*schema, path, out);
  }
  std::vector<SchemaFault> none;
  return ConfigSchema::parse(std::move(out), none);
}

} // namespace sluice::overlay
