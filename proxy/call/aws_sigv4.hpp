// AWS Signature Version 4: what Authorization says of a request as it is sent. Pure: the keys, the
// time and the digest of the body are given. Never shows a key; what is derived of one is wiped.
// Tested by tests/unit/call/aws_sigv4_test.cpp.
#pragma once

#include "policy/base/secret.hpp"
#include "proxy/wire/head.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::call {

// In the place of a digest, for those who take it: what the body says is not signed.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct AwsRequest {
  std::string_view method, target;  // in origin form, as it goes
  std::vector<wire::Field> headers; // all that is signed, Host and X-Amz-Date among it
  std::string_view payload;         // SHA-256 of the body in hex, or kUnsignedPayload
};

struct AwsSigner {
  std::string_view service, region;
  const Secret& access_key;
  const Secret& secret_key;
};

// S3, which reads a path as it is written and takes a body that is not signed.
bool is_s3(std::string_view service) noexcept;

std::string aws_date(std::int64_t unix_nanos); // "20150830T123600Z"
std::string aws_canonical_request(const AwsRequest& request, std::string_view service);
// The value of Authorization. `date` as aws_date() writes it.
std::string aws_authorization(const AwsRequest& request, const AwsSigner& signer,
                              std::string_view date);

} // namespace sluice::call
