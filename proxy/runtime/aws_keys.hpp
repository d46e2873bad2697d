// The keys that a process or a file gives in the form of AWS's `credential_process`. Its errors
// never quote. Tested by tests/socket/secrets_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/secret.hpp"
#include "proxy/call/credentials.hpp"

namespace sluice::runtime {

// {"Version": 1, "AccessKeyId": …, "SecretAccessKey": …, "SessionToken": …, "Expiration": …}, the
// last two when there are any. Fails (config, "secret_unreadable") on anything else.
Result<call::CredentialValue> parse_aws_keys(const Secret& document);

} // namespace sluice::runtime
