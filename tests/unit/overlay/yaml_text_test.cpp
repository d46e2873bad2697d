#include "overlay/compose/yaml_text.hpp"

#include "overlay/manifest/json_value.hpp"
#include "policy/base/document.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice;
using overlay::compose_literal;
using overlay::OrderedJson;
using overlay::yaml_text;

// What our own reader of YAML takes it for.
overlay::Json read_back(const std::string& text) {
  Diagnostics problems;
  const auto document = parse_document(text, "compose.yaml", problems);
  BOOST_TEST_REQUIRE(document.has_value(), format(problems) << '\n' << text);
  return overlay::to_json(document->root);
}

BOOST_AUTO_TEST_SUITE(yaml)

BOOST_AUTO_TEST_CASE(reads_as_people_write_it) {
  const OrderedJson value = {
      {"services",
       {{"one",
         {{"image", "sluice:local"},
          {"command", {"run", "-c", "/etc/x.yaml"}},
          {"read_only", true},
          {"retries", 30},
          {"volumes",
           {{{"type", "volume"}, {"source", "a"}}, {{"type", "bind"}, {"x", "y\n"}}}}}}}},
      {"volumes", {{"a", OrderedJson::object()}}},
  };
  BOOST_TEST(yaml_text(value) == R"(services:
  one:
    image: "sluice:local"
    command: [run, "-c", /etc/x.yaml]
    read_only: true
    retries: 30
    volumes:
      - type: volume
        source: a
      - type: bind
        x: "y\n"
volumes:
  a: {}
)");
}

BOOST_AUTO_TEST_CASE(every_string_is_read_back_as_itself) {
  const std::string long_one(300, 'x');
  for (const std::string& text : {std::string(),
                                  std::string("yes"),
                                  std::string("NO"),
                                  std::string("null"),
                                  std::string("~"),
                                  std::string("1"),
                                  std::string("0x1f"),
                                  std::string("12:30"),
                                  std::string("1e3"),
                                  std::string("a: b"),
                                  std::string("a #b"),
                                  std::string("- a"),
                                  std::string("{a}"),
                                  std::string("[a"),
                                  std::string("&a"),
                                  std::string("*a"),
                                  std::string("!a"),
                                  std::string("|"),
                                  std::string("%a"),
                                  std::string("@a"),
                                  std::string("`a"),
                                  std::string("\"quoted\""),
                                  std::string("'single'"),
                                  std::string("back\\slash"),
                                  std::string("line\nline\n"),
                                  std::string(" blank "),
                                  std::string("\ttab"),
                                  std::string("\r"),
                                  std::string("bell\x07 esc\x1b del\x7f"),
                                  std::string("\u0085\u2028\ufeff"),
                                  std::string("Zoë 猫 🐈"),
                                  std::string("---"),
                                  std::string("..."),
                                  std::string("<<"),
                                  std::string("="),
                                  std::string("2001-01-01"),
                                  std::string("a/b.c-d_e"),
                                  long_one}) {
    const OrderedJson value = {{"v", text}, {"l", {text, "b"}}, {"m", {{text + "k", 1}}}};
    const auto back = read_back(yaml_text(value));
    BOOST_TEST((back == overlay::Json::parse(value.dump())), yaml_text(value));
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_filled_in) {
  BOOST_TEST(compose_literal("$HOME ${X} $$ $") == "$$HOME $${X} $$$$ $$");
  BOOST_TEST(compose_literal("") == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
