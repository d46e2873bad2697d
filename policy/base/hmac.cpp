#include "policy/base/hmac.hpp"

#include "policy/base/digest.hpp"

#include <openssl/evp.h>

#include <cstdlib>
#include <utility>

namespace sluice {
namespace {

const EVP_MD* method() { // fetched once: see digest.cpp
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return sha256;
}

} // namespace

// Not OpenSSL's own HMAC: before 3.1 it looks SHA-256 up for each one, which costs more than a
// body.
struct HmacSha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(md); }
};

HmacSha256::HmacSha256(std::string_view key) : inner_(std::make_unique<Context>()) {
  std::array<char, 64> inner_key{}; // a block of SHA-256: RFC 2104 §2
  const std::string short_key = key.size() > inner_key.size() ? sha256(key) : std::string(key);
  short_key.copy(inner_key.data(), inner_key.size());
  outer_key_ = inner_key;
  for (char& c : inner_key) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer_key_) c = static_cast<char>(c ^ 0x5c);
  if (inner_->md == nullptr || EVP_DigestInit_ex(inner_->md, method(), nullptr) != 1) std::abort();
  update({inner_key.data(), inner_key.size()});
}

HmacSha256::HmacSha256(const HmacSha256& other)
    : inner_(std::make_unique<Context>()), outer_key_(other.outer_key_) {
  if (inner_->md == nullptr || EVP_MD_CTX_copy_ex(inner_->md, other.inner_->md) != 1) std::abort();
}
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256 other) noexcept {
  std::swap(inner_, other.inner_);
  std::swap(outer_key_, other.outer_key_);
  return *this;
}
HmacSha256::~HmacSha256() = default;

void HmacSha256::update(std::string_view bytes) {
  if (EVP_DigestUpdate(inner_->md, bytes.data(), bytes.size()) != 1) std::abort();
}

std::string HmacSha256::finish() {
  Digest inner{};
  auto* out = reinterpret_cast<unsigned char*>(inner.data());
  if (EVP_DigestFinal_ex(inner_->md, out, nullptr) != 1) std::abort();
  thread_local Sha256 outer;
  outer.update({outer_key_.data(), outer_key_.size()});
  outer.update(view(inner));
  return outer.finish();
}

} // namespace sluice
