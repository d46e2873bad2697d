// A secret leaves nothing behind where it was, neither when it moves nor when it dies.
#include "policy/base/secret.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <new>

using namespace sluice;

namespace {

// The bytes of an object in a place of its own, which outlives it.
struct Place {
  alignas(Secret) std::array<unsigned char, sizeof(Secret)> bytes{};

  template <typename... From> Secret& make(From&&... from) {
    return *new (bytes.data()) Secret(std::forward<From>(from)...);
  }
  bool holds(std::string_view text) const {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).find(text) !=
           std::string_view::npos;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(secret)

BOOST_AUTO_TEST_CASE(a_short_one_leaves_nothing_where_it_was) {
  Place from, to;
  Secret& one = from.make(std::string("hunter2"));
  BOOST_TEST(from.holds("hunter2")); // stands in the object itself
  Secret& other = to.make(std::move(one));
  BOOST_TEST(other.reveal() == "hunter2");
  BOOST_TEST(!from.holds("hunter"));
  one = std::move(other);
  BOOST_TEST(one.reveal() == "hunter2");
  BOOST_TEST(!to.holds("hunter"));
  one.~Secret();
  other.~Secret();
  BOOST_TEST(!from.holds("hunter"));
}

BOOST_AUTO_TEST_CASE(a_shorter_one_in_its_place_leaves_nothing) {
  Place place;
  Secret& one = place.make(std::string("hunter2hunter2"));
  one = Secret(std::string("x"));
  BOOST_TEST(!place.holds("unter"));
  const Secret other(std::string("another"));
  one = other;
  BOOST_TEST(one.reveal() == "another");
  BOOST_TEST(other.reveal() == "another");
  one.~Secret();
}

BOOST_AUTO_TEST_CASE(copies_are_whole) {
  const Secret one(std::string(100, 'x'));
  Secret two = one;
  BOOST_TEST(two.reveal() == one.reveal());
  Secret& same = two;
  two = std::move(same);
  BOOST_TEST(two.reveal() == one.reveal());
  BOOST_TEST(!two.empty());
  BOOST_TEST(Secret().empty());
}

BOOST_AUTO_TEST_SUITE_END()
