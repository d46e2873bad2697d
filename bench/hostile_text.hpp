// Texts that cost a redactor most: made up, the same at every run. For the bench and for the test
// of costs. Never used by the product.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::bench {

using Random = std::mt19937_64;

inline std::string token(Random& random, std::string_view prefix, std::size_t length) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string out(prefix);
  for (std::size_t i = 0; i < length; ++i) out += kAlphabet[random() % kAlphabet.size()];
  return out;
}

inline std::string repeated(std::string_view unit, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += unit;
  return out;
}

inline std::string random_of(std::string_view alphabet, std::size_t bytes) {
  Random random(3);
  std::string out;
  while (out.size() < bytes) out += alphabet[random() % alphabet.size()];
  return out;
}

inline std::string near_misses(std::size_t bytes) {
  Random random(4);
  std::string out;
  const char* prefixes[] = {"ghp_", "sk-proj-", "AKIA",  "xoxb-1234567890-",
                            "eyJ",  "AIza",     "glpat-"};
  while (out.size() < bytes) out += token(random, prefixes[random() % 7], 6 + random() % 12) + " ";
  return out;
}

struct Corpus {
  const char* name;
  std::string text;
};
inline std::vector<Corpus> hostile_texts(std::size_t bytes) {
  return {
      {"base64",
       random_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", bytes)},
      {"near misses", near_misses(bytes)},
      {"ghp_ghp_…", repeated("ghp_", bytes)},
      {"sk-ant-sk-ant-…", repeated("sk-ant-", bytes)},
      {"secret_key=…", repeated("secret_key=a1aaaaaaaaaaaaaaaa ", bytes)},
      {"PEM headers", repeated("-----BEGIN RSA PRIVATE KEY-----\n", bytes)},
      {"only escapes", repeated("\\u0061\\u003c%41", bytes)},
      {"Cyrillic", repeated("Съешь же ещё этих мягких французских булок, да выпей чаю. ", bytes)}};
}

} // namespace sluice::bench
