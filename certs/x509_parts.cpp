#include "certs/x509_parts.hpp"

#include "policy/base/clock.hpp"
#include "policy/base/digest.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace sluice::certs {
namespace {

struct BnDeleter {
  void operator()(BIGNUM* p) const noexcept { BN_free(p); }
};
struct ExtDeleter {
  void operator()(X509_EXTENSION* p) const noexcept { X509_EXTENSION_free(p); }
};

// Never a question on the terminal: an encrypted key is one that cannot be read.
int no_password(char*, int, int, void*) {
  return -1;
}

template <class T, class Read> T* read_pem(const std::string& path, Read read) {
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  return file ? read(file.get(), nullptr, no_password, nullptr) : nullptr;
}

} // namespace

PkeyPtr new_key() {
  return PkeyPtr(EVP_EC_gen("P-256"));
}

std::string pem_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Secret pem_of(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_secmem())); // wiped by OpenSSL, and the copy by Secret
  if (!bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return {};
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return Secret(std::string(data, static_cast<std::size_t>(size)));
}

std::int64_t time_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) : 0;
}

std::string time_text(const ASN1_TIME* time) {
  return format_rfc3339_nanos(time_seconds(time) * kSecond);
}

X509Ptr read_certificate(const std::string& path) {
  return X509Ptr(read_pem<X509>(path, PEM_read_bio_X509));
}

PkeyPtr read_key(const std::string& path) {
  return PkeyPtr(read_pem<EVP_PKEY>(path, PEM_read_bio_PrivateKey));
}

bool set_serial(X509* certificate) {
  auto bytes = random_bytes(16);
  bytes[0] = static_cast<char>((static_cast<unsigned char>(bytes[0]) & 0x7f) | 0x40);
  const std::unique_ptr<BIGNUM, BnDeleter> number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), 16, nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_times(X509* certificate, std::int64_t now, std::int64_t not_after) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), now - kDay) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), not_after) != nullptr;
}

bool set_name(X509_NAME* name, const char* key, const std::string& value) {
  return X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, ExtDeleter> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool fill_ca(X509* certificate, EVP_PKEY* key, const std::string& subject, std::int64_t now,
             std::int64_t not_after) {
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
         set_times(certificate, now, not_after) && X509_set_pubkey(certificate, key) == 1 &&
         set_name(X509_get_subject_name(certificate), "CN", subject) &&
         X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
         add_extension(certificate, certificate, NID_basic_constraints,
                       "critical,CA:TRUE,pathlen:0") &&
         add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
         add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

} // namespace sluice::certs
