#include "policy/base/ed25519.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/base/key_file.hpp"

#include <cstdlib>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace sluice {
namespace {

constexpr std::size_t kSignatureSize = 64;

struct BioDeleter {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// What is not the key it should be leaves nothing in OpenSSL's queue for the next caller.
bool is_ed25519(const EVP_PKEY* key) {
  const bool is = key != nullptr && EVP_PKEY_is_a(key, "ED25519") == 1;
  ERR_clear_error();
  return is;
}

Bio reader_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

// OpenSSL would ask the terminal for a passphrase; a sidecar has nobody to ask.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Error invalid(const std::string& path, std::string_view what) {
  return make_error(Origin::config, "key_invalid", path + std::string(what));
}

} // namespace

Ed25519Public::Ed25519Public(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  if (size <= 0) std::abort();
  der_.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  fingerprint_ = to_hex(sha256(der_));
}

std::optional<Ed25519Public> Ed25519Public::from_der(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!is_ed25519(key.get())) return std::nullopt;
  Ed25519Public out(std::shared_ptr<EVP_PKEY>(std::move(key)));
  if (out.der_ != der) return std::nullopt; // one key, one spelling, one fingerprint
  return out;
}

std::optional<Ed25519Public> Ed25519Public::from_pem(std::string_view pem) {
  const Bio bio = reader_of(pem);
  Key key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!is_ed25519(key.get())) return std::nullopt;
  return Ed25519Public(std::shared_ptr<EVP_PKEY>(std::move(key)));
}

Result<Ed25519Public> Ed25519Public::load(const std::string& path) {
  SLUICE_TRY(auto&& pem, read_key_file(path, Privacy::anybody_may_read));
  auto key = from_pem(pem.reveal());
  if (!key) return invalid(path, " holds no Ed25519 public key in PEM");
  return std::move(*key);
}

std::string Ed25519Public::pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1) std::abort();
  return text_of(bio.get());
}

bool Ed25519Public::verifies(std::string_view text, std::string_view signature) const {
  const Context context(EVP_MD_CTX_new());
  if (!context || signature.size() != kSignatureSize) return false;
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                       text.size()) == 1;
  ERR_clear_error();
  return good;
}

Ed25519Private::Ed25519Private(std::shared_ptr<EVP_PKEY> key)
    : key_(key), public_(std::move(key)) {}

Ed25519Private Ed25519Private::generate() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) std::abort(); // no randomness: nothing that follows could be trusted
  return Ed25519Private(std::shared_ptr<EVP_PKEY>(std::move(key)));
}

Result<Ed25519Private> Ed25519Private::load(const std::string& path) {
  SLUICE_TRY(auto&& pem, read_key_file(path, Privacy::owner_only));
  const Bio bio = reader_of(pem.reveal());
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!is_ed25519(key.get())) {
    return invalid(path, " holds no Ed25519 private key in PEM without a passphrase");
  }
  return Ed25519Private(std::shared_ptr<EVP_PKEY>(std::move(key)));
}

Secret Ed25519Private::pem() const {
  const Bio bio(BIO_new(BIO_s_secmem())); // wiped by OpenSSL, and the copy by Secret
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1) {
    std::abort();
  }
  return Secret(text_of(bio.get()));
}

std::string Ed25519Private::sign(std::string_view text) const {
  const Context context(EVP_MD_CTX_new());
  std::string signature(kSignatureSize, '\0');
  std::size_t size = signature.size();
  const bool made =
      context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(text), text.size()) == 1;
  if (!made || size != kSignatureSize) std::abort();
  return signature;
}

} // namespace sluice
