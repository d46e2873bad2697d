// Identities for the components of a scenario: a CA that lives in memory only, and a leaf with one
// URI name for each of them. Its key is never written, so nobody can make one more identity later;
// who needs one mints all of them anew. Tested by tests/unit/certs/identity_authority_test.cpp.
#pragma once

#include "certs/authority.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::certs {

class IdentityAuthority {
 public:
  // Valid from a day back to `days` ahead, as its leaves are. Fails (config, "identity_failed").
  static Result<IdentityAuthority> create(std::string_view trust_domain, int days,
                                          const Clock& clock);

  std::string certificate_pem() const;
  // A leaf with a key of its own, for either end of a connection. Fails (config,
  // "identity_failed") for what is no identity of this trust domain.
  Result<Leaf> mint(std::string_view id) const;

 private:
  IdentityAuthority() = default;
  std::string prefix_;                   // of its identities: "spiffe://<trust domain>/"
  std::int64_t now_ = 0, not_after_ = 0; // in seconds
  X509Ptr certificate_;
  PkeyPtr key_;
};

struct NamedIdentity {
  std::string name; // of its files: letters, digits, '.', '-', '_'; not a dot first
  std::string id;   // spiffe://<trust domain>/<path>
};
struct MintedIdentity {
  std::string name, id;
  std::string certificate_file, key_file; // 0644 and 0600
};
struct MintedIdentities {
  std::string roots_file; // what all of them believe
  std::vector<MintedIdentity> all;
};
inline constexpr std::string_view kMeshRootsFile = "mesh-ca.pem";

// Writes <directory>/mesh-ca.pem and, for each, <name>.pem and <name>.key, each in one step; files
// of an earlier call are replaced. The folder is made (0700) when it is not there. Fails (config)
// "identity_failed" or "identity_unwritable".
Result<MintedIdentities> mint_identities(const std::string& directory,
                                         std::string_view trust_domain,
                                         const std::vector<NamedIdentity>& who, int days,
                                         const Clock& clock);

} // namespace sluice::certs
