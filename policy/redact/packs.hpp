// The built-in packs: token formats as data in packs/, compiled when Sluice is built and part of
// the executable (packs/compile_pack.cpp). Tested by tests/unit/redact/packs_test.cpp, which tries
// every example.
#pragma once

#include "policy/redact/token_format.hpp"

namespace sluice::redact {

const TokenFormats& secrets_pack();
const TokenFormats& pii_pack();

} // namespace sluice::redact
