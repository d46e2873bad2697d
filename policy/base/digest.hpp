// SHA-256, HMAC-SHA-256 and SHA-1 over OpenSSL's EVP, and random bytes. Never a hash of our own.
// Tested by tests/unit/base/digest_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice {

std::string sha256(std::string_view bytes); // 32 raw bytes
std::string
sha1(std::string_view bytes); // 20 raw bytes; where a protocol asks for it, never as proof
std::string hmac_sha256(std::string_view key, std::string_view bytes); // 32 raw bytes
std::string random_bytes(std::size_t count); // ends the process when the system has none

using Digest = std::array<char, 32>; // a SHA-256 without the allocation of a string

inline std::string_view view(const Digest& digest) noexcept {
  return {digest.data(), digest.size()};
}

// Incremental SHA-256, reusable; for bodies and for the chain.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  std::string finish(); // 32 raw bytes; resets for the next message
  Digest digest();      // the same

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// 128-bit identifier, 26 characters of Crockford base32: 48 bits of milliseconds, 80 random bits.
// Sorts by time. Never taken from an agent.
std::string new_id(std::int64_t unix_nanos);

} // namespace sluice
