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

} // namespace sluice::redact
