// The key that signs agent cards: ECDSA over P-256 with SHA-256, as JWS says it (RFC 7518 §3.4).
// Its private half is in a file of its own (PEM without a passphrase, 0600) and in the process that
// signs; it is never in a message or an Error. Any other kind of key is none.
// Tested by tests/unit/certs/card_signer_test.cpp.
#pragma once

#include "certs/authority.hpp"
#include "policy/base/result.hpp"

#include <string>
#include <string_view>

namespace sluice::certs {

class CardSigner {
 public:
  // Fails (config, "key_invalid" or "key_unreadable").
  static Result<CardSigner> load(const std::string& path);

  // Hex SHA-256 of the public key's SubjectPublicKeyInfo.
  const std::string& fingerprint() const noexcept { return fingerprint_; }
  // 64 bytes, r and s; from any thread. Fails (internal, "card_not_signed").
  Result<std::string> sign(std::string_view text) const;

 private:
  explicit CardSigner(PkeyPtr key);
  PkeyPtr key_;
  std::string fingerprint_;
};

} // namespace sluice::certs
