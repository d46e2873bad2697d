#include "proxy/io/name_pins.hpp"

#include <boost/test/unit_test.hpp>

namespace sluice::io {
namespace {

using model::IpAddress;

const IpAddress kOne = IpAddress::v4(0x0A000001);
const IpAddress kTwo = IpAddress::v4(0x0A000002);

BOOST_AUTO_TEST_SUITE(name_pins)

BOOST_AUTO_TEST_CASE(an_address_belongs_to_the_names_it_answered) {
  NamePins pins;
  pins.remember("a.test", {kOne, kTwo});
  pins.remember("b.test", {kOne});
  BOOST_TEST(pins.holds("a.test", kOne));
  BOOST_TEST(pins.holds("a.test", kTwo));
  BOOST_TEST(!pins.holds("b.test", kTwo));
  BOOST_TEST(!pins.holds("c.test", kOne));
  BOOST_TEST(!pins.holds("", kOne));
}

BOOST_AUTO_TEST_CASE(the_latest_name_comes_first_and_once) {
  NamePins pins;
  for (const char* name : {"a.test", "b.test", "a.test"}) pins.remember(name, {kOne});
  const std::vector<std::string> expected{"a.test", "b.test"};
  BOOST_TEST(pins.names_of(kOne) == expected, boost::test_tools::per_element());
  BOOST_TEST(pins.names_of(kTwo).empty());
}

BOOST_AUTO_TEST_CASE(names_of_one_address_are_bounded) {
  NamePins pins;
  for (std::size_t i = 0; i < 3 * NamePins::kMaxNames; ++i) {
    pins.remember("n" + std::to_string(i) + ".test", {kOne});
  }
  BOOST_TEST(pins.names_of(kOne).size() == NamePins::kMaxNames);
  BOOST_TEST(!pins.holds("n0.test", kOne));
}

BOOST_AUTO_TEST_CASE(addresses_are_bounded_and_the_oldest_go) {
  NamePins pins;
  for (std::uint32_t i = 0; i < NamePins::kMaxAddresses + 10; ++i) {
    pins.remember("a.test", {IpAddress::v4(i)});
  }
  BOOST_TEST(!pins.holds("a.test", IpAddress::v4(9)));
  BOOST_TEST(pins.holds("a.test", IpAddress::v4(10)));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace sluice::io
