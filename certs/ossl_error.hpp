// OpenSSL's error queue as an Error. Never leaves entries behind for the next caller to trip over.
#pragma once

#include "policy/base/result.hpp"

#include <string>

namespace sluice::certs {

// Empties the queue; the text is that of the oldest entry, which is usually the cause.
Error ossl_error(Origin origin, std::string code, const std::string& what);

} // namespace sluice::certs
