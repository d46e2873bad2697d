// The form of an identity: spiffe://<trust domain>/<path>, compared as it is written. Pure. Never
// turns one text into another: what is not in the one form is no identity.
// Tested by tests/unit/certs/spiffe_id_test.cpp.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::certs {

inline constexpr std::size_t kLongestSpiffeId = 2048;

// What is wrong with it, as a phrase; "" when nothing is. SPIFFE-ID §2: a trust domain of a-z, 0-9,
// '.', '-' and '_', and a path of segments of the same and A-Z, none of them empty, "." or "..".
// So no user, port, query, fragment or percent-encoding.
std::string_view spiffe_id_fault(std::string_view id) noexcept;

} // namespace sluice::certs
