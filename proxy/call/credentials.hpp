// Logins that are put into requests for an agent that never has them. A login stands where its
// credential says and nowhere else; what the agent wrote there itself goes. Added after redaction,
// so that nothing masks it, and never shown: not in a fact, a record or a message.
// Tested by tests/unit/call/credentials_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/base/secret.hpp"
#include "policy/model/credential.hpp"
#include "proxy/wire/head.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::call {

struct CredentialValue {
  model::Credential what;
  Secret value;
};

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
  void put_into(wire::RequestHead& head) const; // requires: room was made
  bool empty() const noexcept { return parts_.empty(); }

 private:
  std::shared_ptr<const CredentialSet> all_; // keeps the parts
  std::vector<const CredentialValue*> parts_;
};

// Whether the placeholder of a credential stands there, however it is escaped: one that is bound
// was removed.
inline constexpr std::string_view kMisplacedPlaceholder =
    "the placeholder of a credential stands where the credential does not belong";
bool holds_placeholder(const wire::Fields& fields, std::string_view target);

} // namespace sluice::call
