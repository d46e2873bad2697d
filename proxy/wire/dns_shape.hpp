// Whether a DNS question looks like an address lookup or like data on its way out. Pure guesses by
// shape, for names that only a wildcard of the policy allows: a name a rule spells out carries
// nothing. A bound on what leaks, not a proof: who sends little at a time passes, so the names a
// rule can allow are the guard, and every query is on record.
// Tested by tests/unit/wire/dns_shape_test.cpp.
#pragma once

#include "proxy/wire/dns_message.hpp"

#include <cstdint>

namespace sluice::wire {

enum class DnsTypeClass : std::uint8_t {
  refused = 0, // TXT, NULL, ANY, transfers, private and unknown types: made to carry data
  address,     // A, AAAA
  empty,       // asked by ordinary clients, e.g. HTTPS, MX: answered no_error without a record
};
DnsTypeClass classify(std::uint16_t type) noexcept;

// The name is too long for a host's, holds bytes that no host name has, or has labels that read
// like encoded bytes: one of 40 characters (base32, base64url, hex), or eight shorter ones.
bool looks_like_tunnelling(const DnsQuery& query);

} // namespace sluice::wire
