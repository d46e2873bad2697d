#include "policy/evidence/canonical.hpp"

#include "policy/evidence/json_writer.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <limits>
#include <random>

namespace sluice::evidence {
namespace {

const char* const kCanonical[] = {
    "null",
    "true",
    "false",
    "{}",
    "[]",
    R"("")",
    "0",
    "-0",
    "7",
    "-12",
    "1.5",
    "-0.25",
    "9007199254740993",
    "18446744073709551616",
    "123456789012345678901234567890",
    "1e-7",
    "1.5e-7",
    "0.000001",
    "1e+21",
    "1.5e+300",
    "5e-324",
    "1.7976931348623157e+308",
    "0.1",
    "3.141592653589793",
    R"({"a":1,"b":[1,2,{"c":null}],"c":{"x":"y"}})",
    R"({"B":1,"a":2})",
    R"({"":1,"a":2})",
    R"({"a":1,"aa":2})",
    R"("\"\\\n\r\t\u0000\u001f\u0008\b\f\u003c\u003e\u0026\u2028\u2029\ufffd")",
    "\"gr\xC3\xBC\xC3\x9F\x7f\"",
    R"({"a\u003c":1,"aZ":2})",
};
const char* const kRefused[] = {
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "{",
    "}",
    "[",
    "]",
    "{,}",
    "[,]",
    "[1,]",
    R"({"a":1,})",
    R"({"a"})",
    R"({"a":})",
    "[1 ,2]",
    "[1, 2]",
    R"({"a": 1})",
    R"({"a" :1})",
    " 1",
    "1 ",
    "1\n",
    "01",
    "-",
    "+1",
    "1.",
    ".5",
    "1.50",
    "1.0",
    "0.10",
    "1e5",
    "1E-7",
    "1e-07",
    "1e21",
    "1.0e-7",
    "10e-8",
    "0.0000001",
    "1e+400",
    "1e",
    "1e+",
    "1.5.5",
    "0x10",
    "NaN",
    "Infinity",
    R"({"b":1,"a":2})",
    R"({"a":1,"a":2})",
    R"({"aZ":1,"a\u003c":2})",
    "'a'",
    R"("a)",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"<\"",
    "\">\"",
    "\"&\"",
    R"("\/")",
    R"("\u0041")",
    R"("\u000a")",
    R"("\u003C")",
    R"("\u00e9")",
    R"("\u001F")",
    R"("\ud83d\ude00")",
    R"("\x")",
    R"("\u00")",
    R"("\)",
    "\"\xff\"",
    "\"\xC3\"",
    "\"\xE2\x80\xA8\"",
    "{} {}",
    "1,2",
    "// x",
    "{}\r",
};

} // namespace

BOOST_AUTO_TEST_SUITE(canonical)

BOOST_DATA_TEST_CASE(accepts, boost::unit_test::data::make(kCanonical), text) {
  BOOST_TEST(is_canonical(text));
}

BOOST_DATA_TEST_CASE(refuses, boost::unit_test::data::make(kRefused), text) {
  BOOST_TEST(!is_canonical(text));
}

BOOST_AUTO_TEST_CASE(depth_is_bounded) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  BOOST_TEST(is_canonical(nested(kMaxCanonicalDepth)));
  BOOST_TEST(!is_canonical(nested(kMaxCanonicalDepth + 1)));
  BOOST_TEST(!is_canonical(std::string(1 << 20, '[')));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  BOOST_TEST(!is_canonical(objects));
}

BOOST_AUTO_TEST_CASE(numbers_are_spelled_as_go_does) {
  BOOST_TEST(format_number(0.0) == "0");
  BOOST_TEST(format_number(-0.0) == "-0");
  BOOST_TEST(format_number(1.0) == "1");
  BOOST_TEST(format_number(-2.5) == "-2.5");
  BOOST_TEST(format_number(100.0) == "100");
  BOOST_TEST(format_number(1e20) == "100000000000000000000");
  BOOST_TEST(format_number(1e21) == "1e+21");
  BOOST_TEST(format_number(1.25e22) == "1.25e+22");
  BOOST_TEST(format_number(1e-6) == "0.000001");
  BOOST_TEST(format_number(1.5e-6) == "0.0000015");
  BOOST_TEST(format_number(9.99e-7) == "9.99e-7");
  BOOST_TEST(format_number(1e-7) == "1e-7");
  BOOST_TEST(format_number(1e-10) == "1e-10");
  BOOST_TEST(format_number(1e100) == "1e+100");
  BOOST_TEST(format_number(123456.789) == "123456.789");
  BOOST_TEST(format_number(std::numeric_limits<double>::denorm_min()) == "5e-324");
}

BOOST_AUTO_TEST_CASE(every_spelled_number_is_canonical) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t bits = random();
    double value = 0;
    static_assert(sizeof value == sizeof bits);
    __builtin_memcpy(&value, &bits, sizeof value);
    if (!__builtin_isfinite(value)) continue;
    const std::string text = format_number(value);
    if (!is_canonical(text)) BOOST_ERROR(text);
    if (std::strtod(text.c_str(), nullptr) != value) BOOST_ERROR(text);
  }
}

BOOST_AUTO_TEST_CASE(every_written_string_is_canonical_and_reads_back) {
  std::mt19937 random(11);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 12, '\0');
    for (char& c : text)
      c = static_cast<char>(random() % 4 == 0 ? random() : random() % 0x60 + 0x20);
    std::string json;
    append_json_string(json, text);
    Scanner scanner(json);
    std::string_view raw;
    BOOST_REQUIRE(scanner.string(raw) && scanner.done());
    // Reading back once replaces bytes that are not UTF-8; from then on it is the same text.
    std::string again;
    append_json_string(again, unescape(raw));
    Scanner second(again);
    BOOST_REQUIRE(second.string(raw));
    if (json.find("\\ufffd") == json.npos) BOOST_REQUIRE_EQUAL(unescape(raw), text);
  }
}

BOOST_AUTO_TEST_CASE(unescapes) {
  BOOST_TEST(unescape(R"(a\"\\\n\r\t\b\f\u003c\u2028\ufffdz)") ==
             "a\"\\\n\r\t\b\f<\xE2\x80\xA8\xEF\xBF\xBDz");
}

BOOST_AUTO_TEST_CASE(watches_one_top_level_member) {
  Watch watch{"k", {}};
  Scanner scanner(R"({"a":{"k":"inner"},"k":"outer","z":"k"})");
  BOOST_TEST(scanner.object(&watch));
  BOOST_TEST(watch.value == "outer");
  Watch number{"k", {}};
  Scanner other(R"({"k":5})");
  BOOST_TEST(other.object(&number));
  BOOST_TEST(number.value == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
