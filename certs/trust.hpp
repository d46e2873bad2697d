// Whom Sluice believes upstream, and how an agent is told to believe Sluice. Verification is
// always on: there is no switch. Tested by tests/unit/certs/trust_test.cpp.
#pragma once

#include "certs/leaf_store.hpp"
#include "policy/base/result.hpp"

#include <openssl/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::certs {

enum class UpstreamRoots { system, none };

// A client context: TLS 1.2+, SSL_VERIFY_PEER, ALPN http/1.1. Fails (config) when a root file
// cannot be read.
Result<SslCtxPtr> make_upstream_context(UpstreamRoots roots,
                                        const std::vector<std::string>& extra_roots);
// Sets SNI (names only) and the expected name or address on a connection. Call before the
// handshake.
Result<> expect_peer(SSL* ssl, std::string_view canonical_host, bool is_address);
// The verification result in words after a failed handshake; "" when verification was not the
// cause.
std::string verification_failure(SSL* ssl);

struct EnvironmentVariable {
  std::string name, value;
};
// Of a bundle that is, or will be, there.
std::vector<EnvironmentVariable> trust_variables(const std::string& bundle_file);
// Writes the bundle (system roots + ours) to bundle_file, atomically, and returns the variables of
// spec 01 "TLS" that make common clients trust it. Where the system has no bundle, ours alone.
// Java reads no PEM: it gets the same roots as <bundle_file>.p12 by JAVA_TOOL_OPTIONS. That value
// is the whole variable; a caller that wants to keep what was in it puts the two together.
// Not covered: SSL_CERT_DIR, which would add to SSL_CERT_FILE what hashed links name, and need
// them. Fails (config) "bundle_unreadable" or "bundle_unwritable".
Result<std::vector<EnvironmentVariable>> write_trust_bundle(const Authority& authority,
                                                            const std::string& bundle_file);

} // namespace sluice::certs
