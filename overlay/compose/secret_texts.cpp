#include "overlay/compose/program_plan.hpp"
#include "overlay/config/evaluate.hpp"

namespace sluice::overlay {
namespace {

void add_scalars(const Json& value, SecretTexts& out) {
  if (value.is_structured()) {
    for (const Json& one : value) add_scalars(one, out);
  } else if (!value.is_null() && !value.is_boolean() && !text_of(value).empty()) {
    out.insert(text_of(value));
  }
}

// In what a list holds no path leads, so that a list with secrets in it is one as a whole.
bool says_secret(const Json& schema) {
  if (!schema.is_structured()) return false;
  if (schema.is_object() && schema.value("secret", Json()) == true) return true;
  for (const Json& inner : schema) {
    if (says_secret(inner)) return true;
  }
  return false;
}

void add_secrets(const ConfigSchema& schema, const Json& config, SecretTexts& out) {
  Json defaults = Json::object();
  schema.fill_defaults(defaults);
  for (const SchemaLeaf& leaf : schema.leaves()) {
    const Json here = schema.subschema(leaf.path).value_or(Json());
    if (!leaf.secret && !says_secret(here)) continue;
    if (here.is_object() && here.contains("default")) add_scalars(here["default"], out);
    for (const Json* from : {&config, static_cast<const Json*>(&defaults)}) {
      if (const Json* value = value_at_path(*from, leaf.path)) add_scalars(*value, out);
    }
  }
}

} // namespace

SecretTexts secret_texts(const Scenario& scenario, const std::vector<ConfigTree>& configs) {
  SecretTexts out;
  for (const Component& one : scenario.components) {
    if (!one.config_schema) continue;
    std::set<std::string> unknown;
    add_secrets(*one.config_schema, known_part(configs.at(one.id), unknown), out);
  }
  return out;
}

} // namespace sluice::overlay
