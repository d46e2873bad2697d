// Check digits and entropy, on published examples and on what nearly passes.
#include "policy/redact/token_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <random>
#include <string>

using namespace sluice::redact;

BOOST_AUTO_TEST_SUITE(token_checks)

BOOST_AUTO_TEST_CASE(entropy_is_shannons) {
  BOOST_TEST(entropy_of("") == 0.0);
  BOOST_TEST(entropy_of("aaaaaaaa") == 0.0);
  BOOST_TEST(entropy_of("abab") == 1.0);
  BOOST_TEST(entropy_of("abcd") == 2.0);
  BOOST_TEST(std::abs(entropy_of("aab") - 0.9183) < 0.0001);
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  BOOST_TEST(entropy_of(all) == 8.0);
}

BOOST_AUTO_TEST_CASE(nothing_is_asked_of_none) {
  BOOST_TEST(passes(TokenCheck::none, ""));
  BOOST_TEST(passes(TokenCheck::none, "anything"));
}

BOOST_AUTO_TEST_CASE(luhn) {
  for (const char* good : {"79927398713", "4111111111111111", "4111 1111 1111 1111",
                           "5500-0000-0000-0004", "378282246310005", "18"}) {
    BOOST_TEST(passes(TokenCheck::luhn, good), good);
  }
  for (const char* bad :
       {"", "0", "7", "0000000000000000", "79927398710", "4111111111111112", "abc"}) {
    BOOST_TEST(!passes(TokenCheck::luhn, bad), bad);
  }
  // One digit changed is always noticed.
  const std::string card = "4111111111111111";
  for (std::size_t i = 0; i < card.size(); ++i) {
    for (char c = '0'; c <= '9'; ++c) {
      auto other = card;
      other[i] = c;
      BOOST_TEST(passes(TokenCheck::luhn, other) == (other == card));
    }
  }
}

BOOST_AUTO_TEST_CASE(mod97) {
  for (const char* good :
       {"GB82WEST12345698765432", "GB82 WEST 1234 5698 7654 32", "DE89370400440532013000",
        "FR1420041010050500013M02606", "NO9386011117947", "gb82west12345698765432",
        "MT84MALT011000012345MTLCAST001S"}) {
    BOOST_TEST(passes(TokenCheck::mod97, good), good);
  }
  for (const char* bad :
       {"", "GB82", "GB83WEST12345698765432", "GB82WEST12345698765431", "GB82WEST1234569876543!",
        "DE8937040044053201300012345678901234567890123"}) {
    BOOST_TEST(!passes(TokenCheck::mod97, bad), bad);
  }
}

// The test sum of ISO 3309: "123456789" gives CBF43926, in base 62 3jZJgo (3421780262).
BOOST_AUTO_TEST_CASE(base62_crc32) {
  std::string digits;
  constexpr std::string_view kBase62 =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (std::uint32_t rest = 0xCBF43926U; digits.size() < 6; rest /= 62)
    digits.insert(digits.begin(), kBase62[rest % 62]);
  const std::string good = "123456789" + digits;
  BOOST_TEST(passes(TokenCheck::base62_crc32, good));
  BOOST_TEST(!passes(TokenCheck::base62_crc32, digits));
  BOOST_TEST(!passes(TokenCheck::base62_crc32, ""));
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto other = good;
    other[i] = other[i] == 'x' ? 'y' : 'x';
    BOOST_TEST(!passes(TokenCheck::base62_crc32, other));
  }
}

BOOST_AUTO_TEST_CASE(any_bytes_are_no_fault) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto size = random() % 60; size-- > 0;) text += static_cast<char>(random());
    for (const auto check : {TokenCheck::luhn, TokenCheck::mod97, TokenCheck::base62_crc32}) {
      (void)passes(check, text);
    }
    const auto bits = entropy_of(text);
    BOOST_TEST((bits >= 0 && bits <= 8));
  }
}

BOOST_AUTO_TEST_SUITE_END()
