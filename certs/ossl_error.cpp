#include "certs/ossl_error.hpp"

#include <openssl/err.h>

#include <utility>

namespace sluice::certs {

Error ossl_error(Origin origin, std::string code, const std::string& what) {
  const unsigned long oldest = ERR_get_error();
  ERR_clear_error();
  const char* reason = oldest == 0 ? nullptr : ERR_reason_error_string(oldest);
  return make_error(origin, std::move(code), reason == nullptr ? what : what + ": " + reason);
}

} // namespace sluice::certs
