// The roots as Java wants them: a PKCS #12 file, because Java reads no PEM bundle. Holds public
// certificates only, so it is neither encrypted nor authenticated and needs no password; it never
// holds a key. Tested by tests/unit/certs/java_trust_store_test.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <string>
#include <string_view>

namespace sluice::certs {

// The file's bytes for the certificates of a PEM bundle. Fails (config, "bundle_unreadable") when
// one of them is damaged or there is none.
Result<std::string> java_trust_store(std::string_view pem_bundle);
// The value of JAVA_TOOL_OPTIONS that makes every JVM use that file, whatever its path contains.
std::string java_tool_options(std::string_view trust_store_file);

} // namespace sluice::certs
