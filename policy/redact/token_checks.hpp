// What a format can say of a token beside its shape: how mixed its bytes are, and check digits.
// Pure functions of the secret part. Tested by tests/unit/redact/token_checks_test.cpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::redact {

// Shannon entropy in bits per byte; 0 of nothing.
double entropy_of(std::string_view text) noexcept;

enum class TokenCheck : std::uint8_t { none, luhn, mod97, base62_crc32 };
// luhn: ISO/IEC 7812-1 annex B, over the digits. mod97: ISO 13616, IBAN with or without spaces.
// base62_crc32: the last six bytes are the CRC-32 of those before, in base 62.
bool passes(TokenCheck check, std::string_view text) noexcept;

} // namespace sluice::redact
