// Exhaustive: every string over a small alphabet, under every two cuts, against an oracle that
// knows the whole text: find all matches at all places, mask the union.
#include "policy/redact/redactor.hpp"

#include <boost/test/unit_test.hpp>

using namespace sluice;

namespace {

const std::vector<std::string> kSecrets = {"abcabc", "cabcab", "bcabcabd", "aaaaaa"};

std::string oracle(const std::string& text) {
  std::string out;
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t longest = 0, named = 0;
    for (std::size_t s = 0; s < kSecrets.size(); ++s) {
      if (text.compare(i, kSecrets[s].size(), kSecrets[s]) == 0 && kSecrets[s].size() > longest) {
        longest = kSecrets[s].size();
        named = s;
      }
    }
    if (longest > 0 && i >= end) out += "<secret:" + std::to_string(named) + ">";
    if (longest > 0) end = std::max(end, i + longest);
    if (i >= end) out += text[i];
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(redactor_agrees_with_the_oracle_under_every_cut) {
  redact::RuleSetConfig config;
  config.token_formats = false;
  config.placeholder = "<{rule}>";
  for (std::size_t i = 0; i < kSecrets.size(); ++i) {
    config.known.push_back({std::to_string(i), Secret(kSecrets[i]), false});
  }
  const auto rules = redact::RuleSet::build(config).value();
  constexpr std::size_t kLength = 9;
  constexpr std::string_view kAlphabet = "abcd";
  std::size_t total = 1;
  for (std::size_t i = 0; i < kLength; ++i) total *= kAlphabet.size();
  std::size_t wrong = 0, masked = 0;
  for (std::size_t code = 0; code < total; ++code) {
    std::string text;
    for (std::size_t i = 0, rest = code; i < kLength; ++i, rest /= 4) text += kAlphabet[rest % 4];
    const auto expected = oracle(text);
    if (expected != text) ++masked;
    // Every pair of cuts where something is found; one in seven elsewhere, to stay quick.
    if (expected == text && code % 7 != 0) continue;
    for (std::size_t a = 0; a <= kLength; ++a) {
      for (std::size_t b = a; b <= kLength; ++b) {
        redact::Redactor redactor(rules);
        std::string out;
        redactor.feed(std::string_view(text).substr(0, a), out);
        redactor.feed(std::string_view(text).substr(a, b - a), out);
        redactor.feed(std::string_view(text).substr(b), out);
        redactor.finish(out);
        if (out != expected) ++wrong;
      }
    }
  }
  BOOST_TEST(masked > 100U);
  BOOST_TEST(wrong == 0U);
}
