#include "overlay/manifest/json_value.hpp"

#include "overlay/manifest/json5.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using sluice::overlay::canonical_json;
using sluice::overlay::sha256_text;
using sluice::overlay::to_json;

std::string canonical(std::string_view text) {
  sluice::Diagnostics out;
  const auto document = sluice::overlay::parse_json5(text, "f", out);
  BOOST_TEST_REQUIRE(document.has_value(), format(out));
  return canonical_json(to_json(document->root));
}

BOOST_AUTO_TEST_SUITE(json_value)

BOOST_AUTO_TEST_CASE(canonical_text_does_not_depend_on_spelling) {
  BOOST_TEST(canonical("{b: [1, 0x10, 'x'], a: null, Z: {d: .5, c: true}}") ==
             R"({"Z":{"c":true,"d":0.5},"a":null,"b":[1,16,"x"]})");
  BOOST_TEST(canonical("{a:1,b:2}") == canonical("{ 'b': 0x2, /* */ \"a\": +1, }"));
}

BOOST_AUTO_TEST_CASE(no_integer_loses_a_digit) {
  BOOST_TEST(canonical("[9007199254740993, 18446744073709551615, -9223372036854775808]") ==
             "[9007199254740993,18446744073709551615,-9223372036854775808]");
}

BOOST_AUTO_TEST_CASE(a_digest_is_written_as_amber_writes_it) {
  BOOST_TEST(sha256_text("") == "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
