#include "policy/base/document.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using sluice::Diagnostics;
using sluice::Document;
using sluice::Node;
using Kind = sluice::Node::Kind;

std::string first_error(std::string_view text) {
  Diagnostics out;
  const auto document = sluice::parse_document(text, "f", out);
  BOOST_TEST(document.has_value() == out.empty());
  return out.empty() ? "" : format(out.front());
}

Document parsed(std::string_view text) {
  Diagnostics out;
  auto document = sluice::parse_document(text, "f", out);
  BOOST_TEST_REQUIRE(document.has_value(), format(out));
  return *std::move(document);
}

BOOST_AUTO_TEST_SUITE(document)

BOOST_AUTO_TEST_CASE(types_plain_scalars_by_the_core_schema) {
  struct Row {
    std::string_view text;
    Kind kind;
  };
  const Row rows[] = {
      {"true", Kind::boolean},    {"False", Kind::boolean},
      {"TRUE", Kind::boolean},    {"no", Kind::string},
      {"on", Kind::string},       {"yes", Kind::string},
      {"Off", Kind::string},      {"y", Kind::string},
      {"~", Kind::null},          {"null", Kind::null},
      {"nUll", Kind::string},     {"12", Kind::integer},
      {"-3", Kind::integer},      {"+3", Kind::integer},
      {"0o17", Kind::integer},    {"0xfF", Kind::integer},
      {"0x-5", Kind::string},     {"0x+5", Kind::string},
      {"1_000", Kind::string},    {"12:30", Kind::string},
      {"1.5", Kind::real},        {".5", Kind::real},
      {"1e3", Kind::real},        {"1e", Kind::string},
      {"-.inf", Kind::real},      {".nan", Kind::real},
      {"1.2.0", Kind::string},    {"-", Kind::list},
      {"\"true\"", Kind::string}, {"'12'", Kind::string},
      {"!!str 12", Kind::string}, {"99999999999999999999", Kind::real},
  };
  for (const Row& row : rows) {
    const Document document = parsed(row.text);
    BOOST_TEST(to_string(document.root.kind) == to_string(row.kind), row.text);
  }
  BOOST_TEST(parsed("0o17").root.integer == 15);
  BOOST_TEST(parsed("0xfF").root.integer == 255);
  BOOST_TEST(parsed("-3").root.integer == -3);
  BOOST_TEST(parsed("1e3").root.real == 1000.0);
}

BOOST_AUTO_TEST_CASE(knows_where_everything_stands) {
  const Document document = parsed("a: 1\nlist:\n  - x\n  - {k: v}\n");
  BOOST_TEST_REQUIRE(document.root.is_map());
  const Node* list = document.root.find("list");
  BOOST_TEST_REQUIRE(list != nullptr);
  BOOST_TEST(document.root.members[1].line == 2);
  BOOST_TEST(document.root.members[1].column == 1);
  BOOST_TEST(list->items[1].line == 4);
  BOOST_TEST(list->items[1].column == 5);
  BOOST_TEST(list->items[1].find("k")->column == 9);
}

BOOST_AUTO_TEST_CASE(reads_json) {
  const Document document =
      parsed("{\n\t\"a\": [1, true, null, \"x\\u0041\"],\n\t\"b\": {\"c\":-1.5}\n}\n");
  BOOST_TEST_REQUIRE(document.root.find("a") != nullptr);
  BOOST_TEST(document.root.find("a")->items[3].text == "xA");
  BOOST_TEST(document.root.find("b")->find("c")->real == -1.5);
}

BOOST_AUTO_TEST_CASE(an_empty_file_is_a_null_document) {
  for (const std::string_view text : {"", "# only a comment\n", "---\n", "\xef\xbb\xbf"}) {
    BOOST_TEST((parsed(text).root.kind == Kind::null), text);
  }
}

BOOST_AUTO_TEST_CASE(expands_aliases_but_not_merge_keys) {
  const Document document = parsed("a: &x [1, 2]\nb: *x\n");
  BOOST_TEST(document.root.find("b")->items.size() == 2U);
  const Document merge = parsed("a: &x {k: 1}\nb: {<<: *x}\n");
  BOOST_TEST(merge.root.find("b")->find("k") == nullptr);
  BOOST_TEST(merge.root.find("b")->find("<<") != nullptr);
}

BOOST_AUTO_TEST_CASE(refuses_with_a_position) {
  struct Row {
    std::string_view text;
    std::string_view message;
  };
  const Row rows[] = {
      {"a: 1\nb: 2\na: 3\n", "f:3:1: the key \"a\" is written twice"},
      {"x:\n  - {k: 1, k: 2}\n", "f:2:12: /x/0: the key \"k\" is written twice"},
      {"a: 1\n---\nb: 2\n", "f:2:1: a second document begins here (keep one document per file)"},
      {"a: &x [*x]\n", "f:1:8: /a/0: an alias stands inside its own anchor"},
      {"a: !secret x\n", "f:1:4: /a: tags are not read (remove the tag)"},
      {"a: !!int 5\n", "f:1:4: /a: tags are not read (remove the tag)"},
      {"%TAG ! tag:x,2000:\n---\na: 1\n", "f:1:1: tags are not read (remove the directive)"},
      {"%YAML 1.2\n%TAG !e! tag:x,2000:\n---\na: 1\n",
       "f:2:1: tags are not read (remove the directive)"},
      {"a: 1\n# \xe2\x80\xa8"
       "b: 2",
       "f:2:3: a line ends here for some readers and not for others (write the character as "
       "\\u2028, \\u2029 or \\u0085)"},
      {"a: 1 # x\r- b: 2\n",
       "f:1:9: a line ends here for some readers and not for others (end lines with \\n)"},
      {"a: 1\r",
       "f:1:5: a line ends here for some readers and not for others (end lines with \\n)"},
      {"? [1]\n: 2\n",
       "f:1:3: a list is used as a key (write the key as a string; or is a bracket not closed?)"},
      {"? {a: 1}\n: 2\n",
       "f:1:3: a map is used as a key (write the key as a string; or is a bracket not closed?)"},
      {"a: &x k\n*x : 2\n",
       "f:2:1: an alias is used as a key (write the key as a string; or is a bracket not closed?)"},
      {"~: 1\n", "f:1:1: a key is empty"},
      {"a: \"b\\0c\"\n", "f:1:4: /a: a string holds a NUL character"},
      {"ab\xff", "f:1:3: a byte is not printable UTF-8 (save the file as UTF-8 text)"},
      {"a: 1\nb: \xc0\xaf", "f:2:4: a byte is not printable UTF-8 (save the file as UTF-8 text)"},
      {"a: \xed\xa0\x80", "f:1:4: a byte is not printable UTF-8 (save the file as UTF-8 text)"},
      {"a: \x1b[0m", "f:1:4: a byte is not printable UTF-8 (save the file as UTF-8 text)"},
  };
  for (const Row& row : rows) BOOST_TEST(first_error(row.text) == row.message);
  BOOST_TEST(!first_error(std::string_view("a\0b", 3)).empty());
  BOOST_TEST(first_error("a: [1, 2").substr(0, 2) == "f:");
  BOOST_TEST(first_error("a: b: c").find("not valid YAML or JSON: ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_syntax_error_says_all_of_it) {
  const std::string no = "not valid YAML or JSON: ";
  BOOST_TEST(
      first_error(R"(a: "x\qy")") ==
      "f:1:6: /a: " + no +
          "found unknown escape character (write \\\\ for a backslash, or use single quotes)");
  BOOST_TEST(first_error(R"({"a": "\ud800"})") ==
             "f:1:10: " + no +
                 "found invalid Unicode character escape code (write the character itself)");
  BOOST_TEST(first_error(R"({"a" 1})") == "f:1:6: " + no +
                                              "did not find expected ',' or '}' (a ',' or ':' is "
                                              "missing here, or a '}' behind it)");
  BOOST_TEST(first_error(R"({"a": 1,)").find("a '}' or ']' behind it") != std::string::npos);
  BOOST_TEST(first_error("a: [1\nb: 2").find("or a ']' behind it") != std::string::npos);
  BOOST_TEST(first_error("{a:}").find("write a value behind the colon") != std::string::npos);
  BOOST_TEST(first_error("a: \"x\n").find("a closing quote is missing") != std::string::npos);
  BOOST_TEST(first_error("a:\n\t- x\n").find("indent with spaces") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_syntax_error_does_not_quote_the_input) {
  const std::string message = first_error("value: *hunter2-secret\n");
  BOOST_TEST(message.find("hunter2") == std::string::npos);
  BOOST_TEST(message ==
             "f:1:8: /value: an alias of an anchor that is not written above it (quote a "
             "value that begins with '*')");
}

BOOST_AUTO_TEST_CASE(a_mark_of_byte_order_is_no_part_of_the_text) {
  for (const char* text : {"a: 1\nb: 2\n", "---\na: 1\nb: 2\n", "# c\na: 1\nb: 2\n",
                           "{\"a\": 1, \"b\": 2}", "a: 1\r\nb: 2\r\n"}) {
    const Document document = parsed("\xef\xbb\xbf" + std::string(text));
    BOOST_TEST_REQUIRE(document.root.find("b") != nullptr, text);
    BOOST_TEST(document.root.find("b")->integer == 2);
  }
  BOOST_TEST(parsed("\xef\xbb\xbfkey: x").root.find("key")->column == 6);
}

BOOST_AUTO_TEST_CASE(a_long_key_is_not_cut_inside_a_character) {
  const std::string key = std::string(39, 'k') + "ää";
  BOOST_TEST(first_error(key + ": 1\n" + key + ": 2\n") ==
             "f:2:1: the key \"" + std::string(39, 'k') + "…\" is written twice");
}

BOOST_AUTO_TEST_CASE(counts_columns_in_characters) {
  BOOST_TEST(parsed("{ä: x, b: y}").root.find("b")->column == 11);
  for (const char* end : {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"}) {
    BOOST_TEST(
        first_error(std::string("a: x") + end + "%TAG ! x").starts_with("f:1:5: a line ends"));
  }
  BOOST_TEST(first_error("ä\xff") == "f:1:2: a byte is not printable UTF-8 (save the file as UTF-8 "
                                     "text)");
}

// An anchor may be written again; an alias means the last one above it, even inside the second.
BOOST_AUTO_TEST_CASE(an_alias_means_the_last_anchor_above_it) {
  const Document document = parsed("[&x 1, *x, &x 2, *x]");
  BOOST_TEST(document.root.items[1].integer == 1);
  BOOST_TEST(document.root.items[3].integer == 2);
  BOOST_TEST(first_error("[&x 1, &x [*x]]") ==
             "f:1:12: /1/0: an alias stands inside its own anchor");
}

BOOST_AUTO_TEST_CASE(an_alias_bomb_is_refused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", " : "") + last;
    bomb += "]\n";
  }
  BOOST_TEST(first_error(bomb).find("too large once its aliases") != std::string::npos);
  std::string text_bomb = "a: &a \"" + std::string(1 << 20, 'x') + "\"\nb: [";
  for (int i = 0; i < 40; ++i) text_bomb += "*a, ";
  BOOST_TEST(first_error(text_bomb + "]\n").find("too large") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(depth_and_size_are_bounded) {
  BOOST_TEST(first_error(std::string(63, '[') + "1" + std::string(63, ']')) == "");
  BOOST_TEST(first_error(std::string(65, '[') + std::string(65, ']')).find("nested too deeply") !=
             std::string::npos);
  BOOST_TEST(!first_error(std::string(100'000, '[')).empty());
  BOOST_TEST(!first_error(std::string(100'000, '{')).empty());
  std::string deep = "a: &a " + std::string(40, '[') + std::string(40, ']') + "\nb: ";
  BOOST_TEST(first_error(deep + std::string(30, '[') + "*a" + std::string(30, ']'))
                 .find("nested too deeply") != std::string::npos);
  BOOST_TEST(first_error(std::string(sluice::kMaxDocumentBytes + 1, 'x')).find("8 MiB") !=
             std::string::npos);
  std::string many = "[";
  for (std::size_t i = 0; i <= sluice::kMaxDocumentNodes; ++i) many += "1,";
  BOOST_TEST(first_error(many + "]").find("too large") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_says_why) {
  Diagnostics out;
  BOOST_TEST(!sluice::load_document("/nonexistent/policy.yaml", out).has_value());
  BOOST_TEST(format(out.at(0)) ==
             "/nonexistent/policy.yaml: the file cannot be read (No such file or directory)");
  out.clear();
  BOOST_TEST(!sluice::load_document("/", out).has_value());
  BOOST_TEST(out.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_is_read_whole) {
  const auto path = std::filesystem::temp_directory_path() / "sluice_document_test.yaml";
  std::ofstream(path) << "a: 1\n";
  Diagnostics out;
  const auto document = sluice::load_document(path.string(), out);
  std::filesystem::remove(path);
  BOOST_TEST_REQUIRE(document.has_value());
  BOOST_TEST(document->root.find("a")->integer == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
