#include "policy/base/reader.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

namespace {

using namespace std::chrono_literals;
using sluice::Diagnostics;
using sluice::EmptyList;
using sluice::Reader;

enum class Colour { red, green };
constexpr std::array kColours = {sluice::Word<Colour>{"red", Colour::red},
                                 sluice::Word<Colour>{"green", Colour::green}};

// Runs `use` over the document and returns all messages, one per line.
std::string messages(std::string_view text, const std::function<void(Reader&)>& use) {
  Diagnostics out;
  const auto document = sluice::parse_document(text, "f", out);
  BOOST_TEST_REQUIRE(document.has_value(), format(out));
  Reader root(*document, out);
  use(root);
  return format(out);
}

BOOST_AUTO_TEST_SUITE(reader)

BOOST_AUTO_TEST_CASE(reads_what_is_there) {
  const auto text =
      "s: x\nb: true\ni: 7\nsize: 10MiB\nbytes: 5\nd: 60s\nc: green\nl: [a, b]\nv: 1.2\n";
  const std::string problems = messages(text, [](Reader& r) {
    BOOST_TEST(r.required("s").string().value() == "x");
    BOOST_TEST(r.at("b").boolean().value());
    BOOST_TEST(r.at("i").integer(0, 10).value() == 7);
    BOOST_TEST(r.at("size").size().value() == 10U * 1024 * 1024);
    BOOST_TEST(r.at("bytes").size().value() == 5U);
    BOOST_TEST((r.at("d").duration().value() == 60s));
    BOOST_TEST((r.at("c").one_of(kColours) == Colour::green));
    BOOST_TEST(r.at("l").strings().size() == 2U);
    BOOST_TEST(r.at("v").text().value() == "1.2");
    r.finish();
  });
  BOOST_TEST(problems == "");
}

BOOST_AUTO_TEST_CASE(a_renamed_key_says_its_new_name_and_is_not_proposed) {
  const std::string problems = messages("policies: []\npolicie: 1\n", [](Reader& r) {
    r.at("overlays");
    r.renamed("policies", "overlays");
    r.finish();
  });
  BOOST_TEST(problems == "f:1:11: /policies: \"policies\" was renamed (write \"overlays\")\n"
                         "f:2:1: /policie: unknown key \"policie\" (known keys: overlays)\n");
}

BOOST_AUTO_TEST_CASE(absent_keys_read_as_nothing_without_a_word) {
  const std::string problems = messages("{}", [](Reader& r) {
    Reader deep = r.at("a").at("b").at("c");
    BOOST_TEST(!deep.present());
    BOOST_TEST(!deep.string());
    BOOST_TEST(!deep.text());
    BOOST_TEST(!deep.boolean());
    BOOST_TEST(!deep.integer(0, 1));
    BOOST_TEST(!deep.size());
    BOOST_TEST(!deep.duration());
    BOOST_TEST(!deep.one_of(kColours));
    BOOST_TEST(deep.strings(EmptyList::refuse).empty());
    BOOST_TEST(deep.members().empty());
    deep.finish();
    r.finish();
  });
  BOOST_TEST(problems == "");
}

BOOST_AUTO_TEST_CASE(every_problem_is_reported_with_its_place) {
  const auto text = "name: 5\nlisteners:\n  - {prot: 1}\n  - nope\nsize: 10 MB\nwait: 60\nc: gren\n"
                    "empty: []\nn:\ni: 11\n";
  const std::string problems = messages(text, [](Reader& r) {
    r.at("name").string();
    for (Reader& item : r.at("listeners").items()) {
      item.required("port").integer(1, 65535);
      item.finish();
    }
    r.at("size").size();
    r.at("wait").duration();
    r.at("c").one_of(kColours);
    r.at("empty").strings(EmptyList::refuse);
    r.at("n").strings();
    r.at("i").integer(0, 10);
    r.required("must");
    r.finish();
  });
  BOOST_TEST(
      problems ==
      "f:1:7: /name: expected a string, found an integer (put it in quotes)\n"
      "f:3:5: /listeners/0: the key \"port\" is missing\n"
      "f:3:6: /listeners/0/prot: unknown key \"prot\" (did you mean \"port\"?)\n"
      "f:4:5: /listeners/1: expected a map, found a string\n"
      "f:5:7: /size: \"10 MB\" is not a size (write bytes, or a number with a unit such as "
      "10MiB)\n"
      "f:6:7: /wait: \"60\" is not a duration (write a number with a unit such as 500ms, 60s "
      "or 5m)\n"
      "f:7:4: /c: \"gren\" is not one of red or green (did you mean \"green\"?)\n"
      "f:8:8: /empty: the list is empty (fill it in or leave the key out)\n"
      "f:9:1: /n: expected a list, found nothing (fill it in or leave the key out)\n"
      "f:10:4: /i: the number must be from 0 to 10\n"
      "f:1:1: the key \"must\" is missing\n");
}

BOOST_AUTO_TEST_CASE(unsupported_keys_are_errors_and_not_proposed) {
  const std::string problems = messages("later: 1\nothr: 2\nelsewhere: 3\n", [](Reader& r) {
    r.unsupported("later", "soon");
    r.unsupported("other");
    r.misplaced("elsewhere", "there");
    r.at("known");
    r.finish();
  });
  BOOST_TEST(problems == "f:1:8: /later: \"later\" is not supported in this version (soon)\n"
                         "f:3:12: /elsewhere: \"elsewhere\" does not apply here (there)\n"
                         "f:2:1: /othr: unknown key \"othr\" (known keys: known)\n");
}

BOOST_AUTO_TEST_CASE(values_that_may_be_secrets_are_never_quoted) {
  const std::string text =
      "value: hunter2\nnested: {value: {deep: hunter2}}\nlong: " + std::string(41, 's') + "\n";
  const std::string problems = messages(text, [](Reader& r) {
    r.at("value").one_of(kColours);
    r.at("value").duration();
    r.at("nested").at("value").at("deep").size();
    r.at("long").one_of(kColours);
    r.at("long").size();
  });
  BOOST_TEST(problems.find("hunter2") == std::string::npos);
  BOOST_TEST(problems.find("ssss") == std::string::npos);
  BOOST_TEST(problems.find("f:1:8: /value: the value is not one of red or green") == 0U);
}

BOOST_AUTO_TEST_CASE(units_are_exact_and_do_not_overflow) {
  struct Row {
    std::string_view text;
    bool size;
    bool duration;
  };
  const Row rows[] = {
      {"1B", true, false},    {"1kB", true, false},   {"1KB", false, false},
      {"1TiB", true, false},  {"-1", false, false},   {"1.5MiB", false, false},
      {"MiB", false, false},  {"0x10", true, false},  {"99999999999TiB", false, false},
      {"1ms", false, true},   {"1h", false, true},    {"1 s", false, false},
      {"-1s", false, false},  {"999d", false, false}, {"99999999999999999999s", false, false},
      {"[1s]", false, false}, {"1d", false, true},    {"~", false, false}};
  for (const Row& row : rows) {
    messages(row.text, [&](Reader& r) {
      BOOST_TEST(r.size().has_value() == row.size, row.text);
      BOOST_TEST(r.duration().has_value() == row.duration, row.text);
    });
  }
}

BOOST_AUTO_TEST_CASE(a_foreign_file_is_not_answered_key_by_key) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const std::string problems = messages(text, [](Reader& r) { r.finish(); });
  BOOST_TEST(std::count(problems.begin(), problems.end(), '\n') == 50);
}

BOOST_AUTO_TEST_CASE(nothing_is_quoted_where_that_is_asked) {
  const std::string_view text = "w: hunter2\nsize: hunter2\nwait: hunter2\nl: [hunter2]\n"
                                "m: {k: hunter2}\nunknown: hunter2\n";
  const auto use = [](Reader r) {
    r.at("w").one_of(kColours);
    r.at("size").size();
    r.at("wait").duration();
    BOOST_TEST(r.at("w").quoted().find("hunter2") == std::string::npos);
    for (Reader& item : r.at("l").items()) item.one_of(kColours);
    for (auto& [name, value] : r.at("m").members()) value.size();
    r.finish();
  };
  Diagnostics out;
  const auto document = sluice::parse_document(text, "f", out);
  BOOST_TEST_REQUIRE(document.has_value());
  use(Reader(*document, out, sluice::Quote::nothing));
  BOOST_TEST(out.size() == 6U);
  BOOST_TEST(format(out).find("hunter2") == std::string::npos, format(out));
  BOOST_TEST(format(out).find("unknown key \"unknown\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(words_are_joined_as_people_do) {
  const std::string_view words[] = {"a", "b", "c"};
  BOOST_TEST(sluice::join_words(words, 3) == "a, b or c");
  BOOST_TEST(sluice::join_words(words, 1) == "a");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
