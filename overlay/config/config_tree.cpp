#include "overlay/config/config_tree.hpp"

#include "policy/base/diagnostic.hpp"

#include <utility>

namespace sluice::overlay {
namespace {

std::string interpolation(std::string_view path) {
  return path.empty() ? "${config}" : "${config." + std::string(path) + '}';
}

void collect_unknown(const ConfigTree& tree, const std::string& at, Json& out,
                     std::set<std::string>& unknown) {
  switch (tree.kind) {
  case ConfigTree::Kind::literal: out = tree.literal; return;
  case ConfigTree::Kind::symbolic: out = symbolic_text(tree); return;
  case ConfigTree::Kind::reference:
  case ConfigTree::Kind::text: unknown.insert(at); return;
  case ConfigTree::Kind::object:
    out = Json::object();
    for (const auto& [name, member] : tree.members) {
      collect_unknown(member, at + '/' + pointer_token(name), out[name], unknown);
    }
    return;
  case ConfigTree::Kind::list:
    out = Json::array();
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      collect_unknown(tree.items[i], at + '/' + std::to_string(i), out.emplace_back(), unknown);
    }
    return;
  }
}

// Every tree in it, itself first.
template <class Visit> void visit_trees(const ConfigTree& tree, const Visit& visit) {
  visit(tree);
  for (const auto& [name, member] : tree.members) visit_trees(member, visit);
  for (const ConfigTree& item : tree.items) visit_trees(item, visit);
}

} // namespace

ConfigTree literal_config(Json value) {
  ConfigTree out;
  out.literal = std::move(value);
  return out;
}

ConfigTree reference_config(std::string root_path) {
  ConfigTree out;
  out.kind = ConfigTree::Kind::reference;
  out.path = std::move(root_path);
  return out;
}

std::string symbolic_text(const ConfigTree& symbolic) {
  return "${config." + symbolic.path + '}';
}

Json shown_config(const ConfigTree& tree) {
  switch (tree.kind) {
  case ConfigTree::Kind::literal: return tree.literal;
  case ConfigTree::Kind::reference: return interpolation(tree.path);
  case ConfigTree::Kind::symbolic: return {{"$symbolic_config", tree.path}};
  case ConfigTree::Kind::text: {
    std::string out;
    for (const ConfigText& part : tree.parts) {
      out += part.reference ? interpolation(part.text) : part.text;
    }
    return out;
  }
  case ConfigTree::Kind::object: {
    Json out = Json::object();
    for (const auto& [name, member] : tree.members) out[name] = shown_config(member);
    return out;
  }
  case ConfigTree::Kind::list: {
    Json out = Json::array();
    for (const ConfigTree& item : tree.items) out.push_back(shown_config(item));
    return out;
  }
  }
  return nullptr;
}

void collect_runtime_paths(const ConfigTree& tree, std::set<std::string>& out) {
  visit_trees(tree, [&out](const ConfigTree& one) {
    if (one.kind == ConfigTree::Kind::reference) out.insert(one.path);
    if (one.kind != ConfigTree::Kind::text) return;
    for (const ConfigText& part : one.parts) {
      if (part.reference) out.insert(part.text);
    }
  });
}

void collect_symbolic_paths(const ConfigTree& tree, std::set<std::string>& out) {
  visit_trees(tree, [&out](const ConfigTree& one) {
    if (one.kind != ConfigTree::Kind::symbolic) return;
    for (const ConfigText& part : one.parts) {
      if (part.reference) out.insert(part.text);
    }
  });
}

Json known_part(const ConfigTree& tree, std::set<std::string>& unknown) {
  Json out;
  collect_unknown(tree, "", out, unknown);
  return out;
}

bool is_within_path(std::string_view path, std::string_view of) noexcept {
  if (of.empty() || path == of) return true;
  return path.starts_with(of) && path[of.size()] == '.';
}

std::string path_pointer(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const auto dot = path.find('.');
    out += '/' + pointer_token(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return out;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : canonical_json(value);
}

} // namespace sluice::overlay
