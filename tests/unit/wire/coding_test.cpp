#include "proxy/wire/coding.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace {

using namespace sluice::wire;

std::string encode(Coding coding, std::string_view text) {
  Encoder encoder(coding);
  std::string out;
  encoder.feed(text, Encoder::Flush::none, out);
  encoder.finish(out);
  return out;
}

struct Decoded {
  std::string text;
  std::string code; // "" when all went well
};

Decoded decode(Coding coding, std::string_view in, std::size_t piece, const DecodeLimits& limits) {
  Decoder decoder(coding, limits);
  Decoded out;
  for (; !in.empty(); in.remove_prefix(std::min(piece, in.size()))) {
    const auto fed = decoder.feed(in.substr(0, piece), out.text);
    if (!fed) return {out.text, fed.error().code};
  }
  const auto done = decoder.finish();
  if (!done) out.code = done.error().code;
  return out;
}
Decoded decode(Coding coding, std::string_view in) {
  return decode(coding, in, in.size() + 1, {});
}

const std::string kText = "data: {\"delta\":\"hello\"}\n\ndata: {\"delta\":\"world\"}\n\n";
constexpr Coding kAll[] = {Coding::identity, Coding::gzip, Coding::deflate};
constexpr Coding kCompressed[] = {Coding::gzip, Coding::deflate};

} // namespace

BOOST_AUTO_TEST_SUITE(coding)

BOOST_AUTO_TEST_CASE(names_one_coding_or_none) {
  BOOST_TEST((parse_coding("gzip") == Coding::gzip));
  BOOST_TEST((parse_coding(" X-GZip\t") == Coding::gzip));
  BOOST_TEST((parse_coding("Deflate") == Coding::deflate));
  BOOST_TEST((parse_coding("identity") == Coding::identity));
  BOOST_TEST((parse_coding("") == Coding::identity));
  for (const auto* refused : {"br", "zstd", "compress", "gzip, gzip", "gzip,", "gzip;q=1", "g zip"})
    BOOST_TEST(!parse_coding(refused).has_value(), refused);
}

BOOST_AUTO_TEST_CASE(round_trips_however_it_is_cut) {
  for (const auto coding : kAll) {
    const auto bytes = encode(coding, kText);
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
      const auto back = decode(coding, bytes, piece, {});
      BOOST_TEST(back.code == "");
      BOOST_TEST(back.text == kText);
    }
  }
}

BOOST_AUTO_TEST_CASE(takes_raw_deflate) {
  const auto zlib = encode(Coding::deflate, kText);
  const auto raw = zlib.substr(2, zlib.size() - 6); // without the header and the check sum
  for (std::size_t piece = 1; piece <= raw.size(); ++piece)
    BOOST_TEST(decode(Coding::deflate, raw, piece, {}).text == kText);
}

BOOST_AUTO_TEST_CASE(takes_gzip_of_several_members) {
  const auto bytes = encode(Coding::gzip, "one ") + encode(Coding::gzip, "two");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const auto back = decode(Coding::gzip, bytes, piece, {});
    BOOST_TEST(back.code == "");
    BOOST_TEST(back.text == "one two");
  }
}

BOOST_AUTO_TEST_CASE(refuses_every_truncation) {
  for (const auto coding : kCompressed) {
    const auto bytes = encode(coding, kText);
    for (std::size_t size = 1; size < bytes.size(); ++size)
      BOOST_TEST(decode(coding, bytes.substr(0, size)).code == "content_undecodable");
  }
}

BOOST_AUTO_TEST_CASE(refuses_what_follows_the_end) {
  for (const auto coding : kCompressed) {
    for (const auto& tail : {std::string("x"), std::string("\0", 1), std::string("\x1f\x8b")}) {
      const auto bytes = encode(coding, kText) + tail;
      BOOST_TEST(decode(coding, bytes).code == "content_undecodable");
      BOOST_TEST(decode(coding, bytes, 1, {}).code == "content_undecodable");
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_damage_and_stays_refused) {
  auto bytes = encode(Coding::gzip, kText);
  bytes[bytes.size() - 5] ^= 1; // the check sum
  BOOST_TEST(decode(Coding::gzip, bytes).code == "content_undecodable");
  Decoder decoder(Coding::gzip);
  std::string out;
  BOOST_TEST(!decoder.feed("plain text", out));
  BOOST_TEST(!decoder.feed(encode(Coding::gzip, kText), out));
  BOOST_TEST(!decoder.finish());
  BOOST_TEST(out == "");
}

BOOST_AUTO_TEST_CASE(refuses_a_bomb_by_ratio) {
  const std::string zeros(8U << 20U, '\0');
  for (const auto coding : kCompressed) {
    const auto back = decode(coding, encode(coding, zeros));
    BOOST_TEST(back.code == "content_bomb");
    BOOST_TEST(back.text.size() < (2U << 20U)); // seen early, not at the end
  }
  const std::string few(1U << 19U, '\0'); // steep, but small
  BOOST_TEST(decode(Coding::gzip, encode(Coding::gzip, few)).code == "");
}

BOOST_AUTO_TEST_CASE(refuses_a_bomb_by_size) {
  DecodeLimits limits;
  limits.output_bytes = kText.size();
  const auto fits = encode(Coding::gzip, kText);
  BOOST_TEST(decode(Coding::gzip, fits, 7, limits).code == "");
  const auto over = encode(Coding::gzip, kText + "!");
  BOOST_TEST(decode(Coding::gzip, over, 7, limits).code == "content_bomb");
}

BOOST_AUTO_TEST_CASE(a_sync_flush_can_be_decoded_at_once) {
  for (const auto coding : kCompressed) {
    Encoder encoder(coding);
    Decoder decoder(coding);
    std::string bytes, text;
    encoder.feed("data: 1\n", Encoder::Flush::none, bytes);
    encoder.feed("\n", Encoder::Flush::sync, bytes);
    BOOST_TEST(decoder.feed(bytes, text).has_value());
    BOOST_TEST(text == "data: 1\n\n");
  }
}

BOOST_AUTO_TEST_SUITE_END()
