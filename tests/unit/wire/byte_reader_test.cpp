#include "proxy/wire/byte_reader.hpp"

#include <boost/test/unit_test.hpp>

#include <string_view>

namespace {

using namespace sluice::wire;
using namespace std::string_view_literals;

} // namespace

BOOST_AUTO_TEST_SUITE(byte_reader)

BOOST_AUTO_TEST_CASE(numbers_are_big_endian_and_unsigned) {
  ByteReader in("\xff\x80\x01\xfe\x00\x02\xff\x00\x00\x01"sv);
  BOOST_TEST(in.u8().value() == 0xff);
  BOOST_TEST(in.u16().value() == 0x8001);
  BOOST_TEST(in.u24().value() == 0xfe0002U);
  BOOST_TEST(in.u32().value() == 0xff000001U);
  BOOST_TEST(in.empty());
}

BOOST_AUTO_TEST_CASE(what_is_not_whole_is_not_consumed) {
  ByteReader in("\x01\x02\x03"sv);
  BOOST_TEST(!in.u32());
  BOOST_TEST(!in.take(4));
  BOOST_TEST(!in.vector16());
  BOOST_TEST(in.rest() == "\x01\x02\x03"sv);
  BOOST_TEST(in.vector8().value() == "\x02"sv);
  BOOST_TEST(!in.u16());
  BOOST_TEST(in.u8().value() == 3);
  BOOST_TEST(!in.u8());
}

BOOST_AUTO_TEST_CASE(vectors_may_be_empty) {
  ByteReader in("\x00\x00\x00"sv);
  BOOST_TEST(in.vector8().value().empty());
  BOOST_TEST(in.vector16().value().empty());
  BOOST_TEST(in.take(0).value().empty());
  BOOST_TEST(in.empty());
}

BOOST_AUTO_TEST_SUITE_END()
