// A compose file as text: JSON values written as YAML that people read and every reader takes for
// the same (YAML 1.1 of docker-compose 1.29, 1.2 of docker compose 2). What is not plainly a word
// stands in double quotes. Never lets a `$` of somebody else's be filled in.
// Tested by tests/unit/overlay/yaml_text_test.cpp.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace sluice::overlay {

using OrderedJson = nlohmann::ordered_json;

// Text that compose hands on as it is: each `$` doubled.
std::string compose_literal(std::string_view text);

// With a line end behind the last line. Requires: every string is UTF-8.
std::string yaml_text(const OrderedJson& value);

} // namespace sluice::overlay
