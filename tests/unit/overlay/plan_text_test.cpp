#include "overlay/plan/plan_text.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice::overlay;

BOOST_AUTO_TEST_SUITE(plan_text)

BOOST_AUTO_TEST_CASE(is_cut_between_characters) {
  BOOST_TEST(cut_text("abc", 3) == "abc");
  BOOST_TEST(cut_text("abc", 2) == "ab");
  BOOST_TEST(cut_text("a\u00e4", 2) == "a");
  BOOST_TEST(cut_text("a\u20ac", 3) == "a");
  BOOST_TEST(cut_text("\U0001f600x", 4) == "\U0001f600");
  BOOST_TEST(cut_text("\U0001f600x", 3) == "");
  BOOST_TEST(cut_text("\x80\x80\x80\x80\x80\x80", 4).size() == 4U); // no UTF-8 at all
  BOOST_TEST(cut_text("", 0) == "");
}

BOOST_AUTO_TEST_CASE(names_are_short_and_printable) {
  BOOST_TEST(shown_name("slot") == "\"slot\"");
  BOOST_TEST(shown_name(std::string(40, 'a')) == '"' + std::string(40, 'a') + '"');
  BOOST_TEST(shown_name(std::string(41, 'a')) == '"' + std::string(40, 'a') + "…\"");
  BOOST_TEST(shown_name("a\nb\x1b") == "\"a\\x0ab\\x1b\"");
}

BOOST_AUTO_TEST_CASE(paths_are_ambers) {
  BOOST_TEST(shown_path("") == "");
  BOOST_TEST(shown_path("/interpositions") == "interpositions");
  BOOST_TEST(shown_path("/interpositions/0/interposer/slots") ==
             "interpositions[0].interposer.slots");
  BOOST_TEST(shown_path("/a~1b/~0c") == "a/b.~c");
  BOOST_TEST(shown_path("/" + std::string(50, 'k')) == std::string(40, 'k') + "…");
}

BOOST_AUTO_TEST_CASE(overlays_are_named_by_scope_and_use) {
  BOOST_TEST(overlay_display_name("/", "guard") == "/guard");
  BOOST_TEST(overlay_display_name("/team", "guard") == "/team/guard");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
