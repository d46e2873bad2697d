#include "policy/base/json.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;

BOOST_AUTO_TEST_SUITE(json)

std::string fault_of(std::string_view text) {
  const auto read = read_json(text);
  return read ? "" : read.error().detail;
}

BOOST_AUTO_TEST_CASE(values_keep_their_kind_and_their_text) {
  const auto read = read_json(R"({"s":"a\u00e9\n","i":-7,"u":18446744073709551615,"r":1.50,)"
                              R"("t":true,"n":null,"l":[1,[2]],"o":{"":{}}})");
  BOOST_TEST_REQUIRE(read.has_value());
  const Node& root = read.value();
  BOOST_TEST(root.find("s")->text == "a\xc3\xa9\n");
  BOOST_TEST(root.find("i")->integer == -7);
  BOOST_TEST((root.find("u")->kind == Node::Kind::real));
  BOOST_TEST(root.find("r")->text == "1.50");
  BOOST_TEST(root.find("t")->boolean);
  BOOST_TEST((root.find("n")->kind == Node::Kind::null));
  BOOST_TEST(root.find("l")->items[1].items[0].integer == 2);
  BOOST_TEST(root.find("o")->find("")->is_map());
}

BOOST_AUTO_TEST_CASE(what_two_readers_could_take_for_two_things_is_refused) {
  BOOST_TEST(fault_of(R"({"a":1,"b":2,"a":3})") == "a key stands twice in one object");
  BOOST_TEST(fault_of(R"({"x":{"a":1,"\u0061":3}})") == "a key stands twice in one object");
  for (const std::string& text : {std::string(""),
                                  std::string(" "),
                                  std::string("{"),
                                  std::string("{\"a\":1,}"),
                                  std::string("[1,]"),
                                  std::string("[,1]"),
                                  std::string("{\"a\" 1}"),
                                  std::string("{a:1}"),
                                  std::string("{'a':1}"),
                                  std::string("{\"a\":1}{}"),
                                  std::string("{} x"),
                                  std::string("{\"a\":1,\"a\":2}"),
                                  std::string("{\"a\":1,\"\\u0061\":2}"),
                                  std::string("01"),
                                  std::string("+1"),
                                  std::string(".5"),
                                  std::string("1."),
                                  std::string("1e"),
                                  std::string("-"),
                                  std::string("NaN"),
                                  std::string("True"),
                                  std::string("tru"),
                                  std::string("\"a"),
                                  std::string("\"\\\""),
                                  std::string("\"\\x41\""),
                                  std::string("\"\\u12\""),
                                  std::string("\"\\ud83d\""),
                                  std::string("\"\\ude00\""),
                                  std::string("\"a\nb\""),
                                  std::string("\"\xFF\""),
                                  std::string("\"\xC0\x80\""),
                                  std::string("// c\n{}"),
                                  std::string("{}\0", 3),
                                  std::string("[NaN]"),
                                  std::string("[01]"),
                                  std::string("[1] [2]"),
                                  std::string("[\"\\ud800\"]"),
                                  std::string("[1e999999]"),
                                  std::string("nul")}) {
    BOOST_TEST(!fault_of(text).empty(), text);
  }
  BOOST_TEST(!fault_of(std::string_view("{\"a\":1}\0", 8)).empty());
}

// However it is cut, a document is not one before its end.
BOOST_AUTO_TEST_CASE(no_beginning_of_a_document_is_one) {
  const std::string whole = R"({"result": {"allow": true, "redact": ["pii"], "x": -1.5e-7}})";
  BOOST_TEST(fault_of(whole) == "");
  for (std::size_t size = 0; size < whole.size(); ++size)
    BOOST_TEST(fault_of(whole.substr(0, size)) != "", size);
}

BOOST_AUTO_TEST_CASE(depth_and_number_of_values_are_bounded) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  BOOST_TEST(fault_of(nested(64)) == "");
  BOOST_TEST(fault_of(nested(65)) == "it is nested too deeply");
  BOOST_TEST(fault_of(nested(100'000)) == "it is nested too deeply");
  std::string many = "[0";
  for (std::size_t i = 2; i < JsonLimits().nodes; ++i) many += ",0";
  BOOST_TEST(fault_of(many + "]") == "");
  BOOST_TEST(fault_of(many + ",0]") == "it has too many values");
}

BOOST_AUTO_TEST_CASE(the_first_byte_that_tells_something) {
  BOOST_TEST(first_mark("\xef\xbb\xbf \r\n\t{") == '{');
  BOOST_TEST(first_mark(std::string_view("\xff\xfe[\0", 4)) == '[');
  BOOST_TEST(first_mark(std::string_view("\0\0\0{", 4)) == '{');
  BOOST_TEST(first_mark("a{") == 'a');
  BOOST_TEST(first_mark(" \n") == '\0');
  BOOST_TEST(first_mark("") == '\0');
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
