#include "policy/evidence/key.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/base/secret.hpp"
#include "policy/evidence/file.hpp"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

constexpr std::size_t kMaxKeyFile = 16384;

struct BioDeleter {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// What is not the key it should be leaves nothing in OpenSSL's queue for the next caller.
bool is_p256(const EVP_PKEY* key) {
  char group[32] = {};
  const bool named = key != nullptr && EVP_PKEY_is_a(key, "EC") == 1 &&
                     EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1;
  ERR_clear_error();
  return named && std::string_view(group) == "prime256v1";
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Bio reader_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Error invalid(const std::string& path, std::string_view what) {
  return make_error(Origin::evidence, "evidence_key_invalid", path + std::string(what));
}

} // namespace

void KeyDeleter::operator()(EVP_PKEY* key) const noexcept {
  EVP_PKEY_free(key);
}

PublicKey::PublicKey(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  if (size <= 0) std::abort();
  der_.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  fingerprint_ = to_hex(sha256(der_));
}

std::optional<PublicKey> PublicKey::from_der(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!is_p256(key.get())) return std::nullopt;
  PublicKey out(std::move(key));
  if (out.der_ != der) return std::nullopt; // one key, one spelling, one fingerprint
  return out;
}

std::optional<PublicKey> PublicKey::from_pem(std::string_view pem) {
  const Bio bio = reader_of(pem);
  Key key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!is_p256(key.get())) return std::nullopt;
  return PublicKey(std::move(key));
}

std::string PublicKey::pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1) std::abort();
  return text_of(bio.get());
}

bool PublicKey::verifies(std::string_view text, std::string_view base64_signature) const {
  const std::optional<std::string> signature = from_base64(base64_signature);
  const Context context(EVP_MD_CTX_new());
  if (!signature || !context) return false;
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(*signature), signature->size(), bytes_of(text),
                       text.size()) == 1;
  ERR_clear_error();
  return good;
}

SigningKey::SigningKey(std::shared_ptr<EVP_PKEY> key) : key_(key), public_(std::move(key)) {}

SigningKey SigningKey::generate() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) std::abort(); // no randomness: nothing that follows could be trusted
  return SigningKey(std::move(key));
}

Result<SigningKey> SigningKey::load(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return file_error("open", path, errno);
  if (!S_ISREG(info.st_mode)) return invalid(path, " is not a regular file");
  if ((info.st_mode & 077U) != 0) {
    return invalid(path, " can be read by others (chmod 600 it, if nobody has)");
  }
  SLUICE_TRY(std::string text, read_file(path, kMaxKeyFile));
  const Secret pem(std::move(text));
  const Bio bio = reader_of(pem.reveal());
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!is_p256(key.get())) return invalid(path, " holds no P-256 private key");
  return SigningKey(std::move(key));
}

Result<> SigningKey::store(const std::string& path) const {
  const Bio bio(BIO_new(BIO_s_secmem())); // wiped by OpenSSL, and the copy by Secret
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1) {
    std::abort();
  }
  const Secret pem(text_of(bio.get()));
  if (::access(path.c_str(), F_OK) == 0) return file_error("create", path, EEXIST);
  return write_file_atomically(path, pem.reveal());
}

std::string SigningKey::sign(std::string_view text) const {
  const Context context(EVP_MD_CTX_new());
  std::string signature(256, '\0');
  std::size_t size = signature.size();
  const bool made =
      context &&
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(text), text.size()) == 1;
  if (!made) std::abort();
  signature.resize(size);
  return to_base64(signature);
}

} // namespace sluice::evidence
