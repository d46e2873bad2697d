#include "policy/base/printable.hpp"

#include <boost/test/unit_test.hpp>

namespace {

BOOST_AUTO_TEST_SUITE(printable)

BOOST_AUTO_TEST_CASE(what_drives_a_terminal_is_escaped) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", ""},
      {"plain ~", "plain ~"},
      {"a\nb\tc\r", "a\\x0ab\\x09c\\x0d"},
      {{"\0", 1}, "\\x00"},
      {"\x1b[2J\x7f", "\\x1b[2J\\x7f"},
      {"\xc2\x9b"
       "31m",
       "\\xc2\\x9b31m"}, // CSI as one character of UTF-8
      {"\x9b"
       "31m",
       "\\x9b31m"}, // and as one byte
      {"\xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
       "\xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"\xe2\x82", "\\xe2\\x82"},          // cut
      {"\xe0\x82\x9b", "\\xe0\\x82\\x9b"}, // overlong
      {"\xf0\x80\x82\x9b", "\\xf0\\x80\\x82\\x9b"},
      {"\xff", "\\xff"}};
  for (const auto& [text, expected] : rows) BOOST_TEST(sluice::printable(text) == expected);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
