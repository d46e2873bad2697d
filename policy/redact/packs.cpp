#include "policy/redact/packs.hpp"

#include "policy/redact/format_table.hpp"

namespace sluice::redact {

extern const std::string_view kSecretsPack; // compiled from packs/secrets/*.yaml by the build

const TokenFormats& secrets_pack() {
  static const TokenFormats all = read_formats(kSecretsPack);
  return all;
}

} // namespace sluice::redact
