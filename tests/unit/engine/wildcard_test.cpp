#include "policy/engine/wildcard.hpp"

#include <re2/re2.h>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace {

using sluice::engine::fits_wildcard;

BOOST_AUTO_TEST_SUITE(wildcard)

BOOST_AUTO_TEST_CASE(each_star_is_any_run_of_bytes) {
  BOOST_TEST(fits_wildcard("", ""));
  BOOST_TEST(!fits_wildcard("", "a"));
  BOOST_TEST(fits_wildcard("*", ""));
  BOOST_TEST(fits_wildcard("api-*", "api-"));
  BOOST_TEST(!fits_wildcard("api-*", "api"));
  BOOST_TEST(!fits_wildcard("a*a", "a")); // what is at both ends is there twice
  BOOST_TEST(fits_wildcard("*ab*b", "abb"));
  BOOST_TEST(!fits_wildcard("*ab*b", "ab"));
}

std::vector<std::string> words_of(std::string_view letters, std::size_t most) {
  std::vector<std::string> out = {""};
  for (std::size_t i = 0; out[i].size() < most; ++i) {
    for (const char letter : letters) out.push_back(out[i] + letter);
  }
  return out;
}

BOOST_AUTO_TEST_CASE(it_says_what_an_expression_says_of_all_short_words) {
  const auto texts = words_of("ab", 6);
  for (const std::string& pattern : words_of("a*b", 5)) {
    std::string expression;
    for (const char c : pattern) expression += c == '*' ? std::string(".*") : std::string(1, c);
    const re2::RE2 compiled(expression);
    for (const std::string& text : texts) {
      const bool expected = re2::RE2::FullMatch(text, compiled);
      BOOST_TEST_REQUIRE(fits_wildcard(pattern, text) == expected, pattern << " of " << text);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
