// Between the tree of a document, which has places, and nlohmann's values, which later stages work
// with: config, schemas, plans. Objects are sorted by key, in bytes; that order, without white
// space, is the canonical form every digest of the overlays is taken over. Tested by
// tests/unit/overlay/json_value_test.cpp.
#pragma once

#include "policy/base/document.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace sluice::overlay {

using Json = nlohmann::json; // std::map: sorted keys

// Integers stay exact: int64, and uint64 for what a real's text says in digits. Depth is bounded by
// the document's.
Json to_json(const Node& node);

// Requires: every string is UTF-8.
std::string canonical_json(const Json& value);

// "sha256:" and standard base64 of the digest of these bytes.
std::string sha256_text(std::string_view bytes);

} // namespace sluice::overlay
