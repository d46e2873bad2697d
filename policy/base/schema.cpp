#include "policy/base/schema.hpp"

#include "policy/base/bytes.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kDraft = "https://json-schema.org/draft/2020-12/schema";

std::unique_ptr<SchemaNode>& made(std::unique_ptr<SchemaNode>& node) {
  if (node == nullptr) node = std::make_unique<SchemaNode>();
  return node;
}

} // namespace

// ---- what was asked for
// --------------------------------------------------------------------------

SchemaNode* SchemaNode::key(const Node* map, std::string_view key) {
  visits_[map].asked.emplace(key);
  const auto there =
      std::find_if(keys_.begin(), keys_.end(), [&](const auto& one) { return one.first == key; });
  if (there != keys_.end()) return there->second.get();
  return keys_.emplace_back(std::string(key), std::make_unique<SchemaNode>()).second.get();
}

void SchemaNode::want(const Node* map, std::string_view key) {
  visits_[map].wanted.emplace(key);
}

void SchemaNode::refuse(const Node* map, std::string_view key) {
  visits_[map].refused.emplace(key);
}

void SchemaNode::close(const Node* map) {
  visits_[map].closed = true;
}

SchemaNode* SchemaNode::values() {
  return made(values_).get();
}

SchemaNode* SchemaNode::items(bool may_be_empty) {
  list_ = true;
  empty_list_ = empty_list_ || may_be_empty;
  return made(items_).get();
}

SchemaNode* SchemaNode::alone(bool may_be_empty) {
  alone_ = true;
  return items(may_be_empty);
}

void SchemaNode::add(std::string alternative) {
  if (std::find(scalars_.begin(), scalars_.end(), alternative) == scalars_.end())
    scalars_.push_back(std::move(alternative));
}

void SchemaNode::words(const std::string_view* words, std::size_t count) {
  Json all = Json::array();
  for (std::size_t i = 0; i < count; ++i) all.push_back(words[i]);
  add(Json{{"enum", std::move(all)}}.dump());
}

void SchemaNode::integer(std::int64_t min, std::int64_t max) {
  add(Json{{"type", "integer"}, {"minimum", min}, {"maximum", max}}.dump());
}

void SchemaNode::number(double min, double max) {
  Json out{{"type", "number"}};
  if (std::isfinite(min)) out["minimum"] = min;
  if (std::isfinite(max)) out["maximum"] = max;
  add(out.dump());
}

void SchemaNode::constant(std::int64_t value) {
  add(Json{{"const", value}}.dump());
}

void SchemaNode::boolean() {
  add(Json{{"type", "boolean"}}.dump());
}

void SchemaNode::string() {
  add(Json{{"type", "string"}, {"minLength", 1}}.dump());
}

void SchemaNode::text() {
  add(Json{{"type", {"string", "number", "boolean"}}}.dump());
}

void SchemaNode::scalar() {
  add(Json{{"type", {"string", "number", "boolean", "null"}}}.dump());
}

void SchemaNode::with_unit(const std::vector<std::string_view>& units) {
  std::string any;
  for (const std::string_view unit : units) any += (any.empty() ? "" : "|") + std::string(unit);
  add(Json{{"type", "string"}, {"pattern", "^[0-9]+(" + any + ")$"}}.dump());
}

void SchemaNode::size(std::uint64_t min, std::uint64_t max) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  Json out{{"type", "integer"}, {"minimum", min}};
  if (max <= kMost) out["maximum"] = max;
  add(out.dump());
}

// ---- the schema
// ----------------------------------------------------------------------------------

// In a map that refuses a key it may be asked for as well, for what is said about it.
bool SchemaNode::offers(std::string_view key) const {
  return std::any_of(visits_.begin(), visits_.end(), [&](const auto& one) {
    return one.second.asked.contains(key) && !one.second.refused.contains(key);
  });
}

struct SchemaNode::Writer {
  std::vector<std::string> untyped;

  // What every map at this place must have.
  static Json required(const SchemaNode& node) {
    Json out = Json::array();
    for (const auto& [key, value] : node.keys_) {
      const std::string& name = key;
      const bool always =
          std::all_of(node.visits_.begin(), node.visits_.end(), [&](const auto& one) {
            return !one.second.closed || one.second.wanted.contains(name);
          });
      if (always && node.offers(name)) out.push_back(name);
    }
    return out;
  }

  Json map(const SchemaNode& node, const std::string& pointer) {
    Json out{{"type", "object"}};
    Json properties = Json::object();
    for (const auto& [key, value] : node.keys_) {
      if (node.offers(key)) properties[key] = any(*value, pointer + '/' + pointer_token(key));
    }
    out["properties"] = std::move(properties);
    const bool closed = std::any_of(node.visits_.begin(), node.visits_.end(),
                                    [](const auto& one) { return one.second.closed; });
    if (!closed) return out;
    if (auto wanted = required(node); !wanted.empty()) out["required"] = std::move(wanted);
    out["additionalProperties"] = false;
    return out;
  }

  Json list(const SchemaNode& node, const std::string& pointer) {
    Json out{{"type", "array"}};
    if (!node.empty_list_) out["minItems"] = 1;
    out["items"] = any(*node.items_, pointer + "/*");
    return out;
  }

  void collect(const SchemaNode& node, const std::string& pointer, Json& out) {
    for (const std::string& one : node.scalars_) out.push_back(Json::parse(one));
    if (node.alone_) collect(*node.items_, pointer + "/*", out);
    if (node.list_) out.push_back(list(node, pointer));
    if (!node.visits_.empty()) out.push_back(map(node, pointer));
    if (node.values_ != nullptr) {
      Json free{{"type", "object"}};
      free["additionalProperties"] = any(*node.values_, pointer + "/*");
      out.push_back(std::move(free));
    }
  }

  Json any(const SchemaNode& node, const std::string& pointer) {
    Json all = Json::array();
    collect(node, pointer, all);
    if (all.empty()) {
      untyped.push_back(pointer);
      return Json::object();
    }
    if (all.size() == 1) return all.front();
    return Json{{"anyOf", std::move(all)}};
  }
};

Schema SchemaNode::schema(std::string_view id, std::string_view title) const {
  Writer writer;
  Json out{{"$schema", kDraft}, {"$id", id}, {"title", title}};
  out.update(writer.any(*this, ""));
  Schema schema;
  schema.text = out.dump(1) + '\n';
  schema.untyped = std::move(writer.untyped);
  std::sort(schema.untyped.begin(), schema.untyped.end());
  return schema;
}

} // namespace sluice
