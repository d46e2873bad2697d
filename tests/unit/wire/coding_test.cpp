// Content codings: round trips in pieces, and every stream that must not be believed.
#include "proxy/wire/coding.hpp"

#include <boost/test/unit_test.hpp>

using namespace sluice;
using wire::Coding;

namespace {

std::string encoded(Coding coding, const std::string& text) {
  wire::Encoder encoder(coding);
  std::string out;
  encoder.feed(text, wire::Encoder::Flush::none, out);
  encoder.finish(out);
  return out;
}

Result<std::string> decoded(Coding coding, const std::string& bytes, std::size_t piece,
                            wire::DecodeLimits limits = {}) {
  wire::Decoder decoder(coding, limits);
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    SLUICE_TRY(decoder.feed(std::string_view(bytes).substr(at, piece), out));
  }
  SLUICE_TRY(decoder.finish());
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(coding)

BOOST_AUTO_TEST_CASE(round_trips_in_pieces) {
  const std::string text = "the quick brown fox, again and again and again and again";
  for (const auto coding : {Coding::gzip, Coding::deflate}) {
    const auto bytes = encoded(coding, text);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
      const auto back = decoded(coding, bytes, piece);
      BOOST_REQUIRE(back.has_value());
      BOOST_TEST(back.value() == text);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_fed_with_sync_can_be_read_at_once) {
  wire::Encoder encoder(Coding::gzip);
  wire::Decoder decoder(Coding::gzip);
  std::string bytes, out;
  encoder.feed("event one", wire::Encoder::Flush::sync, bytes);
  BOOST_REQUIRE(decoder.feed(bytes, out).has_value());
  BOOST_TEST(out == "event one");
}

BOOST_AUTO_TEST_CASE(damaged_streams_are_refused) {
  const auto bytes = encoded(Coding::gzip, "some text that is long enough");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    BOOST_TEST(!decoded(Coding::gzip, bytes.substr(0, cut), 5).has_value());
  }
  BOOST_TEST(!decoded(Coding::gzip, bytes + "garbage", 5).has_value());
  BOOST_TEST(!decoded(Coding::gzip, "not gzip at all", 5).has_value());
  BOOST_TEST(!decoded(Coding::deflate, "\xff\xff\xff\xff\xff", 5).has_value());
}

BOOST_AUTO_TEST_CASE(bombs_are_refused) {
  const auto bytes = encoded(Coding::gzip, std::string(8 << 20, 'a'));
  BOOST_TEST(!decoded(Coding::gzip, bytes, 512).has_value());
  wire::DecodeLimits small;
  small.output_bytes = 10;
  BOOST_TEST(
      !decoded(Coding::gzip, encoded(Coding::gzip, "more than ten bytes"), 512, small).has_value());
}

BOOST_AUTO_TEST_CASE(names) {
  BOOST_CHECK(wire::parse_coding("") == Coding::identity);
  BOOST_CHECK(wire::parse_coding("GZip") == Coding::gzip);
  BOOST_CHECK(!wire::parse_coding("br").has_value());
  BOOST_CHECK(!wire::parse_coding("gzip, gzip").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
