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

// A row that is missing a remedy leaves the person who reads the answer with nothing to do.
BOOST_AUTO_TEST_CASE(every_refusal_says_what_a_person_could_change) {
  for (int i = 0; i < static_cast<int>(Reason::count_); ++i) {
    const ReasonRow& one = row(static_cast<Reason>(i));
    const bool refuses = one.reason != Reason::none && one.reason != Reason::downstream_closed;
    BOOST_TEST(one.remedy.empty() == !refuses, one.code);
  }
}

BOOST_AUTO_TEST_CASE(captured_connections_and_dns_have_reasons_of_their_own) {
  struct Row {
    Reason reason;
    std::string_view code, guard;
    int status;
    Retry retry;
    Severity severity;
  };
  const Row rows[] = {
      {Reason::original_destination_mismatch, "original_destination_mismatch",
       "guard.original_destination", 403, Retry::none, Severity::high},
      {Reason::protocol_unknown, "protocol_unknown", "guard.protocol", 403, Retry::none,
       Severity::medium},
      {Reason::tls_hello_invalid, "tls_hello_invalid", "guard.tls_hello", 400, Retry::none,
       Severity::high},
      {Reason::ech_refused, "ech_refused", "guard.ech", 403, Retry::none, Severity::high},
      {Reason::quic_refused, "quic_refused", "guard.udp", 0, Retry::none, Severity::medium},
      {Reason::dns_name_refused, "dns_name_refused", "guard.dns", 0, Retry::none, Severity::medium},
      {Reason::dns_tunnelling, "dns_tunnelling", "guard.dns_tunnelling", 0, Retry::none,
       Severity::high},
      {Reason::dns_type_refused, "dns_type_refused", "guard.dns_type", 0, Retry::none,
       Severity::medium},
      {Reason::byte_limit_reached, "byte_limit_reached", "limit.bytes", 0, Retry::none,
       Severity::medium},
      {Reason::request_limit_reached, "request_limit_reached", "limit.requests", 429,
       Retry::transient, Severity::medium},
      {Reason::volume_limit_reached, "volume_limit_reached", "limit.bytes", 429, Retry::transient,
       Severity::medium},
      {Reason::token_limit_reached, "token_limit_reached", "limit.tokens", 429, Retry::transient,
       Severity::medium},
      {Reason::decision_point_denied, "decision_point_denied", "", 403, Retry::none,
       Severity::medium},
      {Reason::decision_point_failed, "decision_point_failed", "", 503, Retry::transient,
       Severity::high},
      {Reason::policy_changed, "policy_changed", "guard.policy_changed", 403, Retry::none,
       Severity::medium},
      {Reason::killed, "killed", "guard.kill_switch", 503, Retry::transient, Severity::high},
      {Reason::runner_auth_invalid, "runner_auth_invalid", "runner_auth.invalid", 407, Retry::none,
       Severity::high},
  };
  for (const Row& expected : rows) {
    const ReasonRow& one = row(expected.reason);
    BOOST_TEST(one.code == expected.code);
    BOOST_TEST(one.guard == expected.guard, expected.code);
    BOOST_TEST(one.status == expected.status, expected.code);
    BOOST_TEST((one.retry == expected.retry), expected.code);
    BOOST_TEST((one.severity == expected.severity), expected.code);
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_in_the_table_is_our_fault) {
  BOOST_TEST(row(Reason::count_).code == "internal_error");
  BOOST_TEST((Reason() == Reason::internal_error));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
