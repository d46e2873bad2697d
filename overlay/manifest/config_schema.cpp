#include "overlay/manifest/config_schema.hpp"

#include "overlay/manifest/config_schema_body.hpp"
#include "policy/base/bytes.hpp"

#include <algorithm>
#include <map>

namespace sluice::overlay {
namespace {

constexpr std::size_t kMaxInlinedDepth = 200;
constexpr std::size_t kMaxInlined =
    20'000; // values of a sub-schema with its references written out

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const auto dot = path.find('.');
    out.emplace_back(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return out;
}

bool is_marked_secret(const SchemaNodes& applied) {
  return std::any_of(applied.begin(), applied.end(), [](const Json* schema) {
    const Json* secret = keyword(*schema, "secret");
    return secret != nullptr && secret->is_boolean() && secret->get<bool>();
  });
}

bool requires_key(const SchemaNodes& applied, const std::string& key) {
  return std::any_of(applied.begin(), applied.end(), [&](const Json* schema) {
    const Json* required = keyword(*schema, "required");
    return required != nullptr &&
           std::find(required->begin(), required->end(), key) != required->end();
  });
}

const Json* default_of(const SchemaNodes& applied) {
  for (const Json* schema : applied) {
    if (const Json* value = keyword(*schema, "default")) return value;
  }
  return nullptr;
}

std::set<std::string> property_names(const SchemaNodes& applied) {
  std::set<std::string> out;
  for (const Json* schema : applied) {
    const Json* properties = keyword(*schema, "properties");
    if (properties == nullptr) continue;
    for (const auto& [name, value] : properties->items()) out.insert(name);
  }
  return out;
}

// What one path comes across.
struct Trail {
  bool found = false;
  bool secret = false;
  bool required = true;
  SchemaNodes end; // the schemas of the value there
  std::string why;
};

Trail follow(const Json& root, std::string_view path) {
  Trail out;
  SchemaNodes here = applied_schemas(root, {&root});
  out.secret = is_marked_secret(here);
  if (!path.empty() && (path.front() == '.' || path.back() == '.')) {
    out.why = "the path has an empty part between dots";
    return out;
  }
  for (const std::string& name : segments_of(path)) {
    SchemaNodes next = property_schemas(here, name);
    if (next.empty()) {
      out.why = is_config_key(name) ? "the config has no property \"" + name.substr(0, 40) + '"'
                                    : "a part of the path is no name of a property";
      return out;
    }
    out.required = out.required && requires_key(here, name);
    here = applied_schemas(root, next);
    out.secret = out.secret || is_marked_secret(here);
    out.end = std::move(next);
  }
  if (path.empty()) out.end = {&root};
  out.found = true;
  return out;
}

class LeafWalk {
 public:
  explicit LeafWalk(const Json& root) noexcept : root_(root) {}

  void walk(const SchemaNodes& schemas, const SchemaLeaf& at) {
    const SchemaNodes applied = applied_schemas(root_, schemas);
    SchemaLeaf leaf = at;
    leaf.secret = leaf.secret || is_marked_secret(applied);
    leaf.has_default = leaf.has_default || default_of(applied) != nullptr;
    const auto names = property_names(applied);
    const bool again = std::find(open_.begin(), open_.end(), applied) != open_.end();
    const bool deep = open_.size() >= static_cast<std::size_t>(kMaxDocumentDepth);
    if (names.empty() || again || deep || found_.size() >= kMaxSchemaNodes) {
      if (!leaf.path.empty()) found_.push_back(std::move(leaf));
      return;
    }
    open_.push_back(applied);
    for (const std::string& name : names) {
      SchemaLeaf child;
      child.path = leaf.path.empty() ? name : leaf.path + '.' + name;
      child.required = leaf.required && requires_key(applied, name);
      child.secret = leaf.secret;
      walk(property_schemas(applied, name), child);
    }
    open_.pop_back();
  }

  std::vector<SchemaLeaf> take() { return std::move(found_); }

 private:
  const Json& root_;
  std::vector<SchemaNodes> open_;
  std::vector<SchemaLeaf> found_;
};

// Copies a schema and puts each target where it is referred to.
class Inliner {
 public:
  explicit Inliner(const Json& root) noexcept : root_(root) {}

  bool copy(const Json& schema, Json& out) { // false: it holds itself, or is too large
    const bool again = std::find(open_.begin(), open_.end(), &schema) != open_.end();
    if (again || open_.size() > kMaxInlinedDepth) return false;
    open_.push_back(&schema);
    const bool whole = schema.is_object() ? copy_object(schema, out) : copy_leaf(schema, out);
    open_.pop_back();
    return whole;
  }

 private:
  bool copy_leaf(const Json& value, Json& out) {
    out = value;
    return ++values_ <= kMaxInlined;
  }

  bool copy_object(const Json& schema, Json& out) {
    out = Json::object();
    for (const auto& [name, value] : schema.items()) {
      if (name == "$ref" || name == "$defs" || name == "definitions" || name == "$id") continue;
      if (name == "properties" || name == "allOf" || name == "prefixItems") {
        if (!copy_each(value, out[name])) return false;
      } else if (name == "items" || name == "contains") {
        if (!copy(value, out[name])) return false;
      } else if (!copy_leaf(value, out[name])) {
        return false;
      }
    }
    const Json* reference = keyword(schema, "$ref");
    if (reference == nullptr) return true;
    Json target;
    if (!copy(*schema_ref(root_, reference->get<std::string>()), target)) return false;
    if (out.empty() && target.is_object()) {
      out = std::move(target);
    } else {
      out["allOf"].push_back(std::move(target));
    }
    return true;
  }

  bool copy_each(const Json& schemas, Json& out) {
    out = schemas.is_array() ? Json::array() : Json::object();
    for (const auto& [name, value] : schemas.items()) {
      Json one;
      if (!copy(value, one)) return false;
      if (schemas.is_array()) {
        out.push_back(std::move(one));
      } else {
        out[name] = std::move(one);
      }
    }
    return true;
  }

  const Json& root_;
  std::vector<const Json*> open_;
  std::size_t values_ = 0;
};

// A default may hold a place for itself, so what defaults bring is bounded.
class Filler {
 public:
  explicit Filler(const Json& root) noexcept : root_(root) {}

  void fill(const SchemaNodes& schemas, Json& value, int inserted) {
    if (!value.is_object() || inserted > kMaxInserted) return;
    const SchemaNodes applied = applied_schemas(root_, schemas);
    for (const std::string& name : property_names(applied)) {
      const SchemaNodes property = property_schemas(applied, name);
      const bool absent = !value.contains(name);
      if (absent) {
        const Json* fallback = default_of(applied_schemas(root_, property));
        if (fallback == nullptr || ++values_ > kMaxInlined) continue;
        value[name] = *fallback;
      }
      fill(property, value[name], absent || inserted > 0 ? inserted + 1 : 0);
    }
  }

 private:
  static constexpr int kMaxInserted = 8; // defaults inside of defaults
  const Json& root_;
  std::size_t values_ = 0;
};

// Whether anything a value of these schemas may hold is marked.
bool reaches_secret(const Json& root, const SchemaNodes& schemas) {
  SchemaNodes all = applied_schemas(root, schemas);
  std::set<const Json*> seen(all.begin(), all.end());
  for (std::size_t i = 0; i < all.size(); ++i) {
    SchemaNodes inner;
    for (const char* name : {"properties", "prefixItems"}) {
      const Json* schemas_of = keyword(*all[i], name);
      if (schemas_of == nullptr) continue;
      for (const Json& one : *schemas_of) inner.push_back(&one);
    }
    for (const char* name : {"items", "contains"}) {
      if (const Json* one = keyword(*all[i], name)) inner.push_back(one);
    }
    for (const Json* one : applied_schemas(root, inner)) {
      if (seen.insert(one).second) all.push_back(one);
    }
  }
  return is_marked_secret(all);
}

} // namespace

bool is_config_key(std::string_view key) noexcept {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; };
  return !key.empty() && key[0] >= 'a' && key[0] <= 'z' &&
         std::all_of(key.begin(), key.end(), fits) && key.find("__") == std::string_view::npos;
}

const Json* keyword(const Json& schema, const char* name) {
  if (!schema.is_object()) return nullptr;
  const auto found = schema.find(name);
  return found == schema.end() ? nullptr : &*found;
}

bool names_type(const Json& schema, std::string_view type) {
  const Json* written = keyword(schema, "type");
  if (written == nullptr) return false;
  if (written->is_string()) return written->get_ref<const std::string&>() == type;
  return written->is_array() && std::any_of(written->begin(), written->end(),
                                            [&](const Json& one) { return one == type; });
}

const Json* schema_ref(const Json& root, std::string_view reference) {
  if (!reference.starts_with('#')) return nullptr;
  // A fragment may be percent-encoded (RFC 6901 §6).
  const std::string path = percent_decoded(reference.substr(1));
  std::string_view rest = path;
  const Json* here = &root;
  while (!rest.empty()) {
    if (rest.front() != '/') return nullptr;
    rest.remove_prefix(1);
    std::string token(rest.substr(0, rest.find('/')));
    rest.remove_prefix(token.size());
    for (std::size_t at = 0; (at = token.find('~', at)) != std::string::npos; ++at) {
      if (at + 1 == token.size() || (token[at + 1] != '0' && token[at + 1] != '1')) return nullptr;
      token.replace(at, 2, token[at + 1] == '0' ? "~" : "/");
    }
    if (here->is_object()) {
      here = keyword(*here, token.c_str());
    } else if (here->is_array() && !token.empty() && token.size() < 6 &&
               std::all_of(token.begin(), token.end(), is_digit)) {
      const std::size_t index = std::stoul(token);
      here = index < here->size() ? &(*here)[index] : nullptr;
    } else {
      here = nullptr;
    }
    if (here == nullptr) return nullptr;
  }
  return here;
}

SchemaNodes applied_schemas(const Json& root, const SchemaNodes& schemas) {
  SchemaNodes out;
  std::set<const Json*> seen;
  const auto add = [&](const Json* schema) {
    if (schema != nullptr && seen.insert(schema).second) out.push_back(schema);
  };
  for (const Json* schema : schemas) add(schema);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (const Json* reference = keyword(*out[i], "$ref")) {
      add(schema_ref(root, reference->get<std::string>()));
    }
    if (const Json* all = keyword(*out[i], "allOf")) {
      for (const Json& one : *all) add(&one);
    }
  }
  return out;
}

SchemaNodes property_schemas(const SchemaNodes& applied, const std::string& key) {
  SchemaNodes out;
  for (const Json* schema : applied) {
    const Json* properties = keyword(*schema, "properties");
    if (properties == nullptr) continue;
    if (const auto found = properties->find(key); found != properties->end()) {
      out.push_back(&*found);
    }
  }
  return out;
}

const Json& ConfigSchema::json() const noexcept {
  return body_->json;
}

std::optional<std::string> ConfigSchema::why_no_path(std::string_view path) const {
  Trail trail = follow(json(), path);
  if (trail.found) return std::nullopt;
  return std::move(trail.why);
}

bool ConfigSchema::is_secret(std::string_view path) const {
  return follow(json(), path).secret;
}

bool ConfigSchema::holds_secret(std::string_view path) const {
  const Trail trail = follow(json(), path);
  return trail.secret || reaches_secret(json(), trail.end);
}

bool ConfigSchema::is_required(std::string_view path) const {
  const Trail trail = follow(json(), path);
  return trail.found && trail.required;
}

std::vector<SchemaLeaf> ConfigSchema::leaves() const {
  LeafWalk walk(json());
  SchemaLeaf root;
  root.required = true;
  walk.walk({&json()}, root);
  return walk.take();
}

std::optional<Json> ConfigSchema::subschema(std::string_view path) const {
  const Trail trail = follow(json(), path);
  if (!trail.found) return std::nullopt;
  Inliner inliner(json());
  Json out;
  if (trail.end.size() == 1) {
    if (!inliner.copy(*trail.end.front(), out)) return std::nullopt;
  } else {
    for (const Json* schema : trail.end) {
      Json one;
      if (!inliner.copy(*schema, one)) return std::nullopt;
      out["allOf"].push_back(std::move(one));
    }
  }
  return out;
}

void ConfigSchema::fill_defaults(Json& value) const {
  Filler(json()).fill({&json()}, value, 0);
}

} // namespace sluice::overlay
