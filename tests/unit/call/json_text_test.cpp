// Trees of JSON written again, as they were and in the form of RFC 8785.
#include "proxy/call/json_text.hpp"

#include "policy/base/json.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;

std::string again(std::string_view text) {
  return call::json_text(read_json(text).value());
}
std::string canonical(std::string_view text) {
  const auto out = call::canonical_json_text(read_json(text).value());
  return out ? out.value() : out.error().code;
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_text)

BOOST_AUTO_TEST_CASE(order_and_numbers_stay) {
  for (const char* text :
       {R"({"b":1,"a":[true,false,null,{}],"":"x"})", "[]",
        "\"\\u0001\\b\\t\\n\\f\\r\\\"\\\\/\x7f\"",
        "[1.0,1e5,-1.50,0.1,123456789012345678901234567890,9007199254740993,18446744073709551615,"
        "-9223372036854775808,1E+2]",
        "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}"})
    BOOST_TEST(again(text) == text);
  BOOST_TEST(again(R"( { "a" : "\u00e9\/\ud83d\ude00" } )") ==
             "{\"a\":\"\xc3\xa9/\xf0\x9f\x98\x80\"}");
}

// The examples of RFC 8785 §3.2.2 and §3.2.3, and numbers of its appendix B.
BOOST_AUTO_TEST_CASE(the_canonical_form_is_that_of_the_rfc) {
  BOOST_TEST(
      canonical(R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]})") ==
      "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
      "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  BOOST_TEST(
      canonical(R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})") ==
      "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,"
      "\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}");
  BOOST_TEST(canonical("[0,-0,-0.0,0e1,1.0,1e0,100e-2]") == "[0,0,0,0,1,1,1]");
  BOOST_TEST(
      canonical("[5e-324,1.7976931348623157e308,9007199254740991,-9007199254740991,1e21,1e20,"
                "9.999999999999997e22,1e-6,1e-7,295147905179352830000e0]") ==
      "[5e-324,1.7976931348623157e+308,9007199254740991,-9007199254740991,1e+21,"
      "100000000000000000000,9.999999999999997e+22,0.000001,1e-7,295147905179352830000]");
}

BOOST_AUTO_TEST_CASE(keys_are_ordered_by_utf16) {
  // U+D7FF, U+1F600, U+10FFFF, U+E000, U+FFFF; below another and before it.
  BOOST_TEST(canonical("{\"\xef\xbf\xbf\":1,\"\xee\x80\x80\":2,\"\xf4\x8f\xbf\xbf\":3,"
                       "\"\xf0\x9f\x98\x80\":4,\"\xed\x9f\xbf\":5,\"a\":6,\"ab\":7}") ==
             "{\"a\":6,\"ab\":7,\"\xed\x9f\xbf\":5,\"\xf0\x9f\x98\x80\":4,\"\xf4\x8f\xbf\xbf\":3,"
             "\"\xee\x80\x80\":2,\"\xef\xbf\xbf\":1}");
}

BOOST_AUTO_TEST_CASE(an_integer_that_readers_differ_on_has_no_canonical_form) {
  for (const char* number : {"9007199254740992", "-9007199254740992", "9223372036854775807",
                             "18446744073709551615", "123456789012345678901234567890"})
    BOOST_TEST(canonical("[" + std::string(number) + "]") == "json_inexact");
}

BOOST_AUTO_TEST_SUITE_END()
