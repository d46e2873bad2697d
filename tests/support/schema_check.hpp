// Holds a document against a JSON Schema: the words that SchemaNode writes, and an exception for
// any other. tests/e2e/test_schema.py asks somebody else's validator.
#pragma once

#include "policy/base/bytes.hpp"
#include "policy/base/json.hpp"
#include "policy/base/schema.hpp"

#include <algorithm>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>

namespace sluice::testing {

class SchemaCheck {
 public:
  explicit SchemaCheck(const Schema& schema) : root_(read_json(schema.text).value()) {}

  // The pointer of what does not fit, "" when all does; of the map, where a key is missing.
  std::string fault(const Node& document) const { return at(root_, document, "/"); }

 private:
  static bool is_type(std::string_view type, const Node& value) {
    using Kind = Node::Kind;
    switch (value.kind) {
    case Kind::null: return type == "null";
    case Kind::boolean: return type == "boolean";
    case Kind::integer: return type == "integer" || type == "number";
    case Kind::real: return type == "number";
    case Kind::string: return type == "string";
    case Kind::list: return type == "array";
    case Kind::map: return type == "object";
    }
    return false;
  }

  static bool same(const Node& a, const Node& b) {
    return a.kind == b.kind && a.text == b.text && a.integer == b.integer;
  }

  static bool searched(const std::string& text, const std::string& pattern) {
    static std::map<std::string, std::regex> compiled;
    const auto there = compiled.try_emplace(pattern, pattern).first;
    return std::regex_search(text, there->second);
  }

  static double number(const Node& node) {
    return node.kind == Node::Kind::integer ? static_cast<double>(node.integer) : node.real;
  }

  static bool fits(const std::string& word, const Node& want, const Node& value) {
    const bool is_number = is_type("number", value), is_string = is_type("string", value);
    if (word == "type" && !want.is_list()) return is_type(want.text, value);
    if (word == "type" || word == "enum")
      return std::any_of(want.items.begin(), want.items.end(), [&](const Node& one) {
        return word == "type" ? is_type(one.text, value) : same(one, value);
      });
    if (word == "const") return same(want, value);
    if (word == "minimum") return !is_number || number(value) >= number(want);
    if (word == "maximum") return !is_number || number(value) <= number(want);
    if (word == "minLength") return !is_string || !value.text.empty();
    if (word == "minItems") return !value.is_list() || !value.items.empty();
    if (word == "pattern") return !is_string || searched(value.text, want.text);
    if (word == "required")
      return !value.is_map() ||
             std::all_of(want.items.begin(), want.items.end(),
                         [&](const Node& key) { return value.find(key.text) != nullptr; });
    throw std::runtime_error("what is " + word + " in a schema?");
  }

  static std::string members(const Node& schema, const Node& value, const std::string& pointer) {
    const Node* properties = schema.find("properties");
    const Node* rest = schema.find("additionalProperties");
    for (const Member& member : value.members) {
      const auto here = pointer + (pointer == "/" ? "" : "/") + pointer_token(member.key);
      const Node* known = properties == nullptr ? nullptr : properties->find(member.key);
      if (known == nullptr && rest != nullptr && rest->kind == Node::Kind::boolean) return here;
      if (known == nullptr) known = rest;
      if (known == nullptr) continue;
      if (auto wrong = at(*known, member.value, here); !wrong.empty()) return wrong;
    }
    return "";
  }

  static std::string any(const Node& schemas, const Node& value, const std::string& pointer) {
    std::string deepest = pointer;
    for (const Node& one : schemas.items) {
      const auto wrong = at(one, value, pointer);
      if (wrong.empty()) return "";
      if (wrong.size() > deepest.size()) deepest = wrong;
    }
    return deepest;
  }

  static std::string at(const Node& schema, const Node& value, const std::string& pointer) {
    static const std::string known = " $schema $id title description properties "
                                     "additionalProperties items anyOf ";
    for (const Member& word : schema.members) {
      if (known.find(' ' + word.key + ' ') != std::string::npos) continue;
      if (!fits(word.key, word.value, value)) return pointer;
    }
    if (const Node* schemas = schema.find("anyOf"); schemas != nullptr)
      if (auto wrong = any(*schemas, value, pointer); !wrong.empty()) return wrong;
    if (const Node* each = schema.find("items"); each != nullptr)
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        const auto here = pointer + (pointer == "/" ? "" : "/") + std::to_string(i);
        if (auto wrong = at(*each, value.items[i], here); !wrong.empty()) return wrong;
      }
    return value.is_map() ? members(schema, value, pointer) : "";
  }

  Node root_;
};

} // namespace sluice::testing
