#include "policy/model/egress_call.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace {

using namespace sluice::model;
using Texts = std::vector<std::string>;

EgressCall with_query(std::string query) {
  EgressCall out;
  out.query = std::move(query);
  return out;
}

Texts values(const std::string& query, Reading reading = Reading::exactly) {
  return values_of_parameter(with_query(query), "key", reading);
}

BOOST_AUTO_TEST_SUITE(egress_call)

BOOST_AUTO_TEST_CASE(a_field_has_the_values_that_were_sent) {
  EgressCall call;
  add_field(call, "X-Team", "blue");
  add_field(call, "x-teams", "red");
  add_field(call, "X-TEAM", " \tgreen: 1 ");
  add_field(call, "X-Empty", "");
  const auto team = values_of_field(call, "x-team");
  BOOST_TEST((Texts(team.begin(), team.end()) == Texts{"blue", "green: 1"}));
  BOOST_TEST(values_of_field(call, "x-empty").size() == 1U);
  BOOST_TEST(values_of_field(call, "x-empty").front() == "");
  BOOST_TEST(values_of_field(call, "x-tea").empty());
  BOOST_TEST(values_of_field(call, "").empty());
  BOOST_TEST(values_of_field(EgressCall(), "x-team").empty());
}

BOOST_AUTO_TEST_CASE(a_parameter_is_read_as_a_form) {
  BOOST_TEST((values("key=a&key=b") == Texts{"a", "b"}));
  BOOST_TEST((values("k%65y=a%20b+c&&other=1&key") == Texts{"a b c", ""}));
  BOOST_TEST((values("key==&Key=x&keys=y") == Texts{"="}));
  BOOST_TEST((values("key=%zz%4&a=key") == Texts{"%zz%4"}));
  BOOST_TEST(values("").empty());
  BOOST_TEST(values("&&&").empty());
}

BOOST_AUTO_TEST_CASE(some_servers_read_more_into_a_query) {
  BOOST_TEST((values("KEY=a;k%45y=b&key=c;x", Reading::perhaps) == Texts{"a", "b", "c"}));
  BOOST_TEST((values("KEY=a;k%45y=b&key=c;x") == Texts{"c;x"}));
}

BOOST_AUTO_TEST_CASE(a_field_is_the_same_with_an_underscore) {
  EgressCall call;
  add_field(call, "X_Team-A", "blue");
  BOOST_TEST(values_of_field(call, "x-team_a").size() == 1U);
  BOOST_TEST(values_of_field(call, "x-team").empty());
}

BOOST_AUTO_TEST_CASE(a_value_may_be_a_list) {
  const auto all = elements_of(" a, b,,c ");
  BOOST_TEST((Texts(all.begin(), all.end()) == Texts{"a", "b", "", "c"}));
  BOOST_TEST(elements_of("").size() == 1U);
}

BOOST_AUTO_TEST_CASE(all_that_may_be_meant_by_a_content_type) {
  const auto types = [](const std::vector<std::string>& fields) {
    EgressCall call;
    for (const auto& one : fields) add_field(call, "Content-Type", one);
    return media_types(call);
  };
  BOOST_TEST((types({"a/B, \"c/d\"; x", "e/f charset=y"}) == Texts{"a/b", "c/d", "e/f"}));
  BOOST_TEST((types({",x"}) == Texts{"", "x"}));
  BOOST_TEST(types({}).empty());
}

BOOST_AUTO_TEST_CASE(a_media_type_is_one_or_none) {
  const auto type = [](const std::vector<std::string>& fields) {
    EgressCall call;
    for (const auto& one : fields) add_field(call, "Content-Type", one);
    return media_type(call);
  };
  BOOST_TEST(type({"Application/JSON; charset=utf-8"}) == "application/json");
  BOOST_TEST(type({" text/plain "}) == "text/plain");
  BOOST_TEST(type({}) == "");
  BOOST_TEST(type({"text/plain", "application/json"}) == ""); // which of them is meant nobody knows
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
