#include "overlay/compose/capture_rules.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using sluice::overlay::capture_rules;

bool says(const std::string& rules, const std::string& line) {
  return rules.find(line) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(rules_of_a_unit)

BOOST_AUTO_TEST_CASE(a_program_is_captured_and_not_called) {
  const auto rules = capture_rules({true, {23000, 23001}, {24000}});
  for (const char* line :
       {"meta skuid 1337 return", "udp dport 53 redirect to :15053",
        "ip daddr 127.0.0.11 meta l4proto tcp redirect to :15006",
        "reject with icmpx admin-prohibited",
        "meta skuid != 1337 tcp dport { 23000, 23001, 24000 } reject with tcp reset",
        "    tcp dport { 23000, 23001 } ct mark set 1337 accept",
        "iifname $outside tcp dport { 24000 } ct mark set 1337 accept"}) {
    BOOST_TEST(says(rules, line), line << '\n' << rules);
  }
}

BOOST_AUTO_TEST_CASE(without_entrances_nobody_enters) {
  const auto rules = capture_rules({true, {}, {}});
  BOOST_TEST(!says(rules, "$outside"));
  BOOST_TEST(!says(rules, "{  }"));
  BOOST_TEST(says(rules, "type filter hook input priority 0; policy drop;"));
}

BOOST_AUTO_TEST_CASE(a_sidecar_alone_has_nothing_to_capture) {
  const auto rules = capture_rules({false, {23000}, {}});
  BOOST_TEST(!says(rules, "redirect"));
  BOOST_TEST(!says(rules, "hook output"));
  BOOST_TEST(says(rules, "type filter hook input priority 0; policy drop;"));
  BOOST_TEST(says(rules, "tcp dport { 23000 } ct mark set 1337 accept"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
