#include "certs/card_signer.hpp"

#include "certs/ossl_error.hpp"
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/base/key_file.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstring>
#include <memory>
#include <utility>

namespace sluice::certs {
namespace {

constexpr int kHalf = 32; // of a signature, in bytes

struct MdCtxDeleter {
  void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
};
struct EcdsaSigDeleter {
  void operator()(ECDSA_SIG* p) const noexcept { ECDSA_SIG_free(p); }
};

// OpenSSL would ask the terminal for a passphrase; a sidecar has nobody to ask.
int nobody_to_ask(char*, int, int, void*) {
  return -1;
}

bool is_p256(const EVP_PKEY* key) {
  char group[32] = {};
  std::size_t size = 0;
  const bool is = key != nullptr && EVP_PKEY_is_a(key, "EC") == 1 &&
                  EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
                  std::strcmp(group, "prime256v1") == 0;
  ERR_clear_error();
  return is;
}

std::string key_fingerprint(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  const std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return to_hex(sha256(text));
}

} // namespace

CardSigner::CardSigner(PkeyPtr key)
    : key_(std::move(key)), fingerprint_(key_fingerprint(key_.get())) {}

Result<CardSigner> CardSigner::load(const std::string& path) {
  SLUICE_TRY(auto&& pem, read_key_file(path, Privacy::owner_only));
  const auto text = pem.reveal();
  const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  PkeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nobody_to_ask, nullptr) : nullptr);
  if (!is_p256(key.get())) {
    return make_error(Origin::config, "key_invalid",
                      path + " holds no EC P-256 private key in PEM without a passphrase");
  }
  return CardSigner(std::move(key));
}

Result<std::string> CardSigner::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, MdCtxDeleter> context(EVP_MD_CTX_new());
  unsigned char der[128];
  std::size_t size = sizeof der;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const bool made =
      context &&
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestSign(context.get(), der, &size, bytes, text.size()) == 1;
  const unsigned char* at = der;
  const std::unique_ptr<ECDSA_SIG, EcdsaSigDeleter> pair(
      made ? d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)) : nullptr);
  unsigned char raw[2 * kHalf];
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), raw, kHalf) != kHalf ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), raw + kHalf, kHalf) != kHalf)
    return ossl_error(Origin::internal, "card_not_signed", "the card's signature");
  return std::string(reinterpret_cast<char*>(raw), sizeof raw);
}

} // namespace sluice::certs
