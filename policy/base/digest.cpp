#include "policy/base/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace sluice {
namespace {

// Fetched once: OpenSSL 3 looks an implementation up at every EVP_sha256(), which costs more than
// hashing a short record.
const EVP_MD* sha256_method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

} // namespace

struct Sha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(md); }
  void start() {
    if (md == nullptr || EVP_DigestInit_ex(md, sha256_method(), nullptr) != 1) std::abort();
  }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  context_->start();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  if (EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) != 1) std::abort();
}

Digest Sha256::digest() {
  Digest out;
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  if (EVP_DigestFinal_ex(context_->md, bytes, nullptr) != 1) std::abort();
  context_->start();
  return out;
}

std::string Sha256::finish() {
  return std::string(view(digest()));
}

std::string sha256(std::string_view bytes) {
  thread_local Sha256 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

std::string sha1(std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out, &size, EVP_sha1(), nullptr) != 1) std::abort();
  return std::string(reinterpret_cast<char*>(out), size);
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out,
           &size) == nullptr) {
    std::abort();
  }
  return std::string(reinterpret_cast<char*>(out), size);
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
    std::abort();
  }
  return out;
}

std::string new_id(std::int64_t unix_nanos) {
  constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  // One call to the system's generator serves many ids: an id is made on the path of each call.
  thread_local std::string pool;
  thread_local std::size_t used = 0;
  if (used + 10 > pool.size()) {
    pool = random_bytes(640);
    used = 0;
  }
  unsigned char raw[16];
  const auto millis = static_cast<std::uint64_t>(unix_nanos / 1'000'000);
  for (int i = 0; i < 6; ++i) raw[i] = static_cast<unsigned char>(millis >> (40 - 8 * i));
  for (int i = 0; i < 10; ++i) raw[6 + i] = static_cast<unsigned char>(pool[used + i]);
  used += 10;
  std::string out(26, '0');
  // 128 bits, most significant first, as 26 digits of 5 bits (the first holds 3).
  unsigned bits = 0;
  unsigned held = 2; // two leading zero bits make 130
  std::size_t at = 0;
  for (const unsigned char byte : raw) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      out[at++] = kAlphabet[bits >> held & 31];
    }
    bits &= (1U << held) - 1;
  }
  return out;
}

} // namespace sluice
