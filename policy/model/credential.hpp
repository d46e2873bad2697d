// A login that Sluice puts into a request, so that the agent never has it: where it goes and where
// its value is read from, never the value. Belongs to the rules that name it, and to no other call.
// Tested by tests/unit/engine/credentials_test.cpp.
#pragma once

#include "policy/base/secret_source.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::model {

struct Credential {
  enum class Type : std::uint8_t { header = 0, query, basic, aws_sigv4 };
  Type type = Type::header;
  std::string place;    // the header's name in lower case, or the parameter's as it is
  std::string format;   // header: the value with {value} in it
  std::string username; // basic (RFC 7617)
  std::string service;  // aws_sigv4: what the signature is for
  std::string region;
  bool plaintext = false;               // may also go over http
  std::chrono::milliseconds refresh{0}; // read again after that long; 0: at a reload only
  SecretSource source;                  // with its id
  // aws_sigv4: of the access key, the secret key and, if there is one, the session token. None:
  // what `source` gives is a document with all of them.
  std::vector<SecretSource> keys;

  const std::string& id() const noexcept { return source.id; }
  bool operator==(const Credential&) const = default;
};

std::string_view to_string(Credential::Type type) noexcept;

std::vector<SecretSource> sources_of(const Credential& credential); // all that are read
// What it takes for itself in a request: fields, and parameters behind a '?'.
std::vector<std::string> places_of(const Credential& credential);

// What an agent may send in the place of a credential: "sluice:credential:<id>".
inline constexpr std::string_view kCredentialMark = "sluice:credential:";

} // namespace sluice::model
