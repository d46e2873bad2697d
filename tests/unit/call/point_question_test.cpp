// What a decision point is told: facts and nothing that may be a secret, in a request that holds
// together whatever the agent wrote.
#include "policy/base/json.hpp"
#include "proxy/call/point_question.hpp"
#include "proxy/wire/http1.hpp"
#include "tests/support/pack_samples.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <set>
#include <string>

namespace {

using namespace sluice;
using Kind = model::DecisionPoint::Kind;

struct Asking {
  model::DecisionPoint point;
  model::EgressCall call;
  evidence::RunIdentity who{"run-1", "session-1", "agent-1"};
  std::string digest = "sha256:1";
  std::shared_ptr<const redact::RuleSet> rules;

  explicit Asking(Kind kind = Kind::opa) {
    point.kind = kind;
    point.where = model::parse_service_url("https://pdp.test/base/").value();
    point.rule_id = "egress[3]";
    point.rule_name = "r\xC3\xA4um, %";
    call.call_id = "call-1";
    call.listener = "egress";
    call.method = "POST";
    call.to = {model::Scheme::https, model::Host::parse("api.test").value(), 8443};
    call.path = "/v1/x";
    call.query_keys = {"a,b", "k%"};
    model::add_field(call, "Authorization", "Bearer hidden-1");
    call.query = "a=hidden-2";
  }
  Result<call::PointQuestion> ask() const {
    return call::make_question(point, call, call.path, {who, digest, false, rules});
  }
};

std::string written(const call::PointQuestion& question) {
  std::string out;
  wire::encode(question.head, out);
  return out + question.body;
}

BOOST_AUTO_TEST_SUITE(point_question)

BOOST_AUTO_TEST_CASE(opa_gets_an_input) {
  const auto question = Asking().ask().value();
  BOOST_TEST(question.head.method == "POST");
  BOOST_TEST(question.head.target == "/base/");
  BOOST_TEST(question.head.fields.joined("host") == "pdp.test");
  BOOST_TEST(question.head.content_length == question.body.size());
  BOOST_TEST(question.body ==
             R"({"input":{"agent_id":"agent-1","call_id":"call-1","host":"api.test",)"
             R"("listener":"egress","method":"POST","path":"/v1/x","policy_digest":"sha256:1",)"
             R"("port":8443,"protocol":"http","query_keys":["a,b","k%"],"rule_id":"egress[3]",)"
             "\"rule_name\":\"r\xC3\xA4um, %\","
             R"("run_id":"run-1","scheme":"https","session_id":"session-1"}})");
}

BOOST_AUTO_TEST_CASE(authzen_gets_a_subject_an_action_and_a_resource) {
  Asking asking(Kind::authzen);
  asking.call.to.host = model::Host::parse("2001:db8::1").value();
  const auto body = read_json(asking.ask().value().body);
  BOOST_TEST_REQUIRE(body.has_value());
  BOOST_TEST(body.value().find("subject")->find("id")->text == "agent-1");
  BOOST_TEST(body.value().find("subject")->find("type")->text == "agent");
  BOOST_TEST(body.value().find("action")->find("name")->text == "POST");
  BOOST_TEST(body.value().find("resource")->find("id")->text == "https://[2001:db8::1]:8443/v1/x");
  BOOST_TEST(body.value().find("context")->find("call_id")->text == "call-1");
}

BOOST_AUTO_TEST_CASE(a_check_is_the_call_itself_without_its_fields) {
  const auto question = Asking(Kind::ext_authz_http).ask().value();
  BOOST_TEST(question.head.method == "POST");
  BOOST_TEST(question.head.target == "/base/v1/x");
  BOOST_TEST(question.head.fields.joined("host") == "api.test:8443");
  BOOST_TEST(question.head.fields.joined("x-sluice-query-keys") == "a%2Cb,k%25");
  BOOST_TEST(question.head.fields.joined("x-sluice-rule-name") == "r%C3%A4um,%20%25");
  BOOST_TEST(question.body.empty());
}

BOOST_AUTO_TEST_CASE(a_check_needs_a_path) {
  for (const std::string path : {"", "*"}) {
    Asking asking(Kind::ext_authz_http);
    asking.call.path = path;
    BOOST_TEST(!asking.ask().has_value());
  }
}

BOOST_AUTO_TEST_CASE(no_field_and_no_value_of_the_query_is_told) {
  for (const Kind kind : {Kind::opa, Kind::authzen, Kind::ext_authz_http})
    BOOST_TEST(written(Asking(kind).ask().value()).find("hidden") == std::string::npos);
}

// Whoever writes a fact cannot end a line, a string or a target with it.
BOOST_AUTO_TEST_CASE(no_fact_breaks_out) {
  const std::string hostile = "a\r\nX-Evil: 1\r\n\r\n\",\"result\":true,\" %00\x7F\xFF ?#";
  for (const Kind kind : {Kind::opa, Kind::authzen, Kind::ext_authz_http}) {
    Asking asking(kind);
    asking.call.path = "/" + hostile;
    asking.call.query_keys = {hostile, hostile};
    asking.call.listener = asking.point.rule_name = asking.who.agent_id = hostile;
    const auto question = asking.ask().value();
    std::string_view bytes;
    const std::string text = written(question);
    bytes = text;
    wire::RequestReader reader;
    auto event = reader.next(bytes);
    const auto* head = std::get_if<wire::RequestHead>(&event);
    BOOST_TEST_REQUIRE(head != nullptr);
    BOOST_TEST(head->fields.count("x-evil") == 0U);
    BOOST_TEST(head->target.find_first_of("?# \r\n") == std::string::npos);
    if (kind != Kind::ext_authz_http) BOOST_TEST(read_json(question.body).has_value());
  }
}

BOOST_AUTO_TEST_CASE(secrets_are_masked_and_where_that_breaks_the_request_nothing_is_asked) {
  redact::RuleSetConfig config;
  config.known = {{"s", Secret("only-the-tests-know-this")}};
  const auto rules = redact::RuleSet::build(config).value();
  const std::string secret = "only-the-tests-know-this";
  for (const Kind kind : {Kind::opa, Kind::authzen, Kind::ext_authz_http}) {
    Asking asking(kind);
    asking.rules = rules;
    asking.call.path = "/a/" + secret;
    asking.call.query_keys = {secret};
    asking.call.listener = asking.who.session_id = secret;
    const auto text = written(asking.ask().value());
    BOOST_TEST(text.find(secret) == std::string::npos);
    BOOST_TEST(text.find("REDACTED") != std::string::npos);
    asking.call.method = secret;
    BOOST_TEST(asking.ask().has_value() == (kind != Kind::ext_authz_http));
    asking.call.method = "GET";
    asking.call.to.host = model::Host::parse(secret + ".test").value();
    const auto asked = asking.ask();
    BOOST_TEST(asked.has_value() == (kind != Kind::ext_authz_http));
    if (asked) BOOST_TEST(written(asked.value()).find(secret) == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(every_fact_but_the_id_of_the_call_makes_another_question) {
  const std::vector<std::function<void(Asking&)>> changes = {
      [](Asking& a) { a.call.method = "GET"; },
      [](Asking& a) { a.call.path = "/v1/y"; },
      [](Asking& a) { a.call.listener = "other"; },
      [](Asking& a) { a.call.protocol = model::Protocol::websocket; },
      [](Asking& a) { a.call.to.port = 1; },
      [](Asking& a) { a.call.to.scheme = model::Scheme::http; },
      [](Asking& a) { a.call.to.host = model::Host::parse("b.test").value(); },
      [](Asking& a) {
        a.call.query_keys = {"a", "b,k%"};
      },
      [](Asking& a) { a.digest = "sha256:2"; },
      [](Asking& a) { a.who.agent_id = "x"; },
      [](Asking& a) { a.who.run_id = "x"; },
      [](Asking& a) { a.who.session_id = "x"; },
      [](Asking& a) { a.point.rule_id = "egress[4]"; },
      [](Asking& a) { a.point.rule_name = "x"; },
      [](Asking& a) { a.point.kind = Kind::authzen; },
      [](Asking& a) {
        a.point.where = model::parse_service_url("https://pdp.test/other").value();
      }};
  std::set<std::string> keys = {Asking().ask().value().key};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Asking asking;
    changes[i](asking);
    BOOST_TEST(keys.insert(asking.ask().value().key).second, i);
  }
  Asking again;
  again.call.call_id = "call-2";
  BOOST_TEST(again.ask().value().key == Asking().ask().value().key);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
