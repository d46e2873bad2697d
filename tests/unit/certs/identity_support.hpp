// Identities of tests, and certificates that a mint of ours would never make. Never used by the
// product.
#pragma once

#include "certs/files.hpp"
#include "certs/identity.hpp"
#include "certs/identity_authority.hpp"
#include "certs/x509_parts.hpp"
#include "tests/unit/certs/certs_support.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::test {

inline constexpr std::string_view kDomain = "scn-1.sluice";
inline constexpr const char* kCaller = "spiffe://scn-1.sluice/component/caller";
inline constexpr const char* kResponder = "spiffe://scn-1.sluice/component/responder";

struct BadLeaf {
  std::string names = std::string("URI:") + kCaller; // of subjectAltName; "": none
  std::string usage = "serverAuth,clientAuth";
  std::string constraints = "critical,CA:FALSE";
  std::int64_t from = -3600, to = 3600; // seconds from now
};

// A CA whose leaves may be anything.
struct AnyAuthority {
  explicit AnyAuthority(std::int64_t now_nanos)
      : now(now_nanos / certs::kSecond), certificate(X509_new()), key(certs::new_key()) {
    certs::fill_ca(certificate.get(), key.get(), "Test CA", now, now + 10 * certs::kDay);
  }
  certs::IdentityFiles write(const std::string& begin, const BadLeaf& how) const {
    const auto leaf_key = certs::new_key();
    const certs::X509Ptr leaf(X509_new());
    X509* one = leaf.get();
    X509_set_version(one, X509_VERSION_3);
    certs::set_serial(one);
    ASN1_TIME_set(X509_getm_notBefore(one), now + how.from);
    ASN1_TIME_set(X509_getm_notAfter(one), now + how.to);
    X509_set_pubkey(one, leaf_key.get());
    X509_set_issuer_name(one, X509_get_subject_name(certificate.get()));
    const auto add = [&](int nid, const std::string& value) {
      if (!value.empty()) certs::add_extension(one, certificate.get(), nid, value);
    };
    add(NID_subject_alt_name, how.names);
    add(NID_ext_key_usage, how.usage);
    add(NID_basic_constraints, how.constraints);
    X509_sign(one, key.get(), EVP_sha256());
    certs::IdentityFiles out{begin + ".pem", begin + ".key", begin + "-ca.pem"};
    write_file(out.certificate, certs::pem_of(one));
    (void)certs::replace_file(out.key, certs::pem_of(leaf_key.get()).reveal(), 0600);
    write_file(out.roots, certs::pem_of(certificate.get()));
    return out;
  }
  std::int64_t now;
  certs::X509Ptr certificate;
  certs::PkeyPtr key;
};

// As they come from the mint: of the caller and of the responder.
inline std::vector<certs::IdentityFiles> minted(const std::string& directory, const Clock& clock) {
  const auto made = certs::mint_identities(
      directory, kDomain, {{"caller", kCaller}, {"responder", kResponder}}, 30, clock);
  std::vector<certs::IdentityFiles> out;
  if (!made) return out;
  for (const auto& one : made.value().all)
    out.push_back({one.certificate_file, one.key_file, made.value().roots_file});
  return out;
}

// As the connecting end of `from`; both ends look at the time of `clock`.
inline Handshake mesh_handshake(SSL_CTX* from, SSL_CTX* to, const Clock& clock) {
  return handshake(SslPtr(SSL_new(from)), to, clock);
}

} // namespace sluice::test
