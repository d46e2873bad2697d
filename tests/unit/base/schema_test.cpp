#include "policy/base/schema.hpp"

#include "policy/base/reader.hpp"
#include "tests/support/schema_check.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

namespace {

using sluice::EmptyList;
using sluice::Reader;
using sluice::Schema;

// What `load` asks of the documents, one after the other.
Schema schema_of(const std::vector<std::string>& texts, const std::function<void(Reader)>& load) {
  sluice::SchemaNode asked;
  sluice::Diagnostics problems;
  for (const auto& text : texts) {
    auto document = sluice::parse_document(text, "f", problems);
    document->asked = &asked;
    load(Reader(*document, problems));
  }
  BOOST_TEST(sluice::format(problems) == "");
  return asked.schema("urn:test", "f");
}

// Without what every schema begins with, and without blanks.
std::string bare(const Schema& schema) {
  std::string out;
  for (const char c : schema.text) {
    if (c != ' ' && c != '\n') out += c;
  }
  const std::string begin = R"({"$schema":"https://json-schema.org/draft/2020-12/schema",)"
                            R"("$id":"urn:test","title":"f",)";
  BOOST_TEST(out.starts_with(begin));
  return '{' + out.substr(begin.size());
}

enum class Colour { red, blue };
constexpr std::array kColours = {sluice::Word<Colour>{"red", Colour::red},
                                 sluice::Word<Colour>{"blue", Colour::blue}};

} // namespace

BOOST_AUTO_TEST_SUITE(schema)

BOOST_AUTO_TEST_CASE(each_scalar_is_what_it_is_read_as) {
  const auto value = [](const std::string& text, const std::function<void(Reader)>& load) {
    return bare(schema_of({text}, load));
  };
  using R = Reader;
  BOOST_TEST(value("a", [](R at) { (void)at.string(); }) == R"({"type":"string","minLength":1})");
  BOOST_TEST(value("a", [](R at) { (void)at.text(); }) ==
             R"({"type":["string","number","boolean"]})");
  BOOST_TEST(value("null", [](R at) { (void)at.scalar(); }) ==
             R"({"type":["string","number","boolean","null"]})");
  BOOST_TEST(value("true", [](R at) { (void)at.boolean(); }) == R"({"type":"boolean"})");
  BOOST_TEST(value("7", [](R at) { (void)at.integer(1, 9); }) ==
             R"({"type":"integer","minimum":1,"maximum":9})");
  BOOST_TEST(value("0.5", [](R at) { (void)at.number(); }) == R"({"type":"number"})");
  BOOST_TEST(value("0.5", [](R at) { (void)at.number(0, 8); }) ==
             R"({"type":"number","minimum":0.0,"maximum":8.0})");
  BOOST_TEST(value("1", [](R at) { (void)at.says(1); }) == R"({"const":1})");
  BOOST_TEST(value("block", [](R at) { (void)at.says("block"); }) == R"({"enum":["block"]})");
  BOOST_TEST(value("red", [](R at) { (void)at.one_of(kColours); }) == R"({"enum":["red","blue"]})");
  BOOST_TEST(value("5m", [](R at) { (void)at.duration(); }) ==
             R"({"type":"string","pattern":"^[0-9]+(ms|s|m|h|d)$"})");
  BOOST_TEST(value("5MiB", [](R at) { (void)at.size(1, 1U << 30); }) ==
             R"({"anyOf":[{"type":"integer","minimum":1,"maximum":1073741824},{"type":"string",)"
             R"("pattern":"^[0-9]+(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$"}]})");
}

BOOST_AUTO_TEST_CASE(lists_say_whether_they_may_be_empty) {
  BOOST_TEST(bare(schema_of({"[a]"}, [](Reader at) { (void)at.strings(); })) ==
             R"({"type":"array","items":{"type":"string","minLength":1}})");
  BOOST_TEST(bare(schema_of({"[a]"}, [](Reader at) { (void)at.strings(EmptyList::refuse); })) ==
             R"({"type":"array","minItems":1,"items":{"type":"string","minLength":1}})");
}

BOOST_AUTO_TEST_CASE(one_alone_or_a_list) {
  const auto load = [](const Reader& root) {
    Reader at = root;
    for (Reader& item : at.one_or_items(EmptyList::refuse)) (void)item.boolean();
  };
  const std::string both = R"({"anyOf":[{"type":"boolean"},)"
                           R"({"type":"array","minItems":1,"items":{"type":"boolean"}}]})";
  BOOST_TEST(bare(schema_of({"true", "[true]"}, load)) == both);
  BOOST_TEST(bare(schema_of({"[true]"}, load)) == both);
  BOOST_TEST(bare(schema_of({"true"}, load)) == both);
}

BOOST_AUTO_TEST_CASE(maps_have_the_keys_that_are_asked_for) {
  const auto schema = schema_of({"{b: x, list: [{c: true}]}"}, [](Reader root) {
    (void)root.required("b").string();
    (void)root.at("a").boolean(); // not there, and known all the same
    for (Reader& item : root.at("list").items()) {
      (void)item.at("c").boolean();
      item.finish();
    }
    root.unsupported("later");
    root.misplaced("elsewhere", "");
    root.finish();
  });
  BOOST_TEST(bare(schema) ==
             R"({"type":"object","properties":{"b":{"type":"string","minLength":1},)"
             R"("a":{"type":"boolean"},"list":{"type":"array","items":{"type":"object",)"
             R"("properties":{"c":{"type":"boolean"}},"additionalProperties":false}}},)"
             R"("required":["b"],"additionalProperties":false})");
  BOOST_TEST(schema.untyped.empty());
}

BOOST_AUTO_TEST_CASE(maps_of_two_kinds_share_a_place) {
  const auto load = [](Reader root) {
    for (Reader& item : root.items()) {
      const auto kind = item.required("kind").one_of(kColours);
      if (kind == Colour::red) {
        (void)item.required("only-red").boolean();
        item.misplaced("only-blue", "");
        (void)item.at("only-blue"); // for what is said about it
      } else {
        (void)item.at("only-blue").boolean();
      }
      item.misplaced("none", "");
      item.finish();
    }
  };
  const auto schema = bare(schema_of({"[{kind: red, only-red: true}, {kind: blue}]"}, load));
  BOOST_TEST(schema ==
             R"({"type":"array","items":{"type":"object","properties":{"kind":{"enum":)"
             R"(["red","blue"]},"only-red":{"type":"boolean"},"only-blue":{"type":"boolean"}},)"
             R"("required":["kind"],"additionalProperties":false}})");
}

BOOST_AUTO_TEST_CASE(free_keys) {
  const auto load = [](Reader root) {
    for (auto& [key, value] : root.members()) (void)value.boolean();
  };
  BOOST_TEST(bare(schema_of({"{x: true, y: false}"}, load)) ==
             R"({"type":"object","additionalProperties":{"type":"boolean"}})");
}

BOOST_AUTO_TEST_CASE(a_map_or_a_word) {
  const auto load = [](const Reader& root) {
    for (Reader& item : Reader(root).items()) {
      if (!item.node()->is_map()) {
        (void)item.boolean();
        continue;
      }
      (void)item.at("x").boolean();
      item.finish();
    }
  };
  BOOST_TEST(bare(schema_of({"[true, {x: true}]"}, load)) ==
             R"({"type":"array","items":{"anyOf":[{"type":"boolean"},{"type":"object",)"
             R"("properties":{"x":{"type":"boolean"}},"additionalProperties":false}]}})");
}

// A loader that learned a key while the document did not.
BOOST_AUTO_TEST_CASE(what_was_never_read_is_told) {
  const auto schema = schema_of({"{a: [{}], f: {k: 1}}"}, [](Reader root) {
    (void)root.at("absent");
    for (Reader& item : root.at("a").items()) {
      (void)item.at("x~/y");
      item.finish();
    }
    (void)root.at("l").items();
    (void)root.at("f").members();
    root.finish();
  });
  const std::vector<std::string> expected = {"/a/*/x~0~1y", "/absent", "/f/*", "/l/*"};
  BOOST_TEST(schema.untyped == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_a_recorder_nothing_changes) {
  sluice::Diagnostics problems;
  const auto document = sluice::parse_document("{a: 1, b: [x]}", "f", problems);
  BOOST_TEST((document->asked == nullptr));
  Reader root(*document, problems);
  BOOST_TEST(root.at("a").integer(0, 9).value() == 1);
  BOOST_TEST(root.at("b").one_or_items(EmptyList::refuse).size() == 1);
  root.finish();
  BOOST_TEST(problems.empty());
}

BOOST_AUTO_TEST_CASE(the_check_of_the_tests_checks) {
  const auto schema = schema_of({"{a: 1, b: [x], c: {k: 5s}}"}, [](Reader root) {
    (void)root.required("a").integer(0, 9);
    (void)root.at("b").strings(EmptyList::refuse);
    for (auto& [key, value] : root.at("c").members()) (void)value.duration();
    root.finish();
  });
  const sluice::testing::SchemaCheck check(schema);
  const auto fault = [&](const char* text) {
    sluice::Diagnostics problems;
    return check.fault(sluice::parse_document(text, "f", problems)->root);
  };
  BOOST_TEST(fault("{a: 1, b: [x], c: {k: 5s}}") == "");
  BOOST_TEST(fault("{a: 9}") == "");
  BOOST_TEST(fault("{a: 10}") == "/a");
  BOOST_TEST(fault("{b: [x]}") == "/");
  BOOST_TEST(fault("{a: 1, b: []}") == "/b");
  BOOST_TEST(fault("{a: 1, b: [x, 1]}") == "/b/1");
  BOOST_TEST(fault("{a: 1, c: {k: 5 s}}") == "/c/k");
  BOOST_TEST(fault("{a: 1, d: 1}") == "/d");
  BOOST_TEST(fault("[]") == "/");
}

BOOST_AUTO_TEST_SUITE_END()
