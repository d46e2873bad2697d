// Whether a block goes on in the next string: what is read behind the quote that ended one.
#include "policy/redact/string_list.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using sluice::redact::StringList;

namespace {

// What is said of each byte: '.' undecided, '"' a string ends, then k, l, g, m or x, with which
// (but for k) it ends.
std::string said(std::string_view text) {
  StringList list("-----END");
  std::string out;
  for (const char c : text) {
    out += ".\"klgmx"[static_cast<std::size_t>(list.read(c))];
    if (std::string_view("lgmx").find(out.back()) != std::string_view::npos) break;
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(string_list)

BOOST_AUTO_TEST_CASE(a_list_of_key_lines) {
  BOOST_TEST(said(",\"MIIE\\nx") == "."
                                    "."
                                    "...."
                                    ".g");
  BOOST_TEST(said(" ,\n \"MII=\" , \"\",\"-----END X") == ".."
                                                          "..."
                                                          "...."
                                                          "\""
                                                          ".k"
                                                          ".."
                                                          "\"k"
                                                          "........m");
  BOOST_TEST(said(",\"ab\"]") == "....\"l");
  BOOST_TEST(said(",\"Proc-Type: 4,ENCRYPTED\\n").back() == 'g');
}

BOOST_AUTO_TEST_CASE(what_is_no_list_of_key_lines) {
  for (const std::string_view text :
       {"}", "]", ":", ",1", ",{", ",\"n\":1", ",\"n\" : 1", ",\"two words\"", ",\"Note:x",
        ",\":", ",\"\xC3\xA9", ",\"ab\\t", ",\"ab\\\"", ",\"ab\"}", ",\"-----BEGIN ", ",\"---\"",
        ",\"Ab: \x01"}) {
    BOOST_TEST(said(text).back() == 'x', text);
    BOOST_TEST(said(text).size() <= text.size());
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_waited_for_long) {
  const auto times = [](std::size_t n, char c) { return std::string(n, c); };
  BOOST_TEST(said(times(StringList::kMostSpace + 1, ' ')).back() == 'x');
  BOOST_TEST(said("," + times(StringList::kMostSpace + 1, ' ')).back() == 'x');
  BOOST_TEST(said(",\"" + times(200, 'A')).size() == 2 + StringList::kLongLine);
  BOOST_TEST(said(",\"" + times(200, 'A')).back() == 'g');
  BOOST_TEST(said(",\"Ab: " + times(200, 'A')).back() == 'x');
  BOOST_TEST(said(",\"A\"" + times(StringList::kMostSpace + 1, ' ')).back() == 'x');
  const std::string longest =
      times(StringList::kMostSpace, ' ') + "," + times(StringList::kMostSpace, ' ') + "\"" +
      times(StringList::kLongLine - 1, 'A') + "\"" + times(StringList::kMostSpace, ' ') + ",";
  BOOST_TEST(said(longest).back() == 'k');
  BOOST_TEST(longest.size() + 1 <= StringList::kMostHeld);
}

BOOST_AUTO_TEST_SUITE_END()
