#include "policy/model/credential.hpp"

namespace sluice::model {

std::string_view to_string(Credential::Type type) noexcept {
  switch (type) {
  case Credential::Type::header: return "header";
  case Credential::Type::query: return "query";
  case Credential::Type::basic: return "basic";
  case Credential::Type::aws_sigv4: return "aws_sigv4";
  }
  return "header";
}

std::vector<SecretSource> sources_of(const Credential& credential) {
  if (credential.keys.empty()) return {credential.source};
  return credential.keys;
}

std::vector<std::string> places_of(const Credential& credential) {
  switch (credential.type) {
  case Credential::Type::header:
  case Credential::Type::basic: break;
  case Credential::Type::query: return {"?" + credential.place};
  case Credential::Type::aws_sigv4: // in fields, and where a presigned URL has them
    return {"authorization",        "x-amz-date",           "x-amz-security-token",
            "x-amz-content-sha256", "x-amz-region-set",     "?x-amz-algorithm",
            "?x-amz-credential",    "?x-amz-date",          "?x-amz-expires",
            "?x-amz-signedheaders", "?x-amz-signature",     "?x-amz-security-token",
            "?x-amz-region-set",    "?x-amz-content-sha256"};
  }
  return {credential.place};
}

} // namespace sluice::model
