// Tokens that stand for secrets while a run lasts: `sl_<rule>_<16 signs>`, of a key that no other
// run has. The same secret of the same rule has the same token, whoever finds it and when. Bounded:
// what it has no room for has no token, and is masked. Safe for all threads. Never prints a secret.
// Tested by tests/unit/redact/token_vault_test.cpp.
#pragma once

#include "policy/base/secret.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::redact {

class TokenVault {
 public:
  static constexpr std::size_t kMostTokens = 100'000;
  static constexpr std::size_t kMostBytes = 32U << 20U; // of secrets, together
  static constexpr std::size_t kMostOfASecret = 4096;
  // What a token looks like; of fixed length once its second '_' is there.
  static constexpr std::string_view kPattern = "sl_[a-z0-9-]{1,64}_[0-9a-z]{16}";

  struct Limits {
    std::size_t tokens = kMostTokens, bytes = kMostBytes;
  };
  struct Entry {
    std::string rule;
    Secret secret;
  };

  TokenVault() : TokenVault(Limits()) {}
  explicit TokenVault(Limits limits);
  // For texts that are no run's (`policy test`), whose tokens can be written down beforehand.
  TokenVault(Limits limits, Secret key) : limits_(limits), key_(std::move(key)) {}
  TokenVault(const TokenVault&) = delete;
  TokenVault& operator=(const TokenVault&) = delete;

  // "": there is none to be had. A secret with control characters, but line feeds and tabs, has
  // none: it could end the line that it is put back into.
  std::string token_for(std::string_view rule, std::string_view secret);
  std::optional<Entry> secret_of(std::string_view token) const;
  bool knows(std::string_view token) const;

 private:
  Limits limits_;
  Secret key_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::size_t bytes_ = 0;
};

} // namespace sluice::redact
