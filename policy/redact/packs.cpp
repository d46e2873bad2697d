#include "policy/redact/packs.hpp"

#include "policy/redact/format_table.hpp"

namespace sluice::redact {

// Compiled from packs/*/*.yaml by the build.
extern const std::string_view kSecretsPack;
extern const std::string_view kPiiPack;

const TokenFormats& secrets_pack() {
  static const TokenFormats all = read_formats(kSecretsPack);
  return all;
}

const TokenFormats& pii_pack() {
  static const TokenFormats all = read_formats(kPiiPack);
  return all;
}

} // namespace sluice::redact
