#include "overlay/compose/packed_program.hpp"

#include <utility>

namespace sluice::overlay {
namespace {

constexpr int kMaxTreeDepth = 200; // deeper than any config may be

Json parts_json(const std::vector<ConfigText>& parts) {
  Json out = Json::array();
  for (const ConfigText& part : parts)
    out.push_back(part.reference ? Json{{"config", part.text}} : Json(part.text));
  return out;
}

std::optional<std::vector<ConfigText>> parse_parts(const Json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<ConfigText> out;
  for (const Json& one : list) {
    const bool reference =
        one.is_object() && one.size() == 1 && one.contains("config") && one.front().is_string();
    if (!reference && !one.is_string()) return std::nullopt;
    out.push_back({reference, reference ? one.front().get<std::string>() : one.get<std::string>()});
  }
  return out;
}

std::optional<ConfigTree> parse_symbolic(const Json& of) {
  const bool known = of.is_object() && of.size() == 2 && of.contains("path") &&
                     of.contains("stands_for") && of["path"].is_string();
  auto parts = known ? parse_parts(of["stands_for"]) : std::nullopt;
  if (!parts) return std::nullopt;
  ConfigTree out;
  out.kind = ConfigTree::Kind::symbolic;
  out.path = of["path"].get<std::string>();
  out.parts = std::move(*parts);
  return out;
}

std::optional<ConfigTree> parse_node(const Json& value, int depth);

std::optional<ConfigTree> parse_nodes(const Json& of, bool object, int depth) {
  if (object ? !of.is_object() : !of.is_array()) return std::nullopt;
  ConfigTree out;
  out.kind = object ? ConfigTree::Kind::object : ConfigTree::Kind::list;
  for (const auto& [key, one] : of.items()) {
    auto inner = parse_node(one, depth + 1);
    if (!inner) return std::nullopt;
    if (object) {
      out.members.emplace(key, std::move(*inner));
    } else {
      out.items.push_back(std::move(*inner));
    }
  }
  return out;
}

std::optional<ConfigTree> parse_node(const Json& value, int depth) {
  if (!value.is_object() || value.size() != 1 || depth > kMaxTreeDepth) return std::nullopt;
  const std::string& kind = value.begin().key();
  const Json& of = value.front();
  if (kind == "value") return literal_config(of);
  if (kind == "object" || kind == "list") return parse_nodes(of, kind == "object", depth);
  if (kind == "config" && of.is_string()) return reference_config(of.get<std::string>());
  if (kind == "symbolic") return parse_symbolic(of);
  if (kind != "text") return std::nullopt;
  auto parts = parse_parts(of);
  if (!parts) return std::nullopt;
  ConfigTree out;
  out.kind = ConfigTree::Kind::text;
  out.parts = std::move(*parts);
  return out;
}

} // namespace

Json tree_json(const ConfigTree& tree) {
  Json inner;
  switch (tree.kind) {
  case ConfigTree::Kind::literal: return {{"value", tree.literal}};
  case ConfigTree::Kind::reference: return {{"config", tree.path}};
  case ConfigTree::Kind::text: return {{"text", parts_json(tree.parts)}};
  case ConfigTree::Kind::symbolic:
    return {{"symbolic", {{"path", tree.path}, {"stands_for", parts_json(tree.parts)}}}};
  case ConfigTree::Kind::object:
    inner = Json::object();
    for (const auto& [name, member] : tree.members) inner[name] = tree_json(member);
    return {{"object", std::move(inner)}};
  case ConfigTree::Kind::list:
    inner = Json::array();
    for (const ConfigTree& item : tree.items) inner.push_back(tree_json(item));
    return {{"list", std::move(inner)}};
  }
  return nullptr;
}

std::optional<ConfigTree> parse_tree(const Json& value) {
  return parse_node(value, 0);
}

} // namespace sluice::overlay
