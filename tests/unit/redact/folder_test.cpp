// Each disguise, alone and nested, cut at every byte; and that the text can always be had back.
#include "policy/redact/folder.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace sluice::redact;

namespace {

struct Folded {
  std::string text;
  std::vector<Disguise> disguises;
  std::string rest; // at the very end, with no byte to go with
  bool operator==(const Folded& other) const {
    const auto same = [](const Disguise& a, const Disguise& b) {
      return a.at == b.at && a.written == b.written;
    };
    return text == other.text && rest == other.rest &&
           std::equal(disguises.begin(), disguises.end(), other.disguises.begin(),
                      other.disguises.end(), same);
  }
};

template <class Size>
Folded folded(std::string_view in, Size size, Folder::Signs signs = Folder::Signs::as_written) {
  Folded out;
  Folder folder(signs);
  while (!in.empty()) {
    const auto n = std::min<std::size_t>(size(), in.size());
    folder.fold(in.substr(0, n), Folder::Ending::more_may_come, 0, out.text, out.disguises);
    in.remove_prefix(n);
    BOOST_TEST_REQUIRE(folder.waiting().size() <= 2 * Folder::kMostKept + 8);
  }
  folder.fold({}, Folder::Ending::at_end, 0, out.text, out.disguises);
  out.rest = folder.waiting();
  return out;
}

std::string unfolded(const Folded& all) {
  std::string out;
  std::size_t at = 0;
  for (const Disguise& one : all.disguises) {
    BOOST_TEST_REQUIRE((one.at >= at && one.at < all.text.size()));
    out += all.text.substr(at, one.at - at) + one.written;
    at = one.at + 1;
  }
  return out + all.text.substr(at) + all.rest;
}

std::string fold(const std::string& text, Folder::Signs signs = Folder::Signs::as_written) {
  const auto whole = folded(
      text, [&] { return text.size(); }, signs);
  BOOST_TEST(unfolded(whole) == text);
  for (std::size_t piece = 1; piece < 8; ++piece) {
    BOOST_TEST((folded(
                    text, [&] { return piece; }, signs) == whole),
               text << " in pieces of " << piece);
  }
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    bool first = true;
    const auto two = folded(
        text, [&] { return std::exchange(first, false) ? cut : text.size(); }, signs);
    BOOST_TEST((two == whole), text << " cut at " << cut);
  }
  return whole.text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(folder)

BOOST_AUTO_TEST_CASE(each_disguise) {
  const std::pair<std::string, std::string> table[] = {
      {"plain text", "plain text"},
      {"\\u0061b", "ab"},
      {"\\u007E\\u007e", "~~"},
      {"\\/x", "/x"},
      {"\\\\u0061", "a"},        // JSON in JSON
      {R"(\\\\/)", "/"},         // three times
      {R"(\\\u0061)", R"(\\a)"}, // a backslash before it
      {R"(\\\\\\/)", R"(\\\\/)"},
      {"%5Cu0061", "a"}, // one notation in another
      {"%5C%5Cu0061", "a"},
      {R"(\u0026lt;)", "<"},
      {R"(\u0026#97;)", "a"},
      {"&amp;amp;lt;", "<"},
      {"%26%2397%3B", "a"},
      {"%5Cn%5C%22", R"(\n\")"},
      {"%5Cu00", R"(\u00)"},
      {"%25C3%25A9", "%C3%A9"},
      {"a%E2%80%8Bb", "ab"},
      {"a%25E2%2580%258Bb", "ab"},
      {"%D0%B0b", "ab"},
      {"\\n\\t\\\"\\\\", "\\n\\t\\\"\\\\"},
      {"\\u000a\\u00e9", "\\u000a\\u00e9"},
      {"\\u00", "\\u00"},
      {"\\u00g1", "\\u00g1"},
      {"%61%7a%7A", "azz"},
      {"%2561", "a"},
      {"%252561", "a"},
      {"100%25 of", "100% of"},
      {"%0a%ff%", "%0a%ff%"},
      {"%6", "%6"},
      {"%%61", "%a"},
      {"&amp;&lt;&gt;&quot;&apos;", "&<>\"'"},
      {"&#97;&#x61;&#X61;&#0097;", "aaaa"},
      {"&#9999999;&#;&#x;&am;&", "&#9999999;&#;&#x;&am;&"},
      {"a\xE2\x80\x8B"
       "b",
       "ab"}, // zero width space
      {"a\xC2\xAD"
       "b",
       "ab"}, // soft hyphen
      {"a\xEF\xBB\xBF"
       "b",
       "ab"}, // byte order mark
      {"a\\u200bb", "ab"},
      {"a&#8203;b", "ab"},
      {"\xD0\xB0"
       "b",
       "ab"}, // Cyrillic a beside ASCII
      {"b\xD0\xB0", "ba"},
      {"\xD0\xB0\xD1\x81\xD0\xB5z", "acez"},
      {"\xD1\x80\xD0\xB0\xD0\xB7", "\xD1\x80\xD0\xB0\xD0\xB7"}, // a word of its own
      {"\xEF\xBC\xA1x", "Ax"},                                  // full width
      {"caf\xC3\xA9 \xE2\x82\xAC", "caf\xC3\xA9 \xE2\x82\xAC"},
      // Without a ';', and with zeros in front, as browsers take them.
      {"&#75IA", "KIA"},
      {"&#x4BIA &#x4B", "KIA K"},
      {"&#00000000000000000075;IA", "KIA"},
      {"&#" + std::string(25, '0') + "75;", "&#" + std::string(25, '0') + "75;"},
      {"&#4294967371;", "&#4294967371;"}, // 75 in 32 bits
      {"&ltx&amp&gt", "<x&>"},
      {"&ampere=1", "&ere=1"},
      {"a&#8203b", "ab"},
      // Rarer characters that look like nothing.
      {"a\xCD\x8F"
       "b\xD8\x9C"
       "c\xE1\xA0\x8E"
       "d\xE1\x85\x9F"
       "e",
       "abcde"},
      {"a\xF3\xA0\x80\xA0"
       "b\xF3\xA0\x84\x80"
       "c\xEF\xBE\xA0"
       "d",
       "abcd"},
      // Dashes and mathematical letters.
      {"sk\xE2\x80\x90"
       "ant\xE2\x80\x91"
       "b\xE2\x88\x92"
       "c",
       "sk-ant-b-c"},
      {"x\xF0\x9D\x90\x80\xF0\x9D\x90\xB3\xF0\x9D\x9F\x8F", "xAz1"},
      {"\xF0\x9D\x9A\xB0x \xF0\x9F\x98\x80", "\xF0\x9D\x9A\xB0x \xF0\x9F\x98\x80"}, // Greek, a face
      {"\xD8\xA7\xD9\x84 \xE1\x80\x80", "\xD8\xA7\xD9\x84 \xE1\x80\x80"},
      {"\xF0\x9D\x90", "\xF0\x9D\x90"},
      {"\xE2", "\xE2"},
      {"a\xE2\x80", "a\xE2\x80"},
      {"\xD0", "\xD0"},
  };
  for (const auto& [written, meant] : table) BOOST_TEST(fold(written) == meant, written);
}

BOOST_AUTO_TEST_CASE(a_disguise_stays_one_in_any_company) {
  const std::string disguises[] = {"\\u0061", "%61",       "%2561",
                                   "&#97;",   "\\\\u0061", "a\xE2\x80\x8B"};
  for (const auto& one : disguises) {
    for (const auto& other : disguises) {
      BOOST_TEST(fold(one + other).substr(0, 2) == "aa", one << other);
      BOOST_TEST(fold("x" + one + "-" + other + "y").substr(0, 4) == "xa-a", one << other);
    }
  }
}

BOOST_AUTO_TEST_CASE(invisible_bytes_go_with_the_byte_after_them) {
  const auto all = folded("a\xE2\x80\x8B\xE2\x80\x8C%62", [] { return std::size_t{1}; });
  BOOST_TEST(all.text == "ab");
  BOOST_TEST_REQUIRE(all.disguises.size() == 1U);
  BOOST_TEST(all.disguises[0].at == 1U);
  BOOST_TEST(all.disguises[0].written == "\xE2\x80\x8B\xE2\x80\x8C%62");
  std::string many = "a";
  for (int i = 0; i < 1000; ++i) many += "\xE2\x80\x8B";
  fold(many.substr(0, 301));
  BOOST_TEST(unfolded(folded(many, [] { return std::size_t{5}; })) == many);
}

BOOST_AUTO_TEST_CASE(signs_beyond_ascii_where_somebody_looks_for_them) {
  const std::pair<std::string, std::string> table[] = {
      {"M\\u00fcller", "Müller"},
      {"M\\\\u00FCller", "Müller"}, // JSON in JSON
      {R"(\\\u00fc)", R"(\\ü)"},
      {"M%C3%BCller", "Müller"},
      {"M%25C3%25BCller", "Müller"},
      {"M&#252;ller M&#xfcller", "Müller Müller"},
      {"M%5Cu00fcller M%26%23252%3Bller", "Müller Müller"},
      {"\\u20ac%E2%82%AC&#8364;", "€€€"},
      {"\\u674e \\uac00\\ub098", "李 가나"},
      {R"(\ud83d\ude00 \\ud83d\\ude00 %F0%9F%98%80 &#128512;)", "😀 😀 😀 😀"},
      {R"(%5Cud83d%5Cude00)", "😀"},
      {"a\\u200b\\u00fcb", "aüb"},
      {R"(\ud835\udc00x)", "Ax"}, // a mathematical letter
      {"\\uff21x", "Ax"},
      // None: half of one, more than UTF-8 has, too long, cut off, of another code page.
      {R"(\ud83d \ude00 \ud83d\u0061 \ud83d\\ude00)", R"(\ud83d \ude00 \ud83da \ud83d\\ude00)"},
      {"&#1114112; %F4%90%80%80 %ED%A0%80", "&#1114112; %F4%90%80%80 %ED%A0%80"},
      {"%C3 %C3%28 %E2%82 %FC %F0%80%80%80", "%C3 %C3( %E2%82 %FC %F0%80%80%80"},
      {"\\u0080\\u009f\\u007f", "\\u0080\\u009f\\u007f"},
      {"&#252", "ü"},
      {"&#25", "&#25"},
      {"\\ud83d\\ude0", "\\ud83d\\ude0"},
      {"\\u00f", "\\u00f"},
      {"Müller", "Müller"}};
  for (const auto& [written, meant] : table) {
    BOOST_TEST(fold(written, Folder::Signs::read) == meant, written);
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_whatever_comes) {
  std::mt19937 random(1);
  const std::string pieces[] = {"\\",
                                "\\\\",
                                "u",
                                "u00",
                                "61",
                                "%",
                                "25",
                                "2",
                                "5",
                                "6",
                                "1",
                                "&",
                                "#",
                                "x",
                                ";",
                                "amp;",
                                "lt;",
                                "#97;",
                                "a",
                                "Z",
                                "/",
                                "n",
                                "\xC2",
                                "\xAD",
                                "\xE2\x80",
                                "\x8B",
                                "\xD0\xB0",
                                "\xD1",
                                "\xF0\x9D\x90",
                                "\x80",
                                "\xF3\xA0",
                                "\xCE\x91",
                                "\xEF\xBC",
                                "\xA1",
                                "\xEF",
                                " ",
                                "\n",
                                "\"",
                                "0",
                                "\\u00fc",
                                "\\ud83d",
                                "\\ude00",
                                "%C3%BC",
                                "%F0%9F",
                                "%98%80",
                                "&#252"};
  for (int round = 0; round < 60'000; ++round) {
    std::string text;
    for (auto count = random() % 24; count-- > 0;) {
      text += random() % 30 == 0 ? std::string(1, static_cast<char>(random()))
                                 : pieces[random() % std::size(pieces)];
    }
    const auto signs = round % 2 == 0 ? Folder::Signs::read : Folder::Signs::as_written;
    const auto whole = folded(
        text, [&] { return text.size() + 1; }, signs);
    BOOST_TEST_REQUIRE(unfolded(whole) == text);
    const auto cut = folded(
        text, [&] { return 1 + random() % 4; }, signs);
    BOOST_REQUIRE_MESSAGE(cut == whole, "differs when cut: " << text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
