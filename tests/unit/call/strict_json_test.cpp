#include "proxy/call/strict_json.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using call::parse_strict_json;

BOOST_AUTO_TEST_SUITE(strict_json)

BOOST_AUTO_TEST_CASE(values_are_what_they_say) {
  const auto all = parse_strict_json(
      " {\"a\\u0062\\/\" : [1, -0, 2.5e3, true, false, null, \"\\ud83d\\ude00 \xC3\xA4\\n\"] ,"
      "\"big\": 99999999999999999999, \"o\": {}}\r\n");
  BOOST_TEST_REQUIRE(all.has_value());
  const Node* list = all->find("ab/");
  BOOST_TEST_REQUIRE(list != nullptr);
  BOOST_TEST_REQUIRE(list->items.size() == 7U);
  BOOST_TEST(list->items[0].integer == 1);
  BOOST_TEST((list->items[2].kind == Node::Kind::real));
  BOOST_TEST(list->items[3].boolean);
  BOOST_TEST((list->items[4].kind == Node::Kind::boolean && !list->items[4].boolean));
  BOOST_TEST((list->items[5].kind == Node::Kind::null));
  BOOST_TEST(list->items[6].text == "\xF0\x9F\x98\x80 \xC3\xA4\n");
  BOOST_TEST((all->find("big")->kind == Node::Kind::real));
  BOOST_TEST(all->find("o")->is_map());
}

BOOST_AUTO_TEST_CASE(what_two_readers_could_take_differently_is_refused) {
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  std::string many = "[0";
  for (int i = 0; i < 5000; ++i) many += ",0";
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
                                  std::string("\xEF\xBB\xBF{}"),
                                  std::string("// c\n{}"),
                                  std::string("{}\0", 3),
                                  deep,
                                  many + "]"}) {
    BOOST_TEST(!parse_strict_json(text).has_value(), text.substr(0, 60));
  }
}

// However it is cut, a document is not one before its end.
BOOST_AUTO_TEST_CASE(no_beginning_of_a_document_is_one) {
  const std::string whole = R"({"result": {"allow": true, "redact": ["pii"], "x": -1.5e-7}})";
  BOOST_TEST(parse_strict_json(whole).has_value());
  for (std::size_t size = 0; size < whole.size(); ++size)
    BOOST_TEST(!parse_strict_json(whole.substr(0, size)).has_value(), size);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
