// The schema of a component's config: Amber's subset of JSON Schema 2020-12, checked once, then
// asked. A keyword this file does not judge values by is refused, never ignored; so is a `pattern`
// RE2 does not take. All work is bounded: a schema that would blow up is refused, or the value is.
//
//   judged   type enum const properties required additionalProperties items prefixItems contains
//            minContains maxContains minItems maxItems uniqueItems minLength maxLength pattern
//            minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minProperties
//            maxProperties allOf $ref (local)
//   kept     $schema $id (root) $anchor $defs definitions $comment title description default
//   examples
//            deprecated readOnly writeOnly format contentEncoding contentMediaType secret x-*
//
// A path is the names of properties with dots between, "" is the whole. It goes through $ref and
// allOf, never into a list. Messages never show a value. Tested by
// tests/unit/overlay/config_schema_test.cpp and tests/unit/overlay/config_value_test.cpp.
#pragma once

#include "overlay/manifest/json_value.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

inline constexpr std::size_t kMaxSchemaNodes = 4'000;
inline constexpr std::size_t kMaxSchemaFaults = 100; // more are not told

struct SchemaFault {
  std::string pointer; // into the schema, or into the value
  std::string message;
  std::string hint;
};

struct SchemaLeaf {
  std::string path;
  bool required = false; // and so is everything it is in
  bool secret = false;
  bool has_default = false;
};

struct ValidateOptions {
  bool ignore_required = false; // some of the value is not known yet
  // Pointers of what is known at run time only: not judged, nor what is in it.
  const std::set<std::string>* unknown = nullptr;
};

class ConfigSchema {
 public:
  // nullopt exactly when a fault was added.
  static std::optional<ConfigSchema> parse(Json schema, std::vector<SchemaFault>& faults);

  const Json& json() const noexcept;

  // Why a value at this path cannot be asked for; nullopt when it can.
  std::optional<std::string> why_no_path(std::string_view path) const;
  bool has_path(std::string_view path) const { return !why_no_path(path); }
  bool is_secret(std::string_view path) const;    // it, or what it is in, is marked
  bool holds_secret(std::string_view path) const; // it is secret, or something in it is
  bool is_required(std::string_view path) const;
  // By path. An object of a type that holds itself is a leaf where it comes again.
  std::vector<SchemaLeaf> leaves() const;
  // The schema of one path, readable on its own: references are written out. nullopt when there is
  // no such path, or when it holds itself.
  std::optional<Json> subschema(std::string_view path) const;

  // Absent properties of objects that are there, at every depth.
  void fill_defaults(Json& value) const;
  std::vector<SchemaFault> validate(const Json& value, const ValidateOptions& how = {}) const;

  bool operator==(const ConfigSchema& other) const { return json() == other.json(); }

  struct Body;

 private:
  explicit ConfigSchema(std::shared_ptr<const Body> body) : body_(std::move(body)) {}
  std::shared_ptr<const Body> body_; // never null
};

// [a-z][a-z0-9_]* without "__".
bool is_config_key(std::string_view key) noexcept;

} // namespace sluice::overlay
