// A JSON text (RFC 8259) of somebody else's, read as strictly as it can be: what two readers could
// take for two different things is an error, not a guess. So no duplicate key (§4), no invalid
// UTF-8, no lone surrogate, nothing behind the value. Bounded in depth and in nodes before it is
// built. Never throws and never quotes the text. Our own files are read by document.hpp, with
// positions. Tested by tests/unit/base/json_test.cpp.
#pragma once

#include "policy/base/document.hpp"
#include "policy/base/result.hpp"

#include <cstddef>
#include <string_view>

namespace sluice {

struct JsonLimits {
  std::size_t depth = 64;
  std::size_t nodes = 50'000;
};

// Numbers keep their text; an integer beyond 64 bits is a real. Fails (downstream, "json_invalid").
Result<Node> read_json(std::string_view text, const JsonLimits& limits = {});

// The first byte that tells something: behind blanks, and marks of byte order in any encoding.
// Where it is '{' or '[', some reader may take the text for JSON. 0: there is none yet.
char first_mark(std::string_view text) noexcept;

} // namespace sluice
