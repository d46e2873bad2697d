#include "overlay/config/evaluate.hpp"

#include "overlay/config/root_values.hpp"
#include "policy/base/diagnostic.hpp"

#include <utility>

namespace sluice::overlay {
namespace {

class Evaluation {
 public:
  Evaluation(const Json& values, std::vector<ConfigFault>& faults) noexcept
      : values_(values), faults_(faults) {}

  // false: there is nothing, which is no fault yet.
  bool run(const ConfigTree& tree, const std::string& at, Json& out) {
    switch (tree.kind) {
    case ConfigTree::Kind::literal: out = tree.literal; return true;
    case ConfigTree::Kind::symbolic: out = symbolic_text(tree); return true;
    case ConfigTree::Kind::text: return text(tree, at, out);
    case ConfigTree::Kind::reference: {
      const Json* found = value_at_path(values_, tree.path);
      if (found == nullptr) return false;
      out = *found;
      return true;
    }
    case ConfigTree::Kind::object:
      out = Json::object();
      for (const auto& [name, member] : tree.members) {
        Json value;
        if (run(member, at + '/' + pointer_token(name), value)) out[name] = std::move(value);
      }
      return true;
    case ConfigTree::Kind::list: return list(tree, at, out);
    }
    return false;
  }

 private:
  void not_set(const std::string& path, const std::string& at) {
    faults_.push_back({at, "config." + path + " is not set", "set " + config_variable(path)});
  }

  bool list(const ConfigTree& tree, const std::string& at, Json& out) {
    out = Json::array();
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      const std::string here = at + '/' + std::to_string(i);
      if (!run(tree.items[i], here, out.emplace_back())) not_set(tree.items[i].path, here);
    }
    return true;
  }

  bool text(const ConfigTree& tree, const std::string& at, Json& out) {
    std::string whole;
    for (const ConfigText& part : tree.parts) {
      if (!part.reference) {
        whole += part.text;
        continue;
      }
      const Json* found = value_at_path(values_, part.text);
      if (found == nullptr) {
        not_set(part.text, at);
      } else if (found->is_structured()) {
        faults_.push_back({at, "config." + part.text + " is no scalar and stands in a string", ""});
      } else {
        whole += text_of(*found);
      }
    }
    out = std::move(whole);
    return true;
  }

  const Json& values_;
  std::vector<ConfigFault>& faults_;
};

} // namespace

const Json* value_at_path(const Json& value, std::string_view path) noexcept {
  const Json* here = &value;
  while (!path.empty()) {
    const auto dot = path.find('.');
    if (!here->is_object()) return nullptr;
    const auto found = here->find(path.substr(0, dot));
    if (found == here->end()) return nullptr;
    here = &*found;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return here;
}

std::optional<Json> evaluate_config(const ConfigTree& tree, const Json& root_values,
                                    std::vector<ConfigFault>& faults) {
  const std::size_t before = faults.size();
  Json out;
  if (!Evaluation(root_values, faults).run(tree, "", out)) out = Json::object();
  if (faults.size() > before) return std::nullopt;
  return out;
}

std::optional<Json> evaluate_config(const ConfigTree& tree, const Json& root_values,
                                    const ConfigSchema* schema, std::vector<ConfigFault>& faults) {
  auto out = evaluate_config(tree, root_values, faults);
  if (!out || schema == nullptr) return out;
  schema->fill_defaults(*out);
  auto wrong = schema->validate(*out);
  if (wrong.empty()) return out;
  for (SchemaFault& one : wrong) {
    faults.push_back({std::move(one.pointer), std::move(one.message), std::move(one.hint)});
  }
  return std::nullopt;
}

} // namespace sluice::overlay
