// A complete document, changed in one place at a time: what the schema and the loader say to each.
#pragma once

#include "tests/support/schema_check.hpp"

#include <functional>
#include <string>
#include <vector>

namespace sluice::testing {

inline std::string json_of(const Node& node) {
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text)
      out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out + '"';
  };
  std::string out;
  if (node.is_list()) {
    for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + json_of(item);
    return '[' + out + ']';
  }
  if (node.is_map()) {
    for (const Member& member : node.members)
      out += (out.empty() ? "" : ", ") + quoted(member.key) + ": " + json_of(member.value);
    return '{' + out + '}';
  }
  if (node.kind == Node::Kind::null) return "null";
  return node.kind == Node::Kind::string ? quoted(node.text) : node.text;
}

class SchemaMutations {
 public:
  using Loads = std::function<bool(const std::string& text)>;

  SchemaMutations(const Schema& schema, Node complete, Loads loads)
      : check_(schema), loads_(std::move(loads)), root_(std::move(complete)) {}

  // Each says what is wrong, or nothing. `tried` counts them.
  std::vector<std::string> run() {
    if (!loads_(json_of(root_))) wrong_.emplace_back("the loader refuses it unchanged");
    visit(root_, "");
    return std::move(wrong_);
  }
  std::size_t tried() const { return tried_; }

 private:
  static Node value(const std::string& json) { return read_json(json).value(); }

  // `both`: neither takes it. Otherwise the schema may take what the loader does not.
  void expect(const std::string& what, bool both) {
    ++tried_;
    const bool fits = check_.fault(root_).empty();
    if (fits && !both) return;
    if (fits) wrong_.push_back("the schema takes " + what);
    if (loads_(json_of(root_))) wrong_.push_back("the loader takes " + what);
  }

  void replace(Node& node, const std::string& json, const std::string& pointer, bool both) {
    Node kept = value(json);
    std::swap(node, kept);
    expect(json + " at " + pointer, both);
    std::swap(node, kept);
  }

  void visit(Node& node, const std::string& pointer) {
    // Of no place is this right.
    for (const char* json : {R"({"zzz": null})", "[[null]]"}) replace(node, json, pointer, true);
    for (const char* json : {"true", "7", R"("zzz")", R"("")", "null", "[]", "{}"})
      replace(node, json, pointer, false);
    for (std::size_t i = 0; i < node.items.size(); ++i)
      visit(node.items[i], pointer + '/' + std::to_string(i));
    for (Member& member : node.members)
      visit(member.value, pointer + '/' + pointer_token(member.key));
    if (!node.is_map()) return;
    const auto kept = node.members;
    node.members.push_back({"zzz", 1, 1, value(R"({"zzz": null})")});
    expect("an unknown key in " + pointer, true);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      node.members = kept;
      node.members.erase(node.members.begin() + static_cast<std::ptrdiff_t>(i));
      expect(pointer + " without " + kept[i].key, false);
    }
    node.members = kept;
  }

  SchemaCheck check_;
  Loads loads_;
  Node root_;
  std::vector<std::string> wrong_;
  std::size_t tried_ = 0;
};

} // namespace sluice::testing
