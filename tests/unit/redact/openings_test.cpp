// What an automaton says of its matches: how long they are, and the rare byte in all of them.
#include "policy/redact/openings.hpp"

#include <boost/test/unit_test.hpp>

using namespace sluice;
using namespace sluice::redact;

namespace {

Shape shape_of(const char* pattern) {
  return Shape::compile(pattern, {true, 1000, false}).value();
}

std::string rare(const char* pattern) {
  const auto found = rare_byte_of(shape_of(pattern));
  return found ? std::string(1, found->byte) + std::to_string(found->reach) : "";
}

} // namespace

BOOST_AUTO_TEST_SUITE(openings)

BOOST_AUTO_TEST_CASE(the_longest_match) {
  const auto longest = [](const char* pattern) {
    const auto found = longest_match(shape_of(pattern));
    return found ? static_cast<long>(*found) : -1;
  };
  BOOST_TEST(longest("ab{2,4}c?") == 6);
  BOOST_TEST(longest("a|bcd|ef") == 3);
  BOOST_TEST(longest("ab*") == -1);
  BOOST_TEST(longest("a(?:b|c*)d") == -1);
}

BOOST_AUTO_TEST_CASE(a_rare_byte_is_in_every_match) {
  BOOST_TEST(rare("[a-z]{1,5}@[a-z]") == "@6");
  BOOST_TEST(rare("@[a-z]{2}") == "@1");
  BOOST_TEST(rare("[a-z]{1,5}@?[a-z]") == "");
  BOOST_TEST(rare("[a-z]+@[a-z]") == "");
  BOOST_TEST(rare("[a-z]{2}(?:#[a-z]{3}@|x@)y") == "@7");
  BOOST_TEST(rare("[a-z@]{2}@") == "@3");
  BOOST_TEST(rare("[a-z]{4}") == "");
}

BOOST_AUTO_TEST_CASE(most_that_could_begin_is_seen_to_be_none) {
  TokenFormat format;
  format.shape = shape_of("ab{1,3}c");
  const Opening opening(format, 0);
  BOOST_TEST(opening.begins_with('a'));
  BOOST_TEST(!opening.begins_with('b'));
  for (const auto* text : {"abc", "abbcx", "ab", "a", "abbb"}) BOOST_TEST(opening.may_match(text));
  for (const auto* text : {"ac", "abbbb", "abx", "xabc"}) BOOST_TEST(!opening.may_match(text));
  format.max_length = 3;
  BOOST_TEST(opening.may_match("abc"));
  BOOST_TEST(opening.may_match("abb"));
  BOOST_TEST(!opening.may_match("abbc"));
}

BOOST_AUTO_TEST_SUITE_END()
