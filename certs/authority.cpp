#include "certs/authority.hpp"

#include "certs/files.hpp"
#include "certs/ossl_error.hpp"
#include "certs/x509_parts.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/base/secret.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace sluice::certs {
namespace {

constexpr std::int64_t kCaDays = 730;
constexpr std::int64_t kLeafDays = 2;
constexpr const char* kCertificateFile = "ca.pem";
constexpr const char* kKeyFile = "ca.key";

struct NameDeleter {
  void operator()(GENERAL_NAME* p) const noexcept { GENERAL_NAME_free(p); }
};
struct NamesDeleter {
  void operator()(GENERAL_NAMES* p) const noexcept { GENERAL_NAMES_free(p); }
};
Error config_error(std::string code, const std::string& what) {
  return ossl_error(Origin::config, std::move(code), what);
}

std::string fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  auto out = to_hex(sha256({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)}));
  OPENSSL_free(der);
  return out;
}

CaInfo describe(X509* certificate, const std::string& directory) {
  CaInfo info;
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  info.subject = name;
  info.fingerprint = fingerprint_of(certificate);
  info.not_before = time_text(X509_get0_notBefore(certificate));
  info.not_after = time_text(X509_get0_notAfter(certificate));
  info.certificate_file = (std::filesystem::path(directory) / kCertificateFile).string();
  info.key_file = (std::filesystem::path(directory) / kKeyFile).string();
  return info;
}

// What a canonical host is made of (policy/model makes them); checked again because a certificate
// for anything else would be ours to answer for.
bool is_canonical(std::string_view host) {
  constexpr std::size_t kLongestName = 253; // RFC 1035 §2.3.4, as text
  return !host.empty() && host.size() <= kLongestName &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._:") == std::string::npos;
}

// RFC 5280 §4.2.1.6: iPAddress for an address, dNSName for a name.
bool add_subject_alt_name(X509* certificate, const std::string& host) {
  const std::unique_ptr<GENERAL_NAMES, NamesDeleter> names(GENERAL_NAMES_new());
  std::unique_ptr<GENERAL_NAME, NameDeleter> name(GENERAL_NAME_new());
  if (!names || !name) return false;
  if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str())) {
    GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address);
  } else {
    ASN1_IA5STRING* dns = ASN1_IA5STRING_new();
    if (dns == nullptr) return false;
    GENERAL_NAME_set0_value(name.get(), GEN_DNS, dns); // owns it from here
    if (ASN1_STRING_set(dns, host.data(), static_cast<int>(host.size())) != 1) return false;
  }
  if (sk_GENERAL_NAME_push(names.get(), name.get()) <= 0) return false;
  static_cast<void>(name.release());
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

bool fill_leaf(X509* certificate, EVP_PKEY* key, X509* issuer, const std::string& host,
               std::int64_t now, std::int64_t not_after) {
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
         set_times(certificate, now, not_after) && X509_set_pubkey(certificate, key) == 1 &&
         // RFC 5280, appendix A: a common name holds 64 characters; it is the SAN that is matched.
         set_name(X509_get_subject_name(certificate), "CN", host.substr(0, 64)) &&
         X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
         add_subject_alt_name(certificate, host) &&
         add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
         add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

Error ca_file_error(Error error) {
  error.code = error.code == "file_exists" ? "ca_exists" : "ca_unwritable";
  return error;
}

// Both files or neither.
Result<> write_pair(const CaInfo& info, const Secret& key, const std::string& certificate) {
  if (auto written = write_new_file(info.key_file, key.reveal(), 0600); !written) {
    return ca_file_error(written.error());
  }
  if (auto written = write_new_file(info.certificate_file, certificate, 0644); !written) {
    ::unlink(info.key_file.c_str());
    return ca_file_error(written.error());
  }
  return success();
}

} // namespace

void X509Deleter::operator()(X509* p) const noexcept {
  X509_free(p);
}
void BioDeleter::operator()(BIO* p) const noexcept {
  BIO_free(p);
}
void PkeyDeleter::operator()(EVP_PKEY* p) const noexcept {
  EVP_PKEY_free(p);
}

Result<Authority> Authority::create(const std::string& directory, const Clock& clock) {
  namespace fs = std::filesystem;
  std::error_code failed;
  // 0700 is for a folder of our own; one that was there keeps the mode its owner gave it.
  const bool ours = fs::create_directories(directory, failed);
  if (ours && !failed) fs::permissions(directory, fs::perms::owner_all, failed);
  if (failed) {
    return make_error(Origin::config, "ca_unwritable", directory + ": " + failed.message());
  }
  const std::int64_t now = clock.unix_nanos() / kSecond;
  Authority made;
  made.key_ = new_key();
  made.leaf_key_ = new_key();
  made.certificate_.reset(X509_new());
  const auto subject = "Sluice interception CA " + to_hex(random_bytes(4));
  if (!made.key_ || !made.leaf_key_ || !made.certificate_ ||
      !fill_ca(made.certificate_.get(), made.key_.get(), subject, now, now + kCaDays * kDay)) {
    return config_error("ca_failed", "the CA cannot be made");
  }
  made.info_ = describe(made.certificate_.get(), directory);
  if (fs::exists(made.info_.certificate_file) || fs::exists(made.info_.key_file)) {
    return make_error(Origin::config, "ca_exists", directory + " already holds a CA");
  }
  const Secret key = pem_of(made.key_.get());
  const std::string certificate = made.certificate_pem();
  if (key.empty() || certificate.empty()) return config_error("ca_failed", "no PEM of the CA");
  SLUICE_TRY(write_pair(made.info_, key, certificate));
  return made;
}

Result<Authority> Authority::load(const std::string& directory, const Clock& clock) {
  namespace fs = std::filesystem;
  Authority loaded;
  const auto certificate_file = (fs::path(directory) / kCertificateFile).string();
  const auto key_file = (fs::path(directory) / kKeyFile).string();
  struct stat status {};
  if (::stat(key_file.c_str(), &status) != 0 || !fs::exists(certificate_file)) {
    return make_error(Origin::config, "ca_missing", directory + " holds no CA (ca.pem and ca.key)");
  }
  if ((status.st_mode & 077) != 0) {
    return make_error(Origin::config, "ca_key_exposed", key_file + " is open to others: chmod 600");
  }
  loaded.certificate_ = read_certificate(certificate_file);
  if (!loaded.certificate_) return config_error("ca_unreadable", certificate_file);
  loaded.key_ = read_key(key_file);
  if (!loaded.key_) return config_error("ca_unreadable", key_file);
  if (X509_check_private_key(loaded.certificate_.get(), loaded.key_.get()) != 1) {
    return config_error("ca_mismatch", key_file + " does not belong to " + certificate_file);
  }
  if (X509_check_ca(loaded.certificate_.get()) != 1) { // 1: version 3 with CA:TRUE
    return make_error(Origin::config, "ca_mismatch", certificate_file + " is not a CA");
  }
  const std::int64_t now = clock.unix_nanos() / kSecond;
  if (now >= time_seconds(X509_get0_notAfter(loaded.certificate_.get())) ||
      now < time_seconds(X509_get0_notBefore(loaded.certificate_.get()))) {
    return make_error(Origin::config, "ca_expired", certificate_file + " is not valid now");
  }
  loaded.leaf_key_ = new_key();
  if (!loaded.leaf_key_) return config_error("ca_failed", "no key for leaves");
  loaded.info_ = describe(loaded.certificate_.get(), directory);
  return loaded;
}

std::string Authority::certificate_pem() const {
  return pem_of(certificate_.get());
}

Result<Leaf> Authority::mint(std::string_view canonical_host, const Clock& clock) const {
  if (!is_canonical(canonical_host)) {
    return make_error(Origin::internal, "leaf_failed", "not a canonical host");
  }
  const std::string host(canonical_host);
  const std::int64_t now = clock.unix_nanos() / kSecond;
  const std::int64_t ca_ends = time_seconds(X509_get0_notAfter(certificate_.get()));
  if (now >= ca_ends) return make_error(Origin::config, "ca_expired", "make a new CA");
  const std::int64_t not_after = std::min(now + kLeafDays * kDay, ca_ends);
  Leaf leaf;
  leaf.certificate.reset(X509_new());
  if (!leaf.certificate ||
      !fill_leaf(leaf.certificate.get(), leaf_key_.get(), certificate_.get(), host, now,
                 not_after) ||
      X509_sign(leaf.certificate.get(), key_.get(), EVP_sha256()) <= 0) {
    return ossl_error(Origin::internal, "leaf_failed", "no leaf for " + host);
  }
  EVP_PKEY_up_ref(leaf_key_.get());
  leaf.key.reset(leaf_key_.get());
  leaf.expires_unix_nanos = not_after * kSecond;
  return leaf;
}

} // namespace sluice::certs
