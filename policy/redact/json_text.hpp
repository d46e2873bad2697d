// The text of a JSON string (RFC 8259 §7) as it means and as it is written. A lone surrogate, which
// a model that streams may cut a character into, survives the way there and back. Never gives a
// text that would end the string it is written into. Tested by
// tests/unit/redact/json_text_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace sluice::redact {

// Appends what the bytes between the quotes mean. False: they are no JSON string.
bool json_unescape(std::string_view written, std::string& out);
// Appends it as it is written between quotes, escaping no more than it must.
void json_escape(std::string_view text, std::string& out);

// Also of a surrogate: three bytes that no valid text holds, and json_escape() knows.
void append_utf8(unsigned point, std::string& out);

} // namespace sluice::redact
