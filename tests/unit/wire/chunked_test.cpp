// The many malformed bodies are in tests/vectors/http1 (request_chunk_*).
#include "proxy/wire/chunked.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <variant>

namespace {

using namespace sluice::wire;

ChunkedDecoder::Step last_step(std::string_view in, const Limits& limits = {}) {
  ChunkedDecoder decoder(limits);
  for (;;) {
    auto step = decoder.next(in);
    if (!std::holds_alternative<BodyBytes>(step)) return step;
  }
}

bool ends(std::string_view in) {
  return std::holds_alternative<MessageEnd>(last_step(in));
}

ProtocolFault fault_of(std::string_view in, const Limits& limits = {}) {
  auto step = last_step(in, limits);
  BOOST_REQUIRE(std::holds_alternative<ProtocolError>(step));
  return std::get<ProtocolError>(step).fault;
}

} // namespace

BOOST_AUTO_TEST_SUITE(chunked)

BOOST_AUTO_TEST_CASE(body_bytes_point_into_the_input) {
  const std::string bytes = "5\r\nhello\r\n0\r\n\r\nrest";
  std::string_view in = bytes;
  ChunkedDecoder decoder{Limits{}};
  const auto step = decoder.next(in);
  BOOST_TEST((std::get<BodyBytes>(step).bytes.data() == bytes.data() + 3));
  BOOST_TEST(std::holds_alternative<MessageEnd>(decoder.next(in)));
  BOOST_TEST(in == "rest");
}

BOOST_AUTO_TEST_CASE(can_be_used_again) {
  ChunkedDecoder decoder{Limits{}};
  for (int i = 0; i < 3; ++i) {
    std::string_view in = "1;a=b\r\nx\r\n0\r\nX-T: 1\r\n\r\n";
    BOOST_TEST(std::holds_alternative<BodyBytes>(decoder.next(in)));
    const auto step = decoder.next(in);
    BOOST_TEST(std::get<MessageEnd>(step).trailers.all().size() == 1U);
    decoder.restart();
  }
}

BOOST_AUTO_TEST_CASE(size_of_many_digits_but_in_range) {
  ChunkedDecoder decoder{Limits{}};
  std::string_view in = "7fffffffffffffff\r\nx";
  BOOST_TEST(std::get<BodyBytes>(decoder.next(in)).bytes == "x");
  BOOST_TEST(std::holds_alternative<NeedMore>(decoder.next(in)));
  BOOST_TEST((fault_of("8000000000000000\r\nx") == ProtocolFault::framing));
  BOOST_TEST(ends("0000000000000000\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(extension_grammar) {
  for (const auto* good : {";a", ";a=b", ";a;b;c=d", ";a=\"\"", ";a=\"x; y\\\"z\"", ";a=\"b\";c"}) {
    BOOST_TEST(ends("0" + std::string(good) + "\r\n\r\n"), good);
  }
  for (const auto* bad : {";", ";;a", ";a=", ";a=\"", ";a=\"\\", ";a=\"b\"c", " ;a", "; a", ";a =b",
                          ";a= b", ";a ", "g", ";a,b", ";a\x01", ";a=\"\x01\"", ";a=\"\n\""}) {
    BOOST_TEST((fault_of("0" + std::string(bad) + "\r\n\r\n") == ProtocolFault::framing), bad);
  }
}

BOOST_AUTO_TEST_CASE(extensions_are_bounded_by_chunk_and_by_message) {
  const auto chunk = [](std::size_t extension) {
    return "1;" + std::string(extension - 1, 'a') + "\r\nx\r\n";
  };
  BOOST_TEST(ends(chunk(256) + "0\r\n\r\n"));
  BOOST_TEST((fault_of(chunk(257)) == ProtocolFault::framing));
  std::string many;
  for (int i = 0; i < 64; ++i) many += chunk(256);
  BOOST_TEST(ends(many + "0\r\n\r\n"));
  BOOST_TEST((fault_of(many + chunk(2)) == ProtocolFault::framing));
}

BOOST_AUTO_TEST_CASE(an_endless_size_line_is_refused) {
  BOOST_TEST((fault_of(std::string(17, '0')) == ProtocolFault::framing));
  BOOST_TEST((fault_of("1;" + std::string(300, 'a')) == ProtocolFault::framing));
}

BOOST_AUTO_TEST_CASE(trailers_are_bounded) {
  Limits limits;
  limits.trailer_bytes = 64;
  BOOST_TEST(
      (fault_of("0\r\nX: " + std::string(80, 'a'), limits) == ProtocolFault::head_too_large));
  limits = {};
  limits.field_count = 2;
  BOOST_TEST((fault_of("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n", limits) == ProtocolFault::head_too_large));
}

BOOST_AUTO_TEST_SUITE_END()
