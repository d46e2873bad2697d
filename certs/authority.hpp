// The interception CA: made once by `sluice ca init`, kept in a directory (ca.pem 0644, ca.key
// 0600), and used to mint leaves. ECDSA P-256. Never leaves the machine; never overwritten.
// Tested by tests/unit/certs/authority_test.cpp.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/base/result.hpp"

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::certs {

struct CaInfo {
  std::string subject;               // "Sluice interception CA <short id>"
  std::string fingerprint;           // hex SHA-256 of the DER
  std::string not_before, not_after; // RFC 3339
  std::string certificate_file, key_file;
};

struct X509Deleter {
  void operator()(X509* p) const noexcept;
};
struct PkeyDeleter {
  void operator()(EVP_PKEY* p) const noexcept;
};
struct BioDeleter {
  void operator()(BIO* p) const noexcept;
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;
using X509Ptr = std::unique_ptr<X509, X509Deleter>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, PkeyDeleter>;

struct Leaf {
  X509Ptr certificate;
  PkeyPtr key;
  std::int64_t expires_unix_nanos = 0;
};

class Authority {
 public:
  // Fails (config, "ca_exists") when the directory already holds one.
  static Result<Authority> create(const std::string& directory, const Clock& clock);
  // Fails (config) when missing ("ca_missing"), key readable by others ("ca_key_exposed"),
  // key and certificate do not belong together, expired.
  static Result<Authority> load(const std::string& directory, const Clock& clock);

  const CaInfo& info() const noexcept { return info_; }
  std::string certificate_pem() const;
  X509* certificate() const noexcept { return certificate_.get(); }
  // A leaf for one canonical host (DNS or IP SAN), valid one day back to two days ahead.
  Result<Leaf> mint(std::string_view canonical_host, const Clock& clock) const;

 private:
  Authority() = default;
  CaInfo info_;
  X509Ptr certificate_;
  PkeyPtr key_;
  // One key for all leaves, made anew at every start and never stored: making one per name would
  // double the cost of minting and protect nothing, since all of them live in this process.
  PkeyPtr leaf_key_;
};

} // namespace sluice::certs
