#include "overlay/manifest/config_schema.hpp"
#include "overlay/manifest/config_schema_body.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/diagnostic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

constexpr std::int64_t kPatternMemory = 1 << 20; // RE2 slows down at it, never lies
constexpr std::size_t kMaxPattern = 1'024;

enum class Shape : std::uint8_t {
  any,
  boolean,
  text,
  number,
  positive,
  count,
  list,
  names,
  types,
  pattern,
  reference,
  dialect,
  schema,
  schemas,
  named_schemas,
};

struct Keyword {
  std::string_view name;
  Shape shape;
};

constexpr std::array kKeywords = {
    Keyword{"type", Shape::types},
    Keyword{"enum", Shape::list},
    Keyword{"const", Shape::any},
    Keyword{"properties", Shape::named_schemas},
    Keyword{"required", Shape::names},
    Keyword{"additionalProperties", Shape::boolean},
    Keyword{"items", Shape::schema},
    Keyword{"prefixItems", Shape::schemas},
    Keyword{"contains", Shape::schema},
    Keyword{"minContains", Shape::count},
    Keyword{"maxContains", Shape::count},
    Keyword{"minItems", Shape::count},
    Keyword{"maxItems", Shape::count},
    Keyword{"uniqueItems", Shape::boolean},
    Keyword{"minLength", Shape::count},
    Keyword{"maxLength", Shape::count},
    Keyword{"pattern", Shape::pattern},
    Keyword{"minimum", Shape::number},
    Keyword{"maximum", Shape::number},
    Keyword{"exclusiveMinimum", Shape::number},
    Keyword{"exclusiveMaximum", Shape::number},
    Keyword{"multipleOf", Shape::positive},
    Keyword{"minProperties", Shape::count},
    Keyword{"maxProperties", Shape::count},
    Keyword{"allOf", Shape::schemas},
    Keyword{"$ref", Shape::reference},
    Keyword{"$schema", Shape::dialect},
    Keyword{"$id", Shape::text},
    Keyword{"$anchor", Shape::text},
    Keyword{"$defs", Shape::named_schemas},
    Keyword{"definitions", Shape::named_schemas},
    Keyword{"$comment", Shape::text},
    Keyword{"title", Shape::text},
    Keyword{"description", Shape::text},
    Keyword{"default", Shape::any},
    Keyword{"examples", Shape::list},
    Keyword{"deprecated", Shape::boolean},
    Keyword{"readOnly", Shape::boolean},
    Keyword{"writeOnly", Shape::boolean},
    Keyword{"format", Shape::text},
    Keyword{"contentEncoding", Shape::text},
    Keyword{"contentMediaType", Shape::text},
    Keyword{"secret", Shape::boolean},
};

// Known to JSON Schema, and outside the profile.
constexpr std::array<std::string_view, 20> kUnsupported = {"anyOf",
                                                           "oneOf",
                                                           "not",
                                                           "if",
                                                           "then",
                                                           "else",
                                                           "patternProperties",
                                                           "propertyNames",
                                                           "dependentSchemas",
                                                           "dependentRequired",
                                                           "dependencies",
                                                           "unevaluatedProperties",
                                                           "unevaluatedItems",
                                                           "additionalItems",
                                                           "$dynamicRef",
                                                           "$dynamicAnchor",
                                                           "$recursiveRef",
                                                           "$recursiveAnchor",
                                                           "$vocabulary",
                                                           "contentSchema"};

constexpr std::array<std::string_view, 7> kTypes = {"null",   "boolean", "object", "array",
                                                    "number", "string",  "integer"};

bool is_known_type(const Json& value) {
  return value.is_string() && std::find(kTypes.begin(), kTypes.end(),
                                        value.get_ref<const std::string&>()) != kTypes.end();
}

bool is_count(const Json& value) {
  if (!value.is_number() || value.get<double>() < 0) return false;
  return value.is_number_integer() || std::trunc(value.get<double>()) == value.get<double>();
}

std::string quoted_key(std::string_view key) {
  return '"' + std::string(key.substr(0, 40)) + (key.size() > 40 ? "…\"" : "\"");
}

std::string key_hint(const std::string& key) {
  const std::string lower = ascii_lower(key);
  if (lower != key && is_config_key(lower)) return "write \"" + lower + '"';
  return "a-z, 0-9 and single _, beginning with a letter";
}

class SchemaCheck {
 public:
  SchemaCheck(ConfigSchema::Body& body, std::vector<SchemaFault>& faults) noexcept
      : body_(body), faults_(faults) {}

  bool run() {
    const std::size_t before = faults_.size();
    if (!names_type(body_.json, "object")) {
      add(body_.json.is_object() && body_.json.contains("type") ? "/type" : "",
          "the config's schema must be of type object", "write type: \"object\"");
    }
    walk(body_.json, "");
    if (faults_.size() == before) check_references();
    if (faults_.size() == before) check_circles();
    return faults_.size() == before;
  }

 private:
  struct Reference {
    const Json* from;
    std::string pointer;
  };

  void add(std::string pointer, std::string message, std::string hint = {}) {
    if (faults_.size() < kMaxSchemaFaults) {
      faults_.push_back({std::move(pointer), std::move(message), std::move(hint)});
    }
  }

  void walk(const Json& schema, const std::string& pointer) {
    nodes_.insert(&schema);
    if (nodes_.size() > kMaxSchemaNodes) {
      if (nodes_.size() == kMaxSchemaNodes + 1) add(pointer, "the schema is too large");
      return;
    }
    if (schema.is_boolean()) return;
    const auto depth = std::count(pointer.begin(), pointer.end(), '/');
    if (depth > kMaxDocumentDepth) return add(pointer, "the schema is nested too deeply");
    if (!schema.is_object()) return add(pointer, "a schema is an object, true or false");
    for (const auto& [name, value] : schema.items()) {
      check_keyword(schema, name, value, pointer);
    }
    for (const char* name : {"properties", "required"}) {
      if (!schema.contains(name) || names_type(schema, "object")) continue;
      add(schema.contains("type") ? pointer + "/type" : pointer,
          std::string("a schema with ") + name + " must be of type object",
          "write type: \"object\"");
    }
  }

  void check_keyword(const Json& schema, const std::string& name, const Json& value,
                     const std::string& pointer) {
    const std::string at = pointer + '/' + pointer_token(name);
    if (name.starts_with("x-")) return;
    const auto* known = std::find_if(kKeywords.begin(), kKeywords.end(),
                                     [&](const Keyword& one) { return one.name == name; });
    if (known != kKeywords.end()) {
      if (name == "$id" && &schema != &body_.json) {
        return add(at, "$id may stand at the root only");
      }
      return check_shape(schema, known->shape, value, at);
    }
    if (std::find(kUnsupported.begin(), kUnsupported.end(), name) != kUnsupported.end()) {
      return add(at, "the keyword " + quoted_key(name) + " is not supported in a config_schema");
    }
    add(at, "unknown keyword " + quoted_key(name), nearest_keyword(name));
  }

  static std::string nearest_keyword(std::string_view name) {
    std::array<std::string_view, kKeywords.size()> words;
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = kKeywords[i].name;
    const auto near = name.size() > 40 ? "" : nearest_word(name, words.data(), words.size());
    return near.empty() ? "keys of your own begin with x-"
                        : "did you mean \"" + std::string(near) + "\"?";
  }

  void check_shape(const Json& schema, Shape shape, const Json& value, const std::string& at) {
    const auto want = [&](bool holds, const char* what) {
      if (!holds) add(at, std::string("expected ") + what);
      return holds;
    };
    switch (shape) {
    case Shape::any: return;
    case Shape::boolean: want(value.is_boolean(), "true or false"); return;
    case Shape::text: want(value.is_string(), "a string"); return;
    case Shape::number: want(value.is_number(), "a number"); return;
    case Shape::positive:
      want(value.is_number() && value.get<double>() > 0, "a number above 0");
      return;
    case Shape::count: want(is_count(value), "an integer from 0"); return;
    case Shape::list: want(value.is_array(), "a list"); return;
    case Shape::names: check_names(value, at); return;
    case Shape::types: check_types(value, at); return;
    case Shape::pattern: check_pattern(value, at); return;
    case Shape::dialect: check_dialect(value, at); return;
    case Shape::reference:
      if (want(value.is_string(), "a string")) references_.push_back({&schema, at});
      return;
    case Shape::schema: walk(value, at); return;
    case Shape::schemas:
      if (!want(value.is_array(), "a list of schemas")) return;
      for (std::size_t i = 0; i < value.size(); ++i) walk(value[i], at + '/' + std::to_string(i));
      return;
    case Shape::named_schemas:
      if (!want(value.is_object(), "an object of schemas")) return;
      check_named(value, at);
    }
  }

  void check_named(const Json& schemas, const std::string& at) {
    const bool properties = at.ends_with("/properties");
    for (const auto& [name, value] : schemas.items()) {
      const std::string here = at + '/' + pointer_token(name);
      if (properties && !is_config_key(name)) {
        add(here, quoted_key(name) + " is no name of a config property", key_hint(name));
      }
      walk(value, here);
    }
  }

  void check_names(const Json& value, const std::string& at) {
    if (!value.is_array()) return add(at, "expected a list of names");
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string here = at + '/' + std::to_string(i);
      if (!value[i].is_string()) {
        add(here, "expected a string");
      } else if (const auto& name = value[i].get_ref<const std::string&>(); !is_config_key(name)) {
        add(here, quoted_key(name) + " is no name of a config property", key_hint(name));
      }
    }
  }

  void check_types(const Json& value, const std::string& at) {
    const bool list = value.is_array() && !value.empty() &&
                      std::all_of(value.begin(), value.end(), is_known_type);
    if (is_known_type(value) || list) return;
    add(at, "expected one or several of the types of JSON", join_types());
  }

  static std::string join_types() {
    std::string out = "known:";
    for (const std::string_view type : kTypes) out += ' ' + std::string(type);
    return out;
  }

  void check_pattern(const Json& value, const std::string& at) {
    if (!value.is_string()) return add(at, "expected a string");
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > kMaxPattern) return add(at, "the pattern is longer than 1024 bytes");
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternMemory);
    auto compiled = std::make_unique<const re2::RE2>(text, options);
    if (!compiled->ok()) {
      return add(at, "the pattern is not read",
                 "it is RE2: no look-around, no back references, \\x{HHHH} for a character");
    }
    body_.patterns.emplace(text, std::move(compiled));
  }

  void check_dialect(const Json& value, const std::string& at) {
    if (!value.is_string()) return add(at, "expected a string");
    std::string_view text = value.get_ref<const std::string&>();
    if (text.ends_with('#')) text.remove_suffix(1);
    if (text == "https://json-schema.org/draft/2020-12/schema" ||
        text == "http://json-schema.org/draft/2020-12/schema") {
      return;
    }
    add(at, "the config's schema is JSON Schema 2020-12", "leave $schema out");
  }

  void check_references() {
    for (const Reference& one : references_) {
      const auto& text = (*one.from)["$ref"].get_ref<const std::string&>();
      if (text != "#" && !text.starts_with("#/")) {
        add(one.pointer, "$ref must stay inside this schema", "write # or #/$defs/<name>");
      } else if (const Json* target = schema_ref(body_.json, text);
                 target == nullptr || !nodes_.contains(target)) {
        add(one.pointer, "$ref names no schema", "define it under $defs");
      }
    }
  }

  // $ref and allOf judge the same value again: a circle of them would never end.
  void check_circles() {
    for (const Reference& one : references_) {
      if (leads_back(one.from)) return add(one.pointer, "$ref goes in a circle");
    }
  }

  bool leads_back(const Json* start) {
    std::vector<const Json*> todo = {start};
    std::set<const Json*> seen;
    while (!todo.empty()) {
      const Json* here = todo.back();
      todo.pop_back();
      const auto visit = [&](const Json* next) {
        if (seen.insert(next).second) todo.push_back(next);
      };
      if (const Json* reference = keyword(*here, "$ref")) {
        visit(schema_ref(body_.json, reference->get<std::string>()));
      }
      if (const Json* all = keyword(*here, "allOf")) {
        for (const Json& one : *all) visit(&one);
      }
      if (seen.contains(start)) return true;
      if (++steps_ > kMaxSteps) return true; // larger than any schema that people write
    }
    return false;
  }

  static constexpr std::size_t kMaxSteps = 1'000'000;
  ConfigSchema::Body& body_;
  std::vector<SchemaFault>& faults_;
  std::set<const Json*> nodes_;
  std::vector<Reference> references_;
  std::size_t steps_ = 0;
};

} // namespace

std::optional<ConfigSchema> ConfigSchema::parse(Json schema, std::vector<SchemaFault>& faults) {
  auto body = std::make_shared<Body>();
  body->json = std::move(schema);
  SchemaCheck check(*body, faults);
  if (!check.run()) return std::nullopt;
  return ConfigSchema(std::move(body));
}

} // namespace sluice::overlay
