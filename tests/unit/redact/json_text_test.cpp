// JSON strings there and back, and what is none.
#include "policy/redact/json_text.hpp"

#include <boost/test/unit_test.hpp>

using namespace sluice;

namespace {

std::string meant(std::string_view written) {
  std::string out;
  return redact::json_unescape(written, out) ? out : "(none)";
}
std::string written(std::string_view text) {
  std::string out;
  redact::json_escape(text, out);
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_text)

BOOST_AUTO_TEST_CASE(escapes_mean_what_they_mean) {
  BOOST_TEST(meant("") == "");
  BOOST_TEST(meant(R"(a\n\t\r\b\f\/\\\"b)") == "a\n\t\r\b\f/\\\"b");
  BOOST_TEST(meant(R"(\u0041\u00e9\u20AC\ud83d\ude00)") == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
}

BOOST_AUTO_TEST_CASE(what_is_no_string) {
  for (const auto* bad : {"\\", "a\\", "\\x", "\\u", "\\u12", "\\u12g4"})
    BOOST_TEST(meant(bad) == "(none)");
}

BOOST_AUTO_TEST_CASE(there_and_back) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  BOOST_TEST(meant(written(all)) == all);
  BOOST_TEST(written("a\"\\\x01\n") == R"(a\"\\\u0001\n)");
  for (const auto* lone : {R"(\ud83d)", R"(x\ude00y)", R"(\ud83d\ud83d)", R"(\ud83dx)"}) {
    BOOST_TEST(written(meant(lone)) == lone);
  }
}

BOOST_AUTO_TEST_SUITE_END()
