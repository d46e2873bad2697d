#include "policy/engine/rule.hpp"

#include "tests/unit/engine/fixture.hpp"

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;

BOOST_AUTO_TEST_SUITE(rule)

BOOST_AUTO_TEST_CASE(why_not_agrees_with_matches) {
  const auto loaded = policy("version: 1\negress:\n"
                             "  - {allow: {hosts: [a.test], ports: [443], methods: [GET], paths: "
                             "[/x], schemes: [https]}}\n");
  const Rule& one = loaded->egress[0];
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"GET https://a.test/x", ""},
      {"GET https://b.test/x", "host b.test is not in hosts"},
      {"GET https://a.test:1/x", "port 1 is not in ports"},
      {"GET http://a.test:443/x", "scheme http is not in schemes"},
      {"PUT https://a.test/x", "method PUT is not in methods"},
      {"GET https://a.test/y", "path /y is not in paths"},
      {"CONNECT a.test:443", ""},
      {"TCP a.test:443", "scheme tcp is not in schemes"},
  };
  for (const auto& [text, expected] : rows) {
    BOOST_TEST(why_not(one, call(text)) == expected, text);
    BOOST_TEST(matches(one, call(text)) == expected.empty(), text);
  }
}

BOOST_AUTO_TEST_CASE(a_refusing_rule_waits_for_the_exchange_it_is_about) {
  const auto loaded = policy("version: 1\negress:\n"
                             "  - {block: {hosts: [a.test], methods: [GET]}}\n"
                             "  - {block: {hosts: [a.test], paths: [/x]}}\n"
                             "  - {block: {hosts: [a.test], methods: [CONNECT]}}\n");
  const auto tunnel = call("CONNECT a.test:443");
  BOOST_TEST(!matches(loaded->egress[0], tunnel));
  BOOST_TEST(!matches(loaded->egress[1], tunnel));
  BOOST_TEST(matches(loaded->egress[2], tunnel));
  BOOST_TEST(why_not(loaded->egress[1], tunnel) == "the call has no path");
}

BOOST_AUTO_TEST_CASE(a_path_is_allowed_in_every_reading_and_refused_in_one) {
  const auto loaded = policy("version: 1\negress:\n"
                             "  - {allow: {hosts: [a.test], paths: [/open/*, '/open/*/x']}}\n"
                             "  - {block: {hosts: [a.test], paths: [/open/admin/**]}}\n"
                             "  - {require_approval: {hosts: [a.test], paths: [/open/pay]}}\n");
  const auto& allow = loaded->egress[0];
  BOOST_TEST(matches(allow, call("GET https://a.test/open/a")));
  BOOST_TEST(matches(allow, call("GET https://a.test/open/a%2Fx"))); // /open/a/x is allowed too
  BOOST_TEST(why_not(allow, call("GET https://a.test/open/a%2Fy")) ==
             "path /open/a/y is not in paths");
  BOOST_TEST(!matches(allow, call("GET https://a.test/open;/a/y")));
  BOOST_TEST(matches(loaded->egress[1], call("GET https://a.test/open/admin;v=1/y")));
  BOOST_TEST(matches(loaded->egress[1], call("GET https://a.test/open/admin%2Fy")));
  BOOST_TEST(matches(loaded->egress[1], call("GET https://a.test/open;a%2Fb/admin;c/d")));
  BOOST_TEST(matches(loaded->egress[2], call("GET https://a.test/open/pay;jsessionid=1")));
}

BOOST_AUTO_TEST_CASE(a_rule_without_hosts_matches_nothing) {
  BOOST_TEST(!matches(Rule(), call("GET https://a.test/")));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
