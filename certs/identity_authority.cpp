#include "certs/identity_authority.hpp"

#include "certs/files.hpp"
#include "certs/ossl_error.hpp"
#include "certs/spiffe_id.hpp"
#include "certs/x509_parts.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <set>
#include <utility>

namespace sluice::certs {
namespace {

constexpr int kMostDays = 3660;

Error identity_failed(const std::string& what) {
  return ossl_error(Origin::config, "identity_failed", what);
}

bool fill_identity(X509* certificate, EVP_PKEY* key, X509* issuer, const std::string& id,
                   std::int64_t now, std::int64_t not_after) {
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
         set_times(certificate, now, not_after) && X509_set_pubkey(certificate, key) == 1 &&
         X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
         // RFC 5280 §4.1.2.6: critical, because the subject is empty.
         add_extension(certificate, issuer, NID_subject_alt_name, "critical,URI:" + id) &&
         add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
         add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

bool is_file_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         name.find_first_not_of(kAllowed) == name.npos &&
         std::string(name) + ".pem" != kMeshRootsFile;
}

Result<> make_folder(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const bool ours = fs::create_directories(directory, failed);
  if (ours && !failed) fs::permissions(directory, fs::perms::owner_all, failed);
  if (!failed) return success();
  return make_error(Origin::config, "identity_unwritable", directory + ": " + failed.message());
}

Result<> write_part(const std::string& file, std::string_view content, mode_t mode) {
  if (content.empty()) return identity_failed("no PEM for " + file);
  auto written = replace_file(file, content, mode);
  if (written) return success();
  return make_error(Origin::config, "identity_unwritable", written.error().detail);
}

// The key first: a certificate that is there has its key beside it.
Result<MintedIdentity> write_identity(const IdentityAuthority& authority,
                                      const std::filesystem::path& folder,
                                      const NamedIdentity& one) {
  SLUICE_TRY(auto&& leaf, authority.mint(one.id));
  MintedIdentity out{one.name, one.id, (folder / (one.name + ".pem")).string(),
                     (folder / (one.name + ".key")).string()};
  const Secret key = pem_of(leaf.key.get());
  SLUICE_TRY(write_part(out.key_file, key.reveal(), 0600));
  SLUICE_TRY(write_part(out.certificate_file, pem_of(leaf.certificate.get()), 0644));
  return out;
}

} // namespace

Result<IdentityAuthority> IdentityAuthority::create(std::string_view trust_domain, int days,
                                                    const Clock& clock) {
  IdentityAuthority made;
  made.prefix_ = "spiffe://" + std::string(trust_domain) + "/";
  if (trust_domain.find('/') != trust_domain.npos || !spiffe_id_fault(made.prefix_ + "x").empty())
    return identity_failed("the trust domain is none");
  if (days < 1 || days > kMostDays) return identity_failed("valid for 1 to 3660 days");
  made.now_ = clock.unix_nanos() / kSecond;
  made.not_after_ = made.now_ + days * kDay;
  made.key_ = new_key();
  made.certificate_.reset(X509_new());
  const auto subject = "Sluice mesh CA " + to_hex(random_bytes(4));
  if (!made.key_ || !made.certificate_ ||
      !fill_ca(made.certificate_.get(), made.key_.get(), subject, made.now_, made.not_after_)) {
    return identity_failed("the CA cannot be made");
  }
  return made;
}

std::string IdentityAuthority::certificate_pem() const {
  return pem_of(certificate_.get());
}

Result<Leaf> IdentityAuthority::mint(std::string_view wanted) const {
  const std::string id(wanted);
  if (const auto fault = spiffe_id_fault(id); !fault.empty())
    return identity_failed("not an identity: " + std::string(fault));
  if (!id.starts_with(prefix_)) return identity_failed("not of this trust domain: " + id);
  Leaf leaf;
  leaf.key = new_key();
  leaf.certificate.reset(X509_new());
  if (!leaf.key || !leaf.certificate ||
      !fill_identity(leaf.certificate.get(), leaf.key.get(), certificate_.get(), id, now_,
                     not_after_) ||
      X509_sign(leaf.certificate.get(), key_.get(), EVP_sha256()) <= 0) {
    return identity_failed("no certificate for " + id);
  }
  leaf.expires_unix_nanos = not_after_ * kSecond;
  return leaf;
}

Result<MintedIdentities> mint_identities(const std::string& directory,
                                         std::string_view trust_domain,
                                         const std::vector<NamedIdentity>& who, int days,
                                         const Clock& clock) {
  std::set<std::string_view> names;
  for (const auto& one : who) {
    if (!is_file_name(one.name) || !names.insert(one.name).second)
      return identity_failed("not the name of a file of its own: " + one.name);
  }
  SLUICE_TRY(auto&& authority, IdentityAuthority::create(trust_domain, days, clock));
  SLUICE_TRY(make_folder(directory));
  const std::filesystem::path folder(directory);
  MintedIdentities out;
  out.roots_file = (folder / kMeshRootsFile).string();
  SLUICE_TRY(write_part(out.roots_file, authority.certificate_pem(), 0644));
  for (const auto& one : who) {
    SLUICE_TRY(auto&& minted, write_identity(authority, folder, one));
    out.all.push_back(std::move(minted));
  }
  return out;
}

} // namespace sluice::certs
