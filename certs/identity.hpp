// Who this sidecar is to other sidecars, and whom it believes to be who: one URI in a certificate
// (SPIFFE), signed by one of `roots` and by nobody else. Both contexts speak TLS 1.3 only, ask for
// the peer's certificate and refuse to go on without it; no session is resumed, so that each
// connection proves anew who is there. Never looks at a host name: the name is not who the peer is.
// Read once, at the start. Tested by tests/unit/certs/identity_test.cpp.
#pragma once

#include "certs/leaf_store.hpp"
#include "policy/base/clock.hpp"
#include "policy/base/result.hpp"

#include <openssl/types.h>

#include <string>

namespace sluice::certs {

struct IdentityFiles {     // PEM
  std::string certificate; // the leaf, and what is between it and a root
  std::string key;         // readable by its owner only
  std::string roots;
};

class Identity {
 public:
  // Fails (config) with the file at fault as the code: "certificate", "key" or "roots".
  static Result<Identity> load(const IdentityFiles& files, const Clock& clock);

  const std::string& id() const noexcept { return id_; }
  SSL_CTX* to_accept() const noexcept { return server_.get(); }
  SSL_CTX* to_connect() const noexcept { return client_.get(); }

 private:
  Identity() = default;
  std::string id_;
  SslCtxPtr server_, client_;
};

// The identity a certificate gives. Fails (downstream, "no_identity") unless it has exactly one URI
// name, in the form of an identity, and is no CA. Says nothing about who signed it.
Result<std::string> identity_of(X509* certificate);

// Requires: a handshake by a context of an Identity. Fails likewise, and when the chain was not
// verified.
Result<std::string> peer_identity(SSL* ssl);

} // namespace sluice::certs
