// Every string over four letters up to a length, against an oracle that sees the whole string and
// masks the union of all occurrences, and with every one and two cuts.
#include "policy/redact/redactor.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace sluice;
using redact::Redactor;

const std::vector<std::string> kSecrets = {"abca", "cab", "bcabd", "aaaa"};

std::shared_ptr<const redact::RuleSet> rules() {
  redact::RuleSetConfig config;
  config.token_formats = false;
  for (const auto& secret : kSecrets) config.known.push_back({secret, Secret(secret), true});
  config.placeholder = "#";
  return redact::RuleSet::build(config).value();
}

std::string oracle(std::string_view text, Redactor::Mask mask) {
  // glued[i]: bytes i-1 and i are inside one match; without it two runs only touch.
  std::vector<bool> covered(text.size()), glued(text.size());
  for (const std::string& secret : kSecrets) {
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at + 1)) {
      for (std::size_t i = 0; i < secret.size(); ++i) {
        covered[at + i] = true;
        if (i > 0) glued[at + i] = true;
      }
    }
  }
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!covered[i]) {
      out += text[i];
    } else if (mask == Redactor::Mask::keep_length) {
      out += '*';
    } else if (!glued[i]) {
      out += '#';
    }
  }
  return out;
}

std::uint64_t occurrences(std::string_view text) {
  std::uint64_t count = 0;
  for (const std::string& secret : kSecrets)
    for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at + 1)) ++count;
  return count;
}

struct Harness {
  std::shared_ptr<const redact::RuleSet> compiled = rules();

  // The text in up to three pieces.
  void check(std::string_view text, std::size_t first, std::size_t second, Redactor::Mask mask) {
    Redactor redactor(compiled, mask);
    std::string out;
    redactor.feed(text.substr(0, first), out);
    redactor.feed(text.substr(first, second - first), out);
    redactor.feed(text.substr(second), out);
    const bool bounded = redactor.held() <= compiled->max_hold();
    redactor.finish(out);
    const bool same = out == oracle(text, mask) && redactor.findings().total() == occurrences(text);
    if (same && bounded) return; // a check for each of millions would take minutes
    BOOST_TEST_REQUIRE(false, text << " cut at " << first << " and " << second << " gave " << out);
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(redactor_property)

BOOST_AUTO_TEST_CASE(agrees_with_the_oracle_however_it_is_cut) {
  constexpr std::size_t kLongest = 7;
  constexpr std::string_view kLetters = "abcd";
  Harness harness;
  std::vector<std::string> texts = {""};
  for (std::size_t length = 1; length <= kLongest; ++length) {
    std::vector<std::string> longer;
    for (const auto& text : texts)
      for (const char letter : kLetters) longer.push_back(text + letter);
    texts = std::move(longer);
    for (const auto& text : texts) {
      harness.check(text, 0, 0, Redactor::Mask::keep_length);
      for (std::size_t first = 0; first <= length; ++first)
        for (std::size_t second = first; second <= length; ++second)
          harness.check(text, first, second, Redactor::Mask::placeholder);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
