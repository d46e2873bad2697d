// What the files of ConfigSchema share: the checked schema with its compiled patterns, and which
// schemas judge one value together. Nobody else's. Tested by
// tests/unit/overlay/config_schema_test.cpp.
#pragma once

#include "overlay/manifest/config_schema.hpp"

#include <re2/re2.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::overlay {

struct ConfigSchema::Body {
  Json json;
  std::map<std::string, std::unique_ptr<const re2::RE2>> patterns;
};

using SchemaNodes = std::vector<const Json*>;

// The target of "#" or "#/…"; null when there is none.
const Json* schema_ref(const Json& root, std::string_view reference);
// The schema itself and all that $ref and allOf add to it, each once. Requires: no circle of them.
SchemaNodes applied_schemas(const Json& root, const SchemaNodes& schemas);
// The schemas of the property `key`, over all of `applied`.
SchemaNodes property_schemas(const SchemaNodes& applied, const std::string& key);
bool names_type(const Json& schema, std::string_view type);
const Json* keyword(const Json& schema, const char* name); // null when absent

} // namespace sluice::overlay
