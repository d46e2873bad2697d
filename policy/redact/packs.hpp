// The built-in packs: token formats as data in packs/, part of the executable. Parsed and compiled
// once, on first use. Tested by tests/unit/redact/packs_test.cpp, which tries every example.
#pragma once

#include "policy/redact/token_format.hpp"

namespace sluice::redact {

const TokenFormats& secrets_pack();

} // namespace sluice::redact
