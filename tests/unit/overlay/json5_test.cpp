#include "overlay/manifest/json5.hpp"

#include "overlay/manifest/json_value.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using sluice::Diagnostics;
using sluice::Document;
using sluice::Node;
using sluice::overlay::canonical_json;
using sluice::overlay::parse_json5;
using sluice::overlay::to_json;

Document parsed(std::string_view text) {
  Diagnostics out;
  auto document = parse_json5(text, "f", out);
  BOOST_TEST_REQUIRE(document.has_value(), text << ": " << format(out));
  return *std::move(document);
}

std::string json(std::string_view text) {
  return canonical_json(to_json(parsed(text).root));
}

std::string error_of(std::string_view text) {
  Diagnostics out;
  const auto document = parse_json5(text, "f", out);
  BOOST_TEST(document.has_value() == out.empty());
  BOOST_TEST(out.size() <= 1U);
  return out.empty() ? "" : format(out.front());
}

bool refused_with(std::string_view text, std::string_view what) {
  const std::string error = error_of(text);
  const bool as_expected = error.find(what) != std::string::npos;
  if (!as_expected) BOOST_TEST_MESSAGE(text << " -> " << error);
  return as_expected && error.ends_with("[manifest::json5_error]");
}

BOOST_AUTO_TEST_SUITE(json5)

BOOST_AUTO_TEST_CASE(values_mean_what_the_specification_says) {
  struct Row {
    std::string_view text, json;
  };
  const Row rows[] = {
      {"null", "null"},
      {"true", "true"},
      {" false ", "false"},
      {"{}", "{}"},
      {"[]", "[]"},
      {"[1,]", "[1]"},
      {"{a:1,}", R"({"a":1})"},
      {"{a:{b:[1,2,{c:3}]}}", R"({"a":{"b":[1,2,{"c":3}]}})"},
      // Keys.
      {"{$a_1:1}", R"({"$a_1":1})"},
      {"{'a b':1}", R"({"a b":1})"},
      {"{null:1,true:2,if:3,NaN:4}", R"({"NaN":4,"if":3,"null":1,"true":2})"},
      {"{\\u0061b\\u0063:1}", R"({"abc":1})"},
      {"{\xc3\xbcmlaut:1}", "{\"\xc3\xbcmlaut\":1}"},
      {"{\xe6\xbc\xa2\xe5\xad\x97:1}", "{\"\xe6\xbc\xa2\xe5\xad\x97\":1}"},
      {"{a\xe2\x80\x8c\x62:1}", "{\"a\xe2\x80\x8c\x62\":1}"}, // ZWNJ goes on
      {"{'':1}", R"({"":1})"},
      // Strings.
      {"'a\"b'", R"("a\"b")"},
      {"\"a'b\"", R"("a'b")"},
      {"'a\\'b'", R"("a'b")"},
      {"'\\b\\f\\n\\r\\t\\v\\\\\\/'", R"("\b\f\n\r\t\u000b\\/")"},
      {"'\\x41\\u0042'", R"("AB")"},
      {"'\\a\\q\\\xc3\xa9'", "\"aq\xc3\xa9\""},
      {"'\\uD83D\\uDE00'", "\"\xf0\x9f\x98\x80\""},
      {"'a\\\nb'", R"("ab")"},
      {"'a\\\r\nb'", R"("ab")"},
      {"'a\\\rb'", R"("ab")"},
      {"'a\\\xe2\x80\xa8\x62'", R"("ab")"},
      {"'\xe2\x80\xa8'", "\"\xe2\x80\xa8\""}, // U+2028 may stand in a string
      {"'\t\x01'", R"("\t\u0001")"},
      {"''", R"("")"},
      // Numbers.
      {"0", "0"},
      {"-0", "0"},
      {"+1", "1"},
      {"- 1", ""},
      {".5", "0.5"},
      {"5.", "5.0"},
      {"-.5e1", "-5.0"},
      {"5.e-1", "0.5"},
      {"1E3", "1000.0"},
      {"0xdecaf", "912559"},
      {"-0XFF", "-255"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9223372036854775808", "9223372036854775808"},
      {"+0xFFFFFFFFFFFFFFFF", "18446744073709551615"},
      {"1e-999", "0.0"},
      // White space and comments.
      {"\xef\xbb\xbf{}", "{}"},
      {"\v\f\xc2\xa0\xe2\x80\xa9\xe3\x80\x80 1", "1"},
      {"// a\n1", "1"},
      {"// a\r1", "1"},
      {"// a\xe2\x80\xa8 1", "1"},
      {"/* a\n* // */1/**/", "1"},
      {"1 // no end of line", "1"},
      {"[/**/1/**/,/**/2/**/]", "[1,2]"},
      {"{/**/a/**/:/**/1/**/,/**/}", R"({"a":1})"},
  };
  for (const Row& row : rows) {
    if (row.json.empty()) {
      BOOST_TEST(error_of(row.text) != "", row.text);
    } else {
      BOOST_TEST(json(row.text) == row.json, row.text);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_json5_is_refused) {
  struct Row {
    std::string_view text, what;
  };
  const Row rows[] = {
      {"", "the file is empty"},
      {" // only a comment", "the file is empty"},
      {"{", "f:1:1: a '{' is not closed"},
      {"[1", "f:1:1: a '[' is not closed"},
      {"}", "a value is expected"},
      {"[,]", "a value is expected"},
      {"[1,,2]", "a value is expected"},
      {"{,}", "a key is expected"},
      {"[1 2]", "a ',' or ']' is expected"},
      {"{a:1 b:2}", "f:1:6: /a: a ',' or '}' is expected"},
      {"{a 1}", "a ':' is expected"},
      {"{a:}", "a value is expected"},
      {"{1:2}", "a key is expected"},
      {"{a-b:2}", "a ':' is expected"},
      {"{\\n:1}", "holds a backslash"},
      {"{\\u0031:1}", "an escape stands for"},
      {"{a\\u002d:1}", "an escape stands for"},
      {"{a:1,a:2}", "f:1:6: /a: the key \"a\" is written twice"},
      {"{a:1,'\\x61':2}", "is written twice"},
      {"1 2", "something stands behind"},
      {"{}}", "something stands behind"},
      {"abc", "put a string in quotes"},
      {"tru\\u0065", "a value is expected"},
      {"undefined", "a value is expected"},
      {"NaN", "JSON has no such value"},
      {"-Infinity", "JSON has no such value"},
      {"+NaN", "JSON has no such value"},
      {"[Infinity]", "JSON has no such value"},
      {"01", "remove the leading zeros"},
      {"-01", "not a number"},
      {"1.2.3", "not a number"},
      {"1e", "not a number"},
      {".", "not a number"},
      {"-", "not a number"},
      {"+-1", "not a number"},
      {"0x", "hexadecimal digits"},
      {"0xg", "hexadecimal digits"},
      {"1a", "not a number"},
      {"1_000", "not a number"},
      {"1e999", "the number is too large"},
      {"0x10000000000000000", "the number is too large"},
      {"'a", "f:1:1: a string is not closed"},
      {"'a\nb'", "f:1:1: a string is not closed on its line"},
      {"'a\\", "a string is not closed"},
      {"'\\x4'", "an escape lacks"},
      {"'\\u004'", "an escape lacks"},
      {"'\\1'", "a digit is escaped"},
      {"'\\01'", "a digit is escaped"},
      {"'\\0'", "NUL"},
      {"'\\x00'", "NUL"},
      {"'\\u0000'", "NUL"},
      {"'\\uD800'", "a surrogate is alone"},
      {"'\\uDC00'", "a surrogate is alone"},
      {"'\\uD800\\uD800'", "a surrogate is alone"},
      {"'\\uD800x'", "a surrogate is alone"},
      {"/* a", "a comment is not closed"},
      {"/ a", "a value is expected"},
      {"# a", "a value is expected"},
      {"'\xff'", "not UTF-8"},
      {"'\xed\xa0\x80'", "not UTF-8"},
      {"\xf0\x9f\x98\x80", "a value is expected"},
  };
  for (const Row& row : rows) BOOST_TEST(refused_with(row.text, row.what), row.text);
  BOOST_TEST(refused_with(std::string_view("'a\0b'", 5), "not UTF-8"));
}

BOOST_AUTO_TEST_CASE(places_are_lines_and_columns_from_one) {
  const Document document = parsed("{\r\n  a: [1,\n    'x'], /*\n*/ b: {c: 2},\r}");
  const Node& a = *document.root.find("a");
  BOOST_TEST(document.root.line == 1);
  BOOST_TEST(document.root.column == 1);
  BOOST_TEST(document.root.members[0].line == 2);
  BOOST_TEST(document.root.members[0].column == 3);
  BOOST_TEST(a.line == 2);
  BOOST_TEST(a.column == 6);
  BOOST_TEST(a.items[1].line == 3);
  BOOST_TEST(a.items[1].column == 5);
  BOOST_TEST(document.root.find("b")->find("c")->line == 4);
  BOOST_TEST(document.root.find("b")->find("c")->column == 11);
  BOOST_TEST(error_of("{\n  a: {\n    b: [1, nope]}}").starts_with("f:3:12: /a/b/1: a value"));
}

BOOST_AUTO_TEST_CASE(integers_stay_integers) {
  BOOST_TEST((parsed("10").root.kind == Node::Kind::integer));
  BOOST_TEST((parsed("0x10").root.kind == Node::Kind::integer));
  BOOST_TEST((parsed("1.0").root.kind == Node::Kind::real));
  BOOST_TEST((parsed("1e2").root.kind == Node::Kind::real));
  BOOST_TEST(parsed("+7").root.integer == 7);
}

BOOST_AUTO_TEST_CASE(large_input_is_refused_before_it_is_built) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  BOOST_TEST(error_of(nested(sluice::kMaxDocumentDepth)) == "");
  BOOST_TEST(refused_with(nested(sluice::kMaxDocumentDepth + 1), "nested too deeply"));
  BOOST_TEST(refused_with(std::string(1'000'000, '['), "nested too deeply"));
  std::string many = "[";
  for (std::size_t i = 0; i < sluice::kMaxDocumentNodes; ++i) many += "0,";
  BOOST_TEST(refused_with(many + "]", "the document is too large"));
  BOOST_TEST(refused_with(std::string(sluice::kMaxDocumentBytes + 1, ' '), "larger than 8 MiB"));
}

BOOST_AUTO_TEST_CASE(an_error_never_quotes_a_value) {
  for (const std::string_view text : {"{a: 'hunter2", "{a: hunter2}", "{a: 'hunter2\\u00'}"}) {
    BOOST_TEST(error_of(text).find("hunter2") == std::string::npos, text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
