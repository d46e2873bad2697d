#include "policy/base/bytes.hpp"

#include <boost/test/unit_test.hpp>

namespace {

BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(hex_goes_both_ways) {
  BOOST_TEST(sluice::to_hex(std::string_view("\x00\xff\x1a", 3)) == "00ff1a");
  BOOST_TEST(sluice::from_hex("00Ff1A").value() == std::string("\x00\xff\x1a", 3));
  for (const char* bad : {"0", "0g", "zz", "0 "}) BOOST_TEST(!sluice::from_hex(bad), bad);
}

BOOST_AUTO_TEST_CASE(base64_follows_rfc_4648_section_10) {
  const std::pair<std::string, std::string> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : rows) {
    BOOST_TEST(sluice::to_base64(plain) == encoded);
    BOOST_TEST(sluice::from_base64(encoded).value() == plain);
  }
  for (const char* bad : {"Zg", "Zg=", "Z===", "Zh==", "Zm9=", "Z g=", "====", "Zg==Zg=="}) {
    BOOST_TEST(!sluice::from_base64(bad), bad);
  }
}

BOOST_AUTO_TEST_CASE(percent_encoding_goes_both_ways) {
  const std::pair<std::string, std::string> rows[] = {{"", ""},
                                                      {"aZ09-._~", "aZ09-._~"},
                                                      {"a b/c", "a%20b%2Fc"},
                                                      {"%", "%25"},
                                                      {"\xc3\xa9+", "%C3%A9%2B"}};
  for (const auto& [plain, encoded] : rows) {
    BOOST_TEST(sluice::percent_encoded(plain) == encoded);
    BOOST_TEST(sluice::percent_decoded(encoded) == plain);
  }
  BOOST_TEST(sluice::percent_encoded("/a b", "/") == "/a%20b");
  BOOST_TEST(sluice::percent_decoded("%c3%A9") == "\xc3\xa9");
  for (const char* none : {"%", "%4", "%g1", "%1g", "a%", "%%", "+"})
    BOOST_TEST(sluice::percent_decoded(none) == none);
  BOOST_TEST(sluice::percent_decoded("a+%2B%%41", sluice::Plus::is_space) == "a +%A");
}

BOOST_AUTO_TEST_CASE(comparisons) {
  BOOST_TEST(sluice::equal_constant_time("ab", "ab"));
  BOOST_TEST(!sluice::equal_constant_time("ab", "ac"));
  BOOST_TEST(!sluice::equal_constant_time("ab", "abc"));
  BOOST_TEST(sluice::equal_ignore_case("Host", "hOST"));
  BOOST_TEST(!sluice::equal_ignore_case("Host", "Hos"));
}

BOOST_AUTO_TEST_CASE(the_nearest_word_is_a_typo_away_or_nothing) {
  const std::string_view known[] = {"hosts", "ports", "methods"};
  BOOST_TEST(sluice::nearest_word("host", known, 3) == "hosts");
  BOOST_TEST(sluice::nearest_word("port", known, 3) == "ports");
  BOOST_TEST(sluice::nearest_word("xyzzy", known, 3) == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
