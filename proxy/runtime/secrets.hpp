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

// Their files, as far as they are ones, relative to `folder`.
std::vector<SecretSource> sources_of(const model::Credential& credential,
                                     const std::string& folder);

// Those of a policy, whose files are relative to `folder`. Fails likewise, and when a value could
// not stand where it goes.
Result<std::vector<call::CredentialValue>>
read_credentials(const std::vector<model::Credential>& credentials, const std::string& folder);
// A login that comes back in an answer is a secret of its own, and must not leave elsewhere.
void add_known(const std::vector<call::CredentialValue>& credentials,
               std::vector<redact::KnownSecret>& known);

} // namespace sluice::runtime
