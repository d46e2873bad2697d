#include "policy/redact/packs.hpp"

#include <stdexcept>
#include <string_view>
#include <utility>

namespace sluice::redact {

// Generated from packs/secrets/*.yaml when Sluice is built: name and text, ended by an empty name.
extern const std::pair<std::string_view, std::string_view> kSecretsPack[];

namespace {

// Our own data: a fault in it is a defect of the build, which the tests find.
TokenFormats load(const std::pair<std::string_view, std::string_view>* file) {
  TokenFormats all;
  for (; !file->first.empty(); ++file) {
    Diagnostics problems;
    const auto document = parse_document(file->second, std::string(file->first), problems);
    if (document) {
      for (auto& format : parse_formats(*document, problems)) all.push_back(std::move(format));
    }
    if (!problems.empty()) throw std::logic_error("built-in pack: " + format(problems));
  }
  return all;
}

} // namespace

const TokenFormats& secrets_pack() {
  static const TokenFormats all = load(kSecretsPack);
  return all;
}

} // namespace sluice::redact
