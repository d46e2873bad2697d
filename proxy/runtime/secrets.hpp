// Reads the values of `secrets:` from where the config says they are. Errors name the source, never
// the value. Tested by tests/socket/secrets_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/redact/rule_set.hpp"
#include "proxy/runtime/config.hpp"

#include <vector>

namespace sluice::runtime {

// Fails (config, "secret_unreadable") on the first source that cannot be read: a secret that is not
// known cannot be kept from leaving.
Result<std::vector<redact::KnownSecret>> read_secrets(const std::vector<SecretSource>& sources);

} // namespace sluice::runtime
