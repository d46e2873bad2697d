#include "proxy/io/name_pins.hpp"

#include <boost/test/unit_test.hpp>

namespace sluice::io {
namespace {

using model::IpAddress;

const IpAddress kOne = IpAddress::v4(0x0A000001);
const IpAddress kTwo = IpAddress::v4(0x0A000002);
constexpr std::chrono::seconds kTtl(30);

void pass(ManualClock& clock, std::chrono::nanoseconds by) {
  clock.advance(by.count());
}

BOOST_AUTO_TEST_SUITE(name_pins)

BOOST_AUTO_TEST_CASE(an_address_belongs_to_the_names_it_answered) {
  ManualClock clock(0);
  NamePins pins(clock);
  pins.remember("a.test", {kOne, kTwo}, kTtl);
  pins.remember("b.test", {kOne}, kTtl);
  BOOST_TEST(pins.holds("a.test", kOne));
  BOOST_TEST(pins.holds("a.test", kTwo));
  BOOST_TEST(!pins.holds("b.test", kTwo));
  BOOST_TEST(!pins.holds("c.test", kOne));
  BOOST_TEST(!pins.holds("", kOne));
}

BOOST_AUTO_TEST_CASE(the_latest_name_comes_first_and_once) {
  ManualClock clock(0);
  NamePins pins(clock);
  for (const char* name : {"a.test", "b.test", "a.test"}) pins.remember(name, {kOne}, kTtl);
  const std::vector<std::string> expected{"a.test", "b.test"};
  BOOST_TEST(pins.names_of(kOne) == expected, boost::test_tools::per_element());
  BOOST_TEST(pins.names_of(kTwo).empty());
}

BOOST_AUTO_TEST_CASE(names_of_one_address_are_bounded) {
  ManualClock clock(0);
  NamePins pins(clock);
  for (std::size_t i = 0; i < 3 * NamePins::kMaxNames; ++i) {
    pins.remember("n" + std::to_string(i) + ".test", {kOne}, kTtl);
  }
  BOOST_TEST(pins.names_of(kOne).size() == NamePins::kMaxNames);
  BOOST_TEST(!pins.holds("n0.test", kOne));
}

BOOST_AUTO_TEST_CASE(addresses_are_bounded_and_the_least_used_go) {
  ManualClock clock(0);
  NamePins pins(clock);
  for (std::uint32_t i = 0; i < NamePins::kMaxAddresses; ++i) {
    pins.remember("a.test", {IpAddress::v4(i)}, kTtl);
  }
  BOOST_TEST(pins.holds("a.test", IpAddress::v4(0))); // used,
  BOOST_TEST(pins.names_of(IpAddress::v4(1)).size() == 1U);
  pins.remember("b.test", {IpAddress::v4(2)}, kTtl); // or answered again
  for (std::uint32_t i = 0; i < 10; ++i) {
    pins.remember("a.test", {IpAddress::v4(NamePins::kMaxAddresses + i)}, kTtl);
  }
  for (const std::uint32_t kept : {0U, 1U, 2U, 13U}) {
    BOOST_TEST(pins.holds("a.test", IpAddress::v4(kept)), kept);
  }
  for (const std::uint32_t gone : {3U, 12U}) {
    BOOST_TEST(!pins.holds("a.test", IpAddress::v4(gone)), gone);
  }
}

BOOST_AUTO_TEST_CASE(a_pin_lasts_its_ttl_within_bounds_however_much_it_is_used) {
  const std::pair<std::chrono::seconds, std::chrono::seconds> rows[] = {
      {std::chrono::seconds(0), NamePins::kLeastTtl},
      {kTtl, NamePins::kLeastTtl},
      {std::chrono::hours(5), std::chrono::hours(5)},
      {std::chrono::hours(24 * 365), NamePins::kMostTtl}};
  for (const auto& [ttl, lasts] : rows) {
    ManualClock clock(0);
    NamePins pins(clock);
    pins.remember("a.test", {kOne}, ttl);
    pass(clock, lasts - std::chrono::nanoseconds(1));
    BOOST_TEST(pins.holds("a.test", kOne));
    pass(clock, std::chrono::nanoseconds(1));
    BOOST_TEST(!pins.holds("a.test", kOne));
    BOOST_TEST(pins.names_of(kOne).empty());
  }
}

BOOST_AUTO_TEST_CASE(each_name_ends_by_itself_and_a_new_answer_renews) {
  ManualClock clock(0);
  NamePins pins(clock);
  pins.remember("a.test", {kOne}, kTtl);
  pins.remember("b.test", {kOne}, kTtl);
  pass(clock, std::chrono::minutes(59));
  pins.remember("b.test", {kOne}, kTtl);
  pass(clock, std::chrono::minutes(59));
  BOOST_TEST(!pins.holds("a.test", kOne));
  BOOST_TEST(pins.holds("b.test", kOne));
  const std::vector<std::string> expected{"b.test"};
  BOOST_TEST(pins.names_of(kOne) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace sluice::io
