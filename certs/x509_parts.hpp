// What certificates are made of and read by: keys, PEM, times, serials, extensions. Private to
// certs/. Never asks for a password. Tested with authority and identity.
#pragma once

#include "certs/authority.hpp"
#include "policy/base/secret.hpp"

#include <openssl/types.h>

#include <cstdint>
#include <string>

namespace sluice::certs {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kDay = 24 * 3600; // seconds

PkeyPtr new_key(); // ECDSA P-256; null when it fails
std::string pem_of(X509* certificate);
Secret pem_of(EVP_PKEY* key);                      // empty when it fails
X509Ptr read_certificate(const std::string& path); // the first of the file; null when there is none
PkeyPtr read_key(const std::string& path);         // null for one with a password, too

std::int64_t time_seconds(const ASN1_TIME* time); // since 1970
std::string time_text(const ASN1_TIME* time);     // RFC 3339

// RFC 5280 §4.1.2.2: unique and positive. 16 octets, always: the sign bit is clear, the next one
// is set, and 126 are random.
bool set_serial(X509* certificate);
// From a day back, for peers whose clock is behind.
bool set_times(X509* certificate, std::int64_t now, std::int64_t not_after);
bool set_name(X509_NAME* name, const char* key, const std::string& value);
bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value);
// A CA signed by itself, for leaves only.
bool fill_ca(X509* certificate, EVP_PKEY* key, const std::string& subject, std::int64_t now,
             std::int64_t not_after);

} // namespace sluice::certs
