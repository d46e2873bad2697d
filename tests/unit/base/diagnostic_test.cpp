#include "policy/base/diagnostic.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using sluice::Diagnostic;

BOOST_AUTO_TEST_SUITE(diagnostic)

BOOST_AUTO_TEST_CASE(has_the_form_the_contract_names) {
  const Diagnostic one{Diagnostic::Level::error, "p.yaml", 3, 7, "/egress/0", "is wrong", "fix it"};
  BOOST_TEST(format(one) == "p.yaml:3:7: /egress/0: is wrong (fix it)");
}

BOOST_AUTO_TEST_CASE(ends_with_the_code_where_there_is_one) {
  Diagnostic one{Diagnostic::Level::error, "m.json5", 3, 7, "/use", "is wrong", "fix it"};
  one.code = "manifest::invalid_name";
  BOOST_TEST(format(one) == "m.json5:3:7: /use: is wrong (fix it) [manifest::invalid_name]");
}

BOOST_AUTO_TEST_CASE(leaves_out_what_is_not_known) {
  const Diagnostic one{Diagnostic::Level::error, "p.yaml", 0, 0, "", "cannot be read", ""};
  BOOST_TEST(format(one) == "p.yaml: cannot be read");
}

BOOST_AUTO_TEST_CASE(marks_a_warning) {
  const Diagnostic one{Diagnostic::Level::warning, "p", 1, 2, "/a", "odd", ""};
  BOOST_TEST(format(one) == "p:1:2: warning: /a: odd");
}

BOOST_AUTO_TEST_CASE(cannot_be_made_to_forge_a_line_or_drive_a_terminal) {
  const Diagnostic one{Diagnostic::Level::error, "p", 1, 1, "/a\nq:1:1: fine", "\x1b[2J", ""};
  BOOST_TEST(format(one) == "p:1:1: /a\\x0aq:1:1: fine: \\x1b[2J");
}

BOOST_AUTO_TEST_CASE(one_error_among_warnings_is_an_error) {
  sluice::Diagnostics all(2);
  all[0].level = all[1].level = Diagnostic::Level::warning;
  BOOST_TEST(!has_errors(all));
  all.emplace_back();
  BOOST_TEST(has_errors(all));
}

BOOST_AUTO_TEST_CASE(pointer_tokens_are_escaped) {
  BOOST_TEST(sluice::pointer_token("a/b~c") == "a~1b~0c");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
