#include "policy/evidence/json_writer.hpp"

#include "policy/evidence/utf8.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

bool aborts(const std::function<void()>& what) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    what();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_writer)

BOOST_AUTO_TEST_CASE(escapes_as_go_does) {
  BOOST_TEST(quoted("") == R"("")");
  BOOST_TEST(quoted("plain text 123") == R"("plain text 123")");
  BOOST_TEST(quoted("<a&b>") == R"("\u003ca\u0026b\u003e")");
  BOOST_TEST(quoted("\"\\/\n\r\t") == R"("\"\\/\n\r\t")");
  BOOST_TEST(quoted(std::string("\0\b\f\x1f", 4)) == R"("\u0000\u0008\u000c\u001f")");
  BOOST_TEST(quoted("\x7f") == "\"\x7f\"");
  BOOST_TEST(quoted("a\xE2\x80\xA8z\xE2\x80\xA9") == R"("a\u2028z\u2029")");
  BOOST_TEST(quoted("\xE2\x80\xAA") == "\"\xE2\x80\xAA\"");
  BOOST_TEST(quoted("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80") ==
             "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\"");
  BOOST_TEST(quoted("}, \"injected\": {") == R"("}, \"injected\": {")");
}

BOOST_AUTO_TEST_CASE(replaces_each_byte_that_is_not_utf8) {
  BOOST_TEST(quoted("a\xffz") == R"("a\ufffdz")");
  BOOST_TEST(quoted("\xC3") == R"("\ufffd")");                               // cut
  BOOST_TEST(quoted("\xC0\xAF") == R"("\ufffd\ufffd")");                     // overlong
  BOOST_TEST(quoted("\xED\xA0\x80") == R"("\ufffd\ufffd\ufffd")");           // surrogate
  BOOST_TEST(quoted("\xF4\x90\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")"); // above U+10FFFF
  BOOST_TEST(quoted("\xF0\x80\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")");
  BOOST_TEST(quoted("\xE0\x80\x80x") == R"("\ufffd\ufffd\ufffdx")");
  BOOST_TEST(quoted("\xE2\x80") == R"("\ufffd\ufffd")");
  BOOST_TEST(quoted("\x80") == R"("\ufffd")");
}

BOOST_AUTO_TEST_CASE(measures_every_code_point) {
  for (unsigned code = 1; code <= 0x10FFFF; ++code) {
    std::string text;
    if (code < 0x80) {
      text = {static_cast<char>(code)};
    } else if (code < 0x800) {
      text = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
    } else if (code < 0x10000) {
      text = {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 63)),
              static_cast<char>(0x80 | (code & 63))};
    } else {
      text = {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 63)),
              static_cast<char>(0x80 | (code >> 6 & 63)), static_cast<char>(0x80 | (code & 63))};
    }
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    const std::size_t size = utf8_sequence(text);
    if (size != (surrogate ? 0 : text.size())) BOOST_ERROR("code point " << code << ": " << size);
  }
  BOOST_TEST(utf8_sequence("") == 0U);
}

BOOST_AUTO_TEST_CASE(nests_and_separates) {
  JsonWriter json;
  json.begin_object().key("a").begin_array().integer(1).string("x").begin_object().end_object();
  json.begin_array().end_array().null().end_array().key("b").boolean(true).key("c").begin_object();
  json.key("a").integer(-5).key("b").boolean(false).end_object().end_object();
  BOOST_TEST(json.take() == R"({"a":[1,"x",{},[],null],"b":true,"c":{"a":-5,"b":false}})");
  BOOST_TEST(json.begin_object().end_object().take() == "{}");
}

BOOST_AUTO_TEST_CASE(keeps_integers_exact) {
  BOOST_TEST(JsonWriter().integer(kMaxJsonInteger).take() == "9007199254740991");
  BOOST_TEST(JsonWriter().integer(-kMaxJsonInteger).take() == "-9007199254740991");
  BOOST_TEST(JsonWriter().integer(0).take() == "0");
}

BOOST_AUTO_TEST_CASE(a_record_that_could_not_be_verified_ends_the_process) {
  const auto object = [](auto... keys) {
    JsonWriter json;
    json.begin_object();
    (json.key(keys).null(), ...);
    json.end_object();
  };
  BOOST_TEST(!aborts([&] { object("a", "b", "ba"); }));
  BOOST_TEST(aborts([&] { object("b", "a"); }));
  BOOST_TEST(aborts([&] { object("a", "a"); }));
  BOOST_TEST(aborts([&] { object("a_b", "aB"); })); // byte order, not dictionary order
  BOOST_TEST(aborts([&] { object("\xC3\xBC"); }));
  BOOST_TEST(aborts([] { JsonWriter().integer(kMaxJsonInteger + 1); }));
  BOOST_TEST(aborts([] { JsonWriter().begin_object().take(); }));
  BOOST_TEST(aborts([] { JsonWriter().end_object(); }));
  BOOST_TEST(aborts([] {
    JsonWriter json;
    for (int i = 0; i < 100; ++i) json.begin_array();
  }));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
