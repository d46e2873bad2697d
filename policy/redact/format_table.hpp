// Compiled token formats as bytes, so that the built-in packs are compiled when Sluice is built and
// not at every start. Never read from a file or a peer: the reader trusts what the writer of the
// same build wrote. Private to policy/redact. Tested by tests/unit/redact/packs_test.cpp.
#pragma once

#include "policy/redact/token_format.hpp"

#include <string>
#include <string_view>

namespace sluice::redact {

std::string write_formats(const TokenFormats& formats);
TokenFormats read_formats(std::string_view table); // throws std::logic_error on a cut table

} // namespace sluice::redact
