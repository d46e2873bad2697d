// Content codings: names, offers, and round trips of every coding and stack in every cut.
#include "tests/support/coding_text.hpp"

#include <boost/test/unit_test.hpp>

using namespace sluice;
using test::decoded;
using test::encoded;
using wire::Coding;
using wire::Codings;

namespace {

const std::vector<Codings> kStacks = {{},
                                      {Coding::gzip},
                                      {Coding::deflate},
                                      {Coding::raw_deflate},
                                      {Coding::br},
                                      {Coding::zstd},
                                      {Coding::gzip, Coding::br},
                                      {Coding::br, Coding::gzip},
                                      {Coding::zstd, Coding::zstd},
                                      {Coding::deflate, Coding::raw_deflate},
                                      {Coding::gzip, Coding::br, Coding::zstd},
                                      {Coding::zstd, Coding::raw_deflate, Coding::br}};

// As the field says it: raw deflate has no name, so that a decoder must see it.
Codings named(Codings codings) {
  for (auto& coding : codings) {
    if (coding == Coding::raw_deflate) coding = Coding::deflate;
  }
  return codings;
}

// Half of it compresses well, half not at all.
std::string sample(std::size_t size) {
  std::string out;
  std::uint32_t state = 1;
  while (out.size() < size) {
    state = state * 1664525 + 1013904223;
    out += (out.size() / 512) % 2 == 0 ? "all work and no play " : std::to_string(state);
  }
  out.resize(size);
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(coding)

BOOST_AUTO_TEST_CASE(round_trips_in_every_cut) {
  for (const std::size_t size : {0U, 1U, 60U, 5000U, 300000U}) {
    const auto text = sample(size);
    for (const auto& stack : kStacks) {
      const auto bytes = encoded(stack, text);
      BOOST_TEST_CONTEXT(wire::content_encoding(stack) << " of " << size) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size() + 1}) {
          const auto back = decoded(named(stack), bytes, piece);
          BOOST_REQUIRE(back.has_value());
          BOOST_TEST((back.value() == text));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(encoding_does_not_depend_on_the_cut) {
  const auto text = sample(20000);
  for (const auto& stack : kStacks) {
    wire::Encoder encoder(stack);
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); at += 7)
      encoder.feed(std::string_view(text).substr(at, 7), wire::Encoder::Flush::none, bytes);
    encoder.finish(bytes);
    const auto back = decoded(stack, bytes, 1000);
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST((back.value() == text));
  }
}

BOOST_AUTO_TEST_CASE(what_is_fed_with_sync_can_be_read_at_once) {
  for (const auto& stack : kStacks) {
    wire::Encoder encoder(stack);
    wire::Decoder decoder(named(stack));
    for (const std::string event : {"event one", "event two", "x"}) {
      std::string bytes, out;
      encoder.feed(event, wire::Encoder::Flush::sync, bytes);
      BOOST_REQUIRE(decoder.feed(bytes, [&](std::string_view some) { out += some; }).has_value());
      BOOST_TEST(out == event, wire::content_encoding(stack));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_decoder_says_what_it_found) {
  for (const auto& stack : kStacks) {
    wire::Decoder decoder(named(stack));
    std::size_t largest = 0;
    const auto sink = [&](std::string_view some) { largest = std::max(largest, some.size()); };
    BOOST_REQUIRE(decoder.feed(encoded(stack, std::string(100000, 'a')), sink).has_value());
    BOOST_CHECK(decoder.codings() == stack);
    if (!stack.empty()) BOOST_TEST(largest <= 16U * 1024); // however much one feed gives
  }
}

BOOST_AUTO_TEST_CASE(names) {
  const auto parsed = [](const char* field) {
    const auto codings = wire::parse_codings(field);
    return codings ? wire::content_encoding(codings.value()) : codings.error().detail;
  };
  for (const auto& [field, meaning] : {std::pair{"", ""},
                                       {"identity", ""},
                                       {" , Identity,", ""},
                                       {"GZip", "gzip"},
                                       {"x-GZIP", "gzip"},
                                       {"deflate", "deflate"},
                                       {"\tbr ", "br"},
                                       {"ZSTD", "zstd"},
                                       {"gzip, BR", "gzip, br"},
                                       {"gzip,,identity,gzip , zstd", "gzip, gzip, zstd"},
                                       {"gzip, gzip, gzip, gzip", "too many content codings"},
                                       {"compress", "unknown content coding"},
                                       {"x-br", "unknown content coding"},
                                       {"gzip;q=1", "unknown content coding"},
                                       {"gzip br", "unknown content coding"},
                                       {"\"gzip\"", "unknown content coding"},
                                       {"br, dcb", "unknown content coding"}}) {
    BOOST_TEST(parsed(field) == meaning, field);
  }
}

BOOST_AUTO_TEST_CASE(offers) {
  for (const auto& [accepted, offered] :
       {std::pair{"", "identity"},
        {"gzip, deflate, br, zstd", "gzip, deflate, br, zstd"},
        {"gzip;q=0.5,BR;q=1.000 , X-GZIP", "gzip;q=0.5, br;q=1.000, gzip"},
        {"gzip ; Q=0.5", "gzip;q=0.5"},
        {"dcb, dcz, compress, sdch", "identity"},
        {"br;q=0", "br;q=0"},
        {"identity;q=0, gzip", "identity;q=0, gzip"},
        {"*", "gzip"},
        {"*;q=0.1", "gzip;q=0.1"},
        {"gzip, *;q=0", "gzip, *;q=0"},
        {"gzip;q=2, br;q=0.1234, zstd;x=1, deflate;q=", "identity"},
        {"gzip;q=1.5", "identity"},
        {"gzip br", "identity"},
        {",,", "identity"}}) {
    BOOST_TEST(wire::offer_decodable(accepted) == offered, accepted);
  }
}

BOOST_AUTO_TEST_SUITE_END()
