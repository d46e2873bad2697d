// Logins that are put into requests for an agent that never has them. A login stands where its
// credential says and nowhere else; what the agent wrote there itself goes. Added after redaction,
// so that nothing masks it, and never shown: not in a fact, a record or a message.
// Tested by tests/unit/call/credentials_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/secret.hpp"
#include "policy/model/credential.hpp"
#include "proxy/wire/head.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::call {

struct CredentialValue {
  model::Credential what;
  Secret value;                               // aws_sigv4: the secret key
  Secret access_key = {}, session_token = {}; // aws_sigv4; the latter may be empty
  std::int64_t expires_unix_nanos = 0;        // aws_sigv4, when it is known
};

// Each that must not be seen, with its name: "s3", or "s3.access_key".
std::vector<std::pair<std::string, const Secret*>> secrets_of(const CredentialValue& one);
bool same_secrets(const CredentialValue& a, const CredentialValue& b);

// "" or why no request can carry this value: it would end the line.
std::string_view unfit(const CredentialValue& one);

// Of one policy, with the values as they were read. Immutable.
class CredentialSet {
 public:
  explicit CredentialSet(std::vector<CredentialValue> all) : all_(std::move(all)) {}
  const CredentialValue* find(std::string_view id) const noexcept;
  const std::vector<CredentialValue>& all() const noexcept { return all_; }

 private:
  std::vector<CredentialValue> all_;
};

// What one call is given.
class Login {
 public:
  Login() = default; // nothing
  // Fails (config, "credential_conflict") when two go to the same place, or one is not known: which
  // of them was meant nobody can say.
  static Result<Login> make(std::shared_ptr<const CredentialSet> all,
                            const std::vector<std::string>& ids);

  // In place, of an origin-form target: what stands where the login goes, in any spelling that a
  // server may take for it.
  void make_room(wire::Fields& fields, std::string& target) const;
  void put_into(wire::RequestHead& head) const; // requires: room was made; all but a signature

  // The one that signs; null: none does. A rule of two logins for one place leaves at most one.
  const model::Credential* signer() const noexcept;
  // Before room is made: why what the agent sends cannot be signed by us. "" when it can.
  std::string cannot_sign(const wire::Fields& fields) const;
  // What is signed is what goes: after all else is done to the head. `payload` as AwsRequest has
  // it. Signs anew what was signed before.
  void sign(wire::RequestHead& head, std::string_view payload, std::int64_t unix_nanos) const;
  bool empty() const noexcept { return parts_.empty(); }

 private:
  const CredentialValue* signing() const noexcept;

  std::shared_ptr<const CredentialSet> all_; // keeps the parts
  std::vector<const CredentialValue*> parts_;
};

// Whether the placeholder of a credential stands there, however it is escaped: one that is bound
// was removed.
inline constexpr std::string_view kMisplacedPlaceholder =
    "the placeholder of a credential stands where the credential does not belong";
bool holds_placeholder(const wire::Fields& fields, std::string_view target);

} // namespace sluice::call
