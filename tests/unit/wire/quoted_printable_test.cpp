// Quoted-printable: RFC 2045's rules, what is no escape, and there and back under every cut.
#include "proxy/wire/quoted_printable.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <utility>

using namespace sluice::wire;

namespace {

template <class Codec> std::string through(std::string_view in, std::size_t piece) {
  Codec codec;
  std::string out;
  for (; !in.empty(); in.remove_prefix(std::min(piece, in.size()))) {
    codec.feed(in.substr(0, piece), out);
  }
  codec.finish(out);
  return out;
}
std::string decoded(std::string_view in, std::size_t piece = 1000) {
  return through<QuotedPrintableDecoder>(in, piece);
}
std::string encoded(std::string_view in, std::size_t piece = 1000) {
  return through<QuotedPrintableEncoder>(in, piece);
}

} // namespace

BOOST_AUTO_TEST_SUITE(quoted_printable)

BOOST_AUTO_TEST_CASE(what_it_means) {
  const std::pair<std::string_view, std::string_view> kRows[] = {
      {"plain", "plain"},
      {"=41KIA=2d", "AKIA-"},
      {"soft=\r\nbreak=\nhere= \t\r\ntoo", "softbreakheretoo"},
      {"a\nb\r\nc", "a\r\nb\r\nc"},
      {"lone\rcr", "lone\rcr"},
      {"=4", "=4"},
      {"=", "="},
      {"=zz =4z ==41", "=zz =4z =A"},
      {"= x", "= x"},
      {"end=\r\n", "end"},
      {"end\r", "end\r"},
      {"", ""}};
  for (const auto& [in, out] : kRows) {
    for (std::size_t piece = 1; piece < 12; ++piece) BOOST_TEST(decoded(in, piece) == out);
  }
}

BOOST_AUTO_TEST_CASE(white_space_behind_an_equals_sign_is_not_held_for_ever) {
  QuotedPrintableDecoder decoder;
  std::string out;
  decoder.feed("=" + std::string(100'000, ' '), out);
  BOOST_TEST(out.size() > 99'000U);
}

BOOST_AUTO_TEST_CASE(lines_are_short_and_end_in_nothing_invisible) {
  const auto text = encoded("a = b \r\n" + std::string(200, 'x') + "\t\r\n\r\n " + '\n');
  BOOST_TEST(text.starts_with("a =3D b=20\r\n"));
  BOOST_TEST(text.ends_with("x=09\r\n\r\n =0A"));
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find("\r\n", at), text.size());
    BOOST_TEST(end - at <= 76U);
    at = end + 2;
  }
}

BOOST_AUTO_TEST_CASE(there_and_back_is_the_same) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const auto size = random() % 300;
    for (std::size_t i = 0; i < size; ++i) {
      const auto roll = random() % 8;
      text += roll == 0   ? std::string("\r\n")
              : roll == 1 ? std::string(" ")
              : roll == 2 ? std::string(1, static_cast<char>(random() % 256))
                          : std::string("w");
    }
    // A bare LF is written =0A, so that it is none of the text's line ends.
    const auto written = encoded(text, 1 + random() % 20);
    BOOST_TEST(written == encoded(text));
    BOOST_TEST(decoded(written, 1 + random() % 20) == text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
