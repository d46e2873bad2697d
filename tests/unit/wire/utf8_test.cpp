#include "proxy/wire/utf8.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using sluice::wire::Utf8Check;

bool right(std::string_view text, std::size_t piece) {
  Utf8Check check;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    if (!check.feed(text.substr(0, piece))) return false;
  return check.whole();
}

// By the definition: decodes, and looks at what came out.
bool right_by_value(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t size = byte < 0x80 ? 1 : (byte >> 5) == 6 ? 2 : (byte >> 4) == 14 ? 3 : 4;
    if (byte >= 0x80 && (byte < 0xC0 || byte > 0xF7)) return false;
    if (i + size > text.size()) return false;
    unsigned value = size == 1 ? byte : byte & (0x7FU >> size);
    for (std::size_t k = 1; k < size; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0U) != 0x80) return false;
      value = value << 6 | (next & 0x3FU);
    }
    constexpr unsigned kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < kLeast[size] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      return false;
    i += size;
  }
  return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(utf8)

BOOST_AUTO_TEST_CASE(every_string_of_bytes_that_matter) {
  const std::string bytes(
      "\x00\x7F\x80\x8F\x90\x9F\xA0\xBF\xC1\xC2\xDF\xE0\xE1\xED\xEF\xF0\xF4\xF5", 18);
  std::string text;
  const auto each = [&](auto&& self, int left) -> void {
    BOOST_REQUIRE(right(text, 1) == right_by_value(text));
    if (left == 0) return;
    for (const char c : bytes) {
      text.push_back(c);
      self(self, left - 1);
      text.pop_back();
    }
  };
  each(each, 4);
}

BOOST_AUTO_TEST_CASE(cuts_do_not_matter_and_long_ascii_hides_nothing) {
  const std::string long_text = std::string(1000, 'a') + "\xE2\x82\xAC" + std::string(77, 'b');
  for (const std::size_t piece : {1U, 3U, 8U, 1000U, 5000U}) {
    BOOST_TEST(right(long_text, piece));
    for (const std::size_t at : {0U, 7U, 8U, 500U, 999U}) {
      auto broken = long_text;
      broken[at] = '\xFF';
      BOOST_TEST(!right(broken, piece));
    }
  }
  BOOST_TEST(!right("abc\xE2\x82", 2)); // cut short
}

BOOST_AUTO_TEST_SUITE_END()
