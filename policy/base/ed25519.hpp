// Ed25519 keys (RFC 8032, RFC 8410): one that signs policies, and others that are only believed or
// not. The private half is in a file of its own (PEM PKCS#8, 0600) and in the process that signs;
// it is never in a message or an Error. Any other kind of key is no key here. Tested by
// tests/unit/base/ed25519_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/secret.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/types.h>

namespace sluice {

class Ed25519Public {
 public:
  // nullopt when it is not an Ed25519 key, whole and nothing else.
  static std::optional<Ed25519Public> from_der(std::string_view der); // SubjectPublicKeyInfo
  static std::optional<Ed25519Public> from_pem(std::string_view pem);
  static Result<Ed25519Public> load(const std::string& path); // (config, "key_invalid")

  const std::string& der() const noexcept { return der_; }
  const std::string& fingerprint() const noexcept { return fingerprint_; } // hex SHA-256 of the DER
  std::string pem() const;
  bool verifies(std::string_view text, std::string_view signature) const; // 64 raw bytes

 private:
  friend class Ed25519Private;
  explicit Ed25519Public(std::shared_ptr<EVP_PKEY> key);

  std::shared_ptr<EVP_PKEY> key_; // not changed after it was made, so copies may share it
  std::string der_, fingerprint_;
};

class Ed25519Private {
 public:
  static Ed25519Private generate();
  // Fails (config, "key_invalid") when the file holds no such key, is encrypted, or others may read
  // it, and "key_unreadable" when it cannot be read.
  static Result<Ed25519Private> load(const std::string& path);

  const Ed25519Public& public_key() const noexcept { return public_; }
  Secret pem() const;                            // PKCS#8
  std::string sign(std::string_view text) const; // 64 raw bytes

 private:
  explicit Ed25519Private(std::shared_ptr<EVP_PKEY> key);

  std::shared_ptr<EVP_PKEY> key_;
  Ed25519Public public_;
};

} // namespace sluice
