// Where the value of a secret is read from: a variable, a file, what a helper says. A value that
// stands in a document itself is refused, and never quoted. Holds no value and reads none: that is
// proxy/runtime's. Tested by tests/socket/config_test.cpp and
// tests/unit/engine/credentials_test.cpp.
#pragma once

#include "policy/base/reader.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

struct SecretSource {
  enum class From : std::uint8_t { env = 0, file, exec };
  std::string id;
  From from = From::env;
  std::vector<std::string> words; // the variable, the path, or the command
  bool allow_short = false;
  bool operator==(const SecretSource&) const = default;
};

std::string_view to_string(SecretSource::From from) noexcept;

// An id stands in masks, in headers and URLs too, and in records. "" and a diagnostic when it is
// not letters, digits, '.', '-' and '_'.
std::string parse_secret_id(Reader id);
// `value: {env: NAME}`, `{file: path}` or `{exec: [CMD, ARG]}`, as it is written.
void parse_secret_value(Reader value, SecretSource& out);

} // namespace sluice
