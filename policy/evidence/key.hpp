// ECDSA P-256 keys: one that signs the log's checkpoints, and others that are only believed or not.
// The private half is in a file of its own (0600) and in this process; it is never in a record, a
// message or an Error.
// Tested by tests/unit/evidence/key_test.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/types.h>

namespace sluice::evidence {

struct KeyDeleter {
  void operator()(EVP_PKEY* key) const noexcept;
};

class PublicKey {
 public:
  // nullopt when it is not a P-256 key, whole and nothing else.
  static std::optional<PublicKey> from_der(std::string_view der); // SubjectPublicKeyInfo
  static std::optional<PublicKey> from_pem(std::string_view pem);

  const std::string& der() const noexcept { return der_; }
  const std::string& fingerprint() const noexcept { return fingerprint_; } // hex SHA-256 of the DER
  std::string pem() const;
  bool verifies(std::string_view text, std::string_view base64_signature) const;

 private:
  friend class SigningKey;
  explicit PublicKey(std::shared_ptr<EVP_PKEY> key);

  std::shared_ptr<EVP_PKEY> key_; // not changed after it was made, so copies may share it
  std::string der_, fingerprint_;
};

class SigningKey {
 public:
  static SigningKey generate();
  // Fails (evidence, "evidence_key_invalid") when the file holds no such key or others may read it,
  // and "evidence_unavailable" when it cannot be read.
  static Result<SigningKey> load(const std::string& path);
  // 0600; complete or not there. Never over another key.
  Result<> store(const std::string& path) const;

  const PublicKey& public_key() const noexcept { return public_; }
  std::string sign(std::string_view text) const; // base64 of the DER

 private:
  explicit SigningKey(std::shared_ptr<EVP_PKEY> key);

  std::shared_ptr<EVP_PKEY> key_;
  PublicKey public_;
};

} // namespace sluice::evidence
