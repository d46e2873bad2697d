// The one form of every refusal (RFC 9457).
#include "proxy/call/problem.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using namespace sluice::call;
using model::Reason;

ProblemResponse problem(Reason reason, AfterRefusal after = AfterRefusal::keep_connection) {
  return problem_response({"call-1", model::Decision::refuse(reason), ""}, "run-1", after);
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(problem_answers)

BOOST_AUTO_TEST_CASE(fields_and_body) {
  const auto answer = problem(Reason::default_deny);
  BOOST_TEST(answer.head.status == 403);
  BOOST_TEST(answer.head.keep_alive);
  BOOST_CHECK(answer.head.framing == wire::BodyFraming::length);
  BOOST_TEST(answer.head.content_length == answer.body.size());
  BOOST_TEST(*answer.head.fields.only("content-type") == "application/problem+json");
  BOOST_TEST(*answer.head.fields.only("x-sluice-decision") == "call-1");
  BOOST_TEST(*answer.head.fields.only("cache-control") == "no-store");
  BOOST_TEST(answer.body ==
             "{\"decision\":\"block\",\"decision_id\":\"call-1\",\"detail\":\"What a person could "
             "change: add an egress rule that allows this host, port, method and path; for raw TCP "
             "a tcp rule.\","
             "\"reason_code\":\"default_deny\",\"retry\":\"none\",\"rule_id\":\"default_deny\","
             "\"rule_name\":\"\",\"run_id\":\"run-1\",\"status\":403,\"title\":\"No rule allows "
             "this call\",\"type\":\"urn:sluice:reason:default_deny\"}\n");
}

BOOST_AUTO_TEST_CASE(the_rule_speaks_first) {
  Refusal refusal{"call-1", model::Decision::refuse(Reason::rule_block), "instance text"};
  refusal.decision.rule_id = "egress[3]";
  refusal.decision.rule_name = "no \"uploads\"\r\n";
  refusal.decision.explanation = "uploads are off";
  const auto answer = problem_response(refusal, "run-1", AfterRefusal::keep_connection);
  BOOST_TEST(holds(answer.body, "\"detail\":\"uploads are off. instance text. What a person"));
  BOOST_TEST(holds(answer.body, "\"rule_id\":\"egress[3]\""));
  BOOST_TEST(holds(answer.body, R"("rule_name":"no \"uploads\"\r\n")"));
}

BOOST_AUTO_TEST_CASE(says_when_the_connection_closes) {
  BOOST_TEST(!problem(Reason::default_deny, AfterRefusal::close_connection).head.keep_alive);
}

// Nobody refuses for no reason; who does has a defect, and the agent is told so.
BOOST_AUTO_TEST_CASE(no_reason) {
  BOOST_TEST(problem(Reason::none).head.status == 503);
  BOOST_TEST(holds(problem(Reason::none).body, "\"reason_code\":\"internal_error\""));
}

// Every row of the reason table has an answer, and only what may pass says so.
BOOST_AUTO_TEST_CASE(every_reason) {
  for (int i = 0; i < static_cast<int>(Reason::count_); ++i) {
    const auto& row = model::row(static_cast<Reason>(i));
    if (row.reason == Reason::none) continue;
    BOOST_TEST_CONTEXT(row.code) {
      const auto answer = problem(row.reason);
      BOOST_TEST(answer.head.status == (row.status == 0 ? 503 : row.status));
      BOOST_TEST(holds(answer.body, "\"status\":" + std::to_string(answer.head.status) + ","));
      BOOST_TEST(holds(answer.body, "\"reason_code\":\"" + std::string(row.code) + "\""));
      BOOST_TEST(holds(answer.body, "\"decision\":\"block\""));
      const bool may_retry = row.retry == model::Retry::transient;
      BOOST_TEST(answer.head.fields.count("retry-after") == (may_retry ? 1U : 0U));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
