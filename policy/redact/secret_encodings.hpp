// Every form a known secret travels in: as it is, JSON-escaped (up to three times), URL-encoded,
// hex, base64 and base64url at each of the three alignments, HTML entities; other scripts as code
// points. Tested by tests/unit/redact/redactor_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

// Distinct forms, the plain one first; none shorter than `least` bytes but the plain one.
std::vector<std::string> encodings_of(std::string_view secret, std::size_t least);
// Of these, the ones in base64 and base64url, which may be folded at line ends.
std::vector<std::string> base64_forms_of(std::string_view secret, std::size_t least);

// The part of the base64 text (RFC 4648 §4) that `text` alone decides when `before` bytes of
// something else stand before it in its group of three.
std::string base64_core(std::string_view text, std::size_t before);
std::string base64url(std::string base64);
std::string upper_case(std::string text);

} // namespace sluice::redact
