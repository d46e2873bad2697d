#include "certs/java_trust_store.hpp"

#include "certs/authority.hpp"
#include "certs/ossl_error.hpp"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <climits>
#include <memory>

namespace sluice::certs {
namespace {

// Oracle's "trusted key usage". Without it on an entry Java takes the certificate for a part of
// somebody's chain and trusts nobody.
constexpr const char* kTrustedKeyUsage = "2.16.840.1.113894.746875.1.1";

struct BagDeleter {
  void operator()(PKCS12_SAFEBAG* p) const noexcept { PKCS12_SAFEBAG_free(p); }
};
struct BagsDeleter {
  void operator()(STACK_OF(PKCS12_SAFEBAG) * p) const noexcept {
    sk_PKCS12_SAFEBAG_pop_free(p, PKCS12_SAFEBAG_free);
  }
};
struct SafesDeleter {
  void operator()(STACK_OF(PKCS7) * p) const noexcept { sk_PKCS7_pop_free(p, PKCS7_free); }
};
struct StoreDeleter {
  void operator()(PKCS12* p) const noexcept { PKCS12_free(p); }
};
using BagPtr = std::unique_ptr<PKCS12_SAFEBAG, BagDeleter>;
using BagsPtr = std::unique_ptr<STACK_OF(PKCS12_SAFEBAG), BagsDeleter>;

Error unreadable(const std::string& what) {
  return ossl_error(Origin::config, "bundle_unreadable", what);
}

// RFC 7292 §4.2.3: a certificate bag, trusted for any purpose.
BagPtr trusted_bag(X509* certificate, const std::string& alias) {
  BagPtr bag(PKCS12_SAFEBAG_create_cert(certificate));
  const auto* any_usage =
      reinterpret_cast<const unsigned char*>(OBJ_nid2obj(NID_anyExtendedKeyUsage));
  if (!bag || PKCS12_add_friendlyname_utf8(bag.get(), alias.c_str(), -1) != 1 ||
      PKCS12_add1_attr_by_txt(bag.get(), kTrustedKeyUsage, V_ASN1_OBJECT, any_usage, -1) != 1) {
    return nullptr;
  }
  return bag;
}

// The reader says "no start line" where the bundle ends; anything else is damage.
bool at_end_of_pem() {
  return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

Result<BagsPtr> bags_of(std::string_view pem_bundle) {
  const BioPtr in(pem_bundle.size() > INT_MAX
                      ? nullptr
                      : BIO_new_mem_buf(pem_bundle.data(), static_cast<int>(pem_bundle.size())));
  BagsPtr bags(sk_PKCS12_SAFEBAG_new_null());
  if (!in || !bags) return unreadable("the bundle is too large");
  ERR_clear_error();
  for (int number = 1;; ++number) {
    const auto which = "certificate " + std::to_string(number) + " of the bundle";
    const X509Ptr certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (!certificate && at_end_of_pem()) break;
    if (!certificate) return unreadable(which);
    // Java keeps one entry per alias, so aliases are numbers and not names.
    BagPtr bag = trusted_bag(certificate.get(), "root-" + std::to_string(number));
    if (!bag || sk_PKCS12_SAFEBAG_push(bags.get(), bag.get()) <= 0) return unreadable(which);
    static_cast<void>(bag.release());
  }
  ERR_clear_error();
  if (sk_PKCS12_SAFEBAG_num(bags.get()) == 0) return unreadable("no certificate in the bundle");
  return bags;
}

} // namespace

Result<std::string> java_trust_store(std::string_view pem_bundle) {
  constexpr int kNotEncrypted = -1;
  SLUICE_TRY(auto&& bags, bags_of(pem_bundle));
  STACK_OF(PKCS7)* made = nullptr;
  const bool added = PKCS12_add_safe(&made, bags.get(), kNotEncrypted, 0, nullptr) == 1;
  const std::unique_ptr<STACK_OF(PKCS7), SafesDeleter> safes(made);
  const std::unique_ptr<PKCS12, StoreDeleter> store(added ? PKCS12_add_safes(safes.get(), 0)
                                                          : nullptr);
  unsigned char* der = nullptr;
  const int size = store ? i2d_PKCS12(store.get(), &der) : -1;
  if (size <= 0) return ossl_error(Origin::internal, "tls_failed", "no Java trust store");
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string java_tool_options(std::string_view trust_store_file) {
  // The JVM splits at blanks and knows two kinds of quotes but no escapes.
  std::string quoted;
  for (const char c : trust_store_file) {
    if (c == '"') {
      quoted += "\"'\"'\"";
    } else {
      quoted += c;
    }
  }
  return "-Djavax.net.ssl.trustStore=\"" + quoted + "\" -Djavax.net.ssl.trustStoreType=PKCS12";
}

} // namespace sluice::certs
