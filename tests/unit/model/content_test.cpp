#include "policy/model/content.hpp"

#include "policy/base/json.hpp"
#include "policy/model/egress_call.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice;
using namespace sluice::model;

std::string at(std::string_view json, std::vector<std::string> tokens, JsonReading reading) {
  const auto tree = read_json(json).value();
  std::string out;
  for (const Node* one : scalars_at(tree, tokens, reading)) out += one->text + ';';
  return out;
}

BOOST_AUTO_TEST_SUITE(content)

BOOST_AUTO_TEST_CASE(a_call_that_nobody_read_may_hold_everything) {
  const EgressCall call;
  BOOST_TEST((content_state(call) == Content::State::unread));
  for (const auto kind : kAllOperationKinds) {
    const auto all = operations_of(call, kind);
    BOOST_TEST_REQUIRE(all.size() == 1U);
    BOOST_TEST((all.front()->kind == kind));
    BOOST_TEST(!all.front()->read);
  }
}

BOOST_AUTO_TEST_CASE(exactly_what_a_pointer_names_or_all_that_may_be_meant) {
  const auto exactly = JsonReading::exactly, perhaps = JsonReading::perhaps;
  constexpr std::string_view kText =
      R"({"path":"/a","Path":"/b","list":["x","y"],"deep":{"k":[{"v":1}]},"mixed":["x",{}]})";
  BOOST_TEST(at(kText, {"path"}, exactly) == "/a;");
  BOOST_TEST(at(kText, {"path"}, perhaps) == "/a;/b;");
  BOOST_TEST(at(kText, {"list"}, exactly) == "x;y;");
  BOOST_TEST(at(kText, {"list", "1"}, exactly) == "y;");
  BOOST_TEST(at(kText, {"list", "01"}, exactly) == "");
  BOOST_TEST(at(kText, {"list", "2"}, exactly) == "");
  BOOST_TEST(at(kText, {"list", "99999999999999999999"}, exactly) == "");
  BOOST_TEST(at(kText, {"deep"}, exactly) == "");
  BOOST_TEST(at(kText, {"deep"}, perhaps) == "1;");
  BOOST_TEST(at(kText, {"mixed"}, exactly) == "");
  BOOST_TEST(at(kText, {"mixed"}, perhaps) == "x;");
  BOOST_TEST(at(kText, {"none"}, perhaps) == "");
  BOOST_TEST(at(kText, {"path", "x"}, perhaps) == "");
  BOOST_TEST(at(R"([{"cmd":"rm"}])", {"cmd"}, perhaps) == "rm;");
  BOOST_TEST(at(R"([{"cmd":"rm"}])", {"cmd"}, exactly) == "");
  BOOST_TEST(at("7", {}, exactly) == "7;");
}

BOOST_AUTO_TEST_CASE(a_path_as_a_file_system_takes_it) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"/a/../etc/x", "/etc/x"},
      {"//etc//x", "/etc/x"},
      {"/../../etc", "/etc"},
      {"/a/./b/", "/a/b"},
      {"a/../../b", "../b"},
      {"..", ".."},
      {"C:\\x\\..\\y", "C:/y"},
      {"/plain/path", "/plain/path"},
      {"https://h/x", "https://h/x"},
      {"", ""},
      {"a..b", "a..b"},
      {"/.", "/"},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(as_path(text) == expected, text);
}

BOOST_AUTO_TEST_CASE(a_description_is_bounded) {
  Content content;
  for (int i = 0; i < 100; ++i) {
    Operation one;
    one.method = "tools/call";
    one.read = true;
    one.names = {std::string(5'000, 'x')};
    content.operations.push_back(one);
  }
  BOOST_TEST(describe(content).size() < 2'000U);
  BOOST_TEST(describe(Content()) == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
