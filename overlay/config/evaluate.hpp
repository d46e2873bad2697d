// A ConfigTree with the values of the root put in: the config a program gets. The values come from
// whoever runs the scenario (root_values.hpp). What is optional and not given is left out of
// objects, so that the schema's default or its `required` decides; where nothing can be left out it
// is a fault. No fault shows a value. Tested by tests/unit/overlay/evaluate_test.cpp.
#pragma once

#include "overlay/config/compose.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::overlay {

// nullopt exactly when a fault was added.
std::optional<Json> evaluate_config(const ConfigTree& tree, const Json& root_values,
                                    std::vector<ConfigFault>& faults);
// And held against the schema, with its defaults; null: anything goes.
std::optional<Json> evaluate_config(const ConfigTree& tree, const Json& root_values,
                                    const ConfigSchema* schema, std::vector<ConfigFault>& faults);

// The value at "a.b"; null when there is none.
const Json* value_at_path(const Json& value, std::string_view path) noexcept;

} // namespace sluice::overlay
