#include "policy/model/address.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using sluice::model::AddressClass;
using sluice::model::IpAddress;

BOOST_AUTO_TEST_SUITE(address)

BOOST_AUTO_TEST_CASE(every_spelling_is_the_address_it_reaches) {
  struct Row {
    const char* text;
    const char* strict; // "" when refused
    const char* loose;
  };
  const Row rows[] = {
      {"127.0.0.1", "127.0.0.1", "127.0.0.1"},
      {"127.1", "", "127.0.0.1"},
      {"127.0.1", "", "127.0.0.1"},
      {"2130706433", "", "127.0.0.1"},
      {"0x7f000001", "", "127.0.0.1"},
      {"0X7F.1", "", "127.0.0.1"},
      {"0177.0.0.01", "", "127.0.0.1"},
      {"017700000001", "", "127.0.0.1"},
      {"0x7f.0.0.0x1", "", "127.0.0.1"},
      {"0", "", "0.0.0.0"},
      {"4294967295", "", "255.255.255.255"},
      {"4294967296", "", ""},
      {"1.16777215", "", "1.255.255.255"},
      {"1.16777216", "", ""},
      {"1.2.65535", "", "1.2.255.255"},
      {"1.2.65536", "", ""},
      {"256.1", "", ""},
      {"1.2.3.256", "", ""},
      {"01.2.3.4", "", "1.2.3.4"},
      {"08.1.1.1", "", ""},
      {"0x", "", ""},
      {"0xg", "", ""},
      {"1.2.3.4.5", "", ""},
      {"1.2.3.", "", ""},
      {".1.2.3", "", ""},
      {"1..2.3", "", ""},
      {"-1.2.3.4", "", ""},
      {"+1.2.3.4", "", ""},
      {" 1.2.3.4", "", ""},
      {"1.2.3.4 ", "", ""},
      {"", "", ""},
      {"::", "::", "::"},
      {"::1", "::1", "::1"},
      {"0:0:0:0:0:0:0:1", "::1", "::1"},
      {"2001:DB8::1", "2001:db8::1", "2001:db8::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
      {"::ffff:127.0.0.1", "127.0.0.1", "127.0.0.1"},
      {"::FFFF:7f00:1", "127.0.0.1", "127.0.0.1"},
      {"64:ff9b::10.0.0.1", "64:ff9b::a00:1", "64:ff9b::a00:1"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304", "1:2:3:4:5:6:102:304"},
      {"::ffff:127.1", "", ""},
      {"::ffff:0x7f.0.0.1", "", ""},
      {"1:2:3:4:5:6:7:1.2.3.4", "", ""},
      {"1:2:3:4:5:6:7", "", ""},
      {"1:2:3:4:5:6:7:8:9", "", ""},
      {"1::2::3", "", ""},
      {"1:2:3:4::5:6:7:8", "", ""},
      {":1", "", ""},
      {"1:", "", ""},
      {":::", "", ""},
      {"12345::", "", ""},
      {"g::", "", ""},
      {"fe80::1%eth0", "", ""},
      {"[::1]", "", ""},
      {"1.2.3.4::", "", ""},
      {"::1.2.3", "", ""},
  };
  for (const Row& row : rows) {
    const auto strict = IpAddress::parse_strict(row.text);
    const auto loose = IpAddress::parse_loose(row.text);
    BOOST_TEST((strict ? strict->text() : "") == row.strict, row.text);
    BOOST_TEST((loose ? loose->text() : "") == row.loose, row.text);
  }
}

BOOST_AUTO_TEST_CASE(text_is_read_back_as_the_same_address) {
  for (const char* text : {"::", "1::", "::1:0:0:1", "1:0:0:2::3", "ff02::fb", "a:b:c:d:e:f:1:2"}) {
    const auto address = IpAddress::parse_strict(text);
    BOOST_TEST_REQUIRE(address.has_value(), text);
    BOOST_TEST((IpAddress::parse_strict(address->text()) == address), text);
  }
}

BOOST_AUTO_TEST_CASE(classes_follow_the_special_purpose_registries) {
  struct Row {
    const char* text;
    const char* klass;
  };
  const Row rows[] = {
      {"8.8.8.8", "global"},
      {"0.0.0.0", "reserved"},
      {"0.1.2.3", "reserved"},
      {"9.255.255.255", "global"},
      {"10.0.0.0", "private"},
      {"10.255.255.255", "private"},
      {"11.0.0.0", "global"},
      {"100.63.255.255", "global"},
      {"100.64.0.1", "cgnat"},
      {"100.127.255.255", "cgnat"},
      {"100.128.0.0", "global"},
      {"100.100.100.200", "metadata"},
      {"127.0.0.1", "loopback"},
      {"127.255.255.254", "loopback"},
      {"168.63.129.16", "metadata"},
      {"168.63.129.17", "global"},
      {"169.254.1.1", "link_local"},
      {"169.254.169.254", "metadata"},
      {"169.254.170.2", "metadata"},
      {"169.254.170.23", "metadata"},
      {"172.15.255.255", "global"},
      {"172.16.0.1", "private"},
      {"172.31.255.255", "private"},
      {"172.32.0.0", "global"},
      {"192.0.0.1", "reserved"},
      {"192.0.2.1", "reserved"},
      {"192.88.99.1", "reserved"},
      {"192.168.0.1", "private"},
      {"198.18.0.1", "reserved"},
      {"198.19.255.255", "reserved"},
      {"198.20.0.0", "global"},
      {"198.51.100.7", "reserved"},
      {"203.0.113.7", "reserved"},
      {"224.0.0.1", "multicast"},
      {"239.255.255.255", "multicast"},
      {"240.0.0.1", "reserved"},
      {"255.255.255.255", "multicast"},
      {"::", "reserved"},
      {"::1", "loopback"},
      {"::2", "embedded"},
      {"::127.0.0.1", "embedded"},
      {"::8.8.8.8", "reserved"},
      {"::ffff:10.0.0.1", "private"},
      {"::ffff:169.254.169.254", "metadata"},
      {"::ffff:8.8.8.8", "global"},
      {"::ffff:0:8.8.8.8", "reserved"},
      {"64:ff9b::8.8.8.8", "global"},
      {"64:ff9b::10.0.0.1", "embedded"},
      {"64:ff9b::169.254.169.254", "embedded"},
      {"64:ff9b:1::8.8.8.8", "embedded"},
      {"100::1", "reserved"},
      {"2001::1", "embedded"},                              // Teredo server 0.0.0.0
      {"2001:0:4136:e378:8000:63bf:3fff:fdd2", "embedded"}, // client 192.0.2.45
      {"2001:0:4136:e378:8000:63bf:f7f7:f7f7", "global"},   // client 8.8.8.8
      {"2001:0:4136:e378:8000:63bf:80ff:fffe", "embedded"}, // client 127.0.0.1
      {"2001:0:a00:1:8000:63bf:f7f7:f7f7", "embedded"},     // server 10.0.0.1
      {"2001:2::1", "reserved"},
      {"2001:10::1", "reserved"},
      {"2001:200::1", "global"},
      {"2001:db8::1", "reserved"},
      {"2002:808:808::1", "global"},
      {"2002:a00:1::1", "embedded"},
      {"2002:7f00:1::", "embedded"},
      {"2606:4700::1111", "global"},
      {"3fff:fff::1", "reserved"},
      {"4000::1", "reserved"},
      {"fc00::1", "private"},
      {"fdff::1", "private"},
      {"fd00:ec2::254", "metadata"},
      {"fe80::1", "link_local"},
      {"febf::1", "link_local"},
      {"fec0::1", "reserved"},
      {"ff02::1", "multicast"},
  };
  for (const Row& row : rows) {
    const auto address = IpAddress::parse_strict(row.text);
    BOOST_TEST_REQUIRE(address.has_value(), row.text);
    BOOST_TEST(to_string(address->classify()) == row.klass, row.text);
  }
}

BOOST_AUTO_TEST_CASE(the_zero_address_is_not_dialled) {
  BOOST_TEST((IpAddress().classify() == AddressClass::reserved));
  BOOST_TEST((AddressClass() == AddressClass::reserved));
}

BOOST_AUTO_TEST_CASE(a_mapped_address_is_the_v4_address) {
  const auto mapped = IpAddress::parse_strict("::ffff:1.2.3.4");
  BOOST_TEST(mapped->is_v4());
  BOOST_TEST(mapped->v4_value() == 0x01020304U);
  BOOST_TEST((*mapped == IpAddress::v4(0x01020304)));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
