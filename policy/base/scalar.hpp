// What a plain scalar means: the YAML 1.2 core schema (§10.3.2) and nothing older, so that `no`,
// `on`, `1_000` and `12:30` stay strings. Tested by tests/unit/base/document_test.cpp.
#pragma once

#include "policy/base/document.hpp"

namespace sluice {

// Sets kind and value of `node` from its `text`.
void resolve_plain_scalar(Node& node);

// Length of the well-formed UTF-8 sequence at `at` (RFC 3629 §4: no overlong forms, no surrogates,
// nothing above U+10FFFF), or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept;

// Offset of the first byte that no document may hold (invalid UTF-8, control bytes other than tab,
// line feed and carriage return), or npos.
std::size_t first_forbidden_byte(std::string_view text) noexcept;

} // namespace sluice
