#include "policy/model/reason.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

namespace {

using namespace sluice::model;

BOOST_AUTO_TEST_SUITE(reason)

BOOST_AUTO_TEST_CASE(every_row_is_complete_and_its_code_unique) {
  std::set<std::string_view> codes;
  for (int i = 0; i < static_cast<int>(Reason::count_); ++i) {
    const ReasonRow& one = row(static_cast<Reason>(i));
    BOOST_TEST(codes.insert(one.code).second, one.code);
    BOOST_TEST(!one.title.empty(), one.code);
    BOOST_TEST((one.status == 0 || (one.status >= 400 && one.status < 600)), one.code);
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_in_the_table_is_our_fault) {
  BOOST_TEST(row(Reason::count_).code == "internal_error");
  BOOST_TEST((Reason() == Reason::internal_error));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
