// The codings that a secret travels in and the places where it stands, for the recall test.
#pragma once

#include "tests/support/pack_samples.hpp"

#include <functional>
#include <string>
#include <vector>

namespace sluice::test {

struct RecallCoding {
  const char* name;
  std::function<std::string(const std::string&, Random&)> apply;
  bool opaque = false; // base64 and hex: the bytes do not stand for themselves
};
const std::vector<RecallCoding>& codings();

struct RecallPlace {
  const char* name;
  std::function<std::string(const std::string&)> apply; // escapes what the place demands
};
const std::vector<RecallPlace>& places();

// Letters and digits, base64, symbols, quotes and backslashes, spaces, other scripts.
std::string random_secret(Random& random, std::size_t kind);
struct RecallToken {
  std::string text;       // "" when none was found
  std::size_t secret = 0; // bytes of it that must be masked
};
// Of the pattern, passing what else the format demands.
RecallToken valid_token(const PackFormat& format, Random& random);

} // namespace sluice::test
