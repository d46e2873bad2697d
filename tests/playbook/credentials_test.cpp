// Calls that are given a login: what the upstream gets, and what the agent never sees.
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

constexpr std::string_view kValue = "login-of-the-operator-42";

std::shared_ptr<const call::CredentialSet> credentials() {
  std::vector<call::CredentialValue> all(2);
  all[0].what.source.id = "key";
  all[0].what.place = "authorization";
  all[0].what.format = "Bearer {value}";
  all[0].value = Secret(std::string(kValue));
  all[1] = all[0];
  all[1].what.source.id = "other";
  return std::make_shared<call::CredentialSet>(std::move(all));
}

call::CallContext knowing_the_value() {
  auto context = Playbook::forward_context();
  redact::RuleSetConfig rules;
  rules.known.push_back({"key", Secret(std::string(kValue)), false});
  context.redaction.everywhere = redact::RuleSet::build(rules).value();
  context.redaction.credentials = redact::RuleSet::build(rules.for_credentials()).value();
  return context;
}

call::Admitted admitted(Playbook& play, std::vector<std::string> ids, test::Ending& ending) {
  model::EgressCall asked;
  for (const auto& action : play.actions()) {
    if (const auto* ask = std::get_if<call::AskGate>(&action)) asked = ask->call;
  }
  auto facts = test::permit_facts(asked);
  facts.decision.obligations.credentials = std::move(ids);
  facts.credentials = credentials();
  return call::Admitted{test::permit_for_test(std::move(facts), ending)};
}

const wire::RequestHead* sent(const Playbook& play) {
  for (const auto& action : play.actions()) {
    if (const auto* head = std::get_if<call::SendRequestHead>(&action)) return &head->head;
  }
  return nullptr;
}

// Nothing goes upstream, and the agent is told.
void is_refused(Playbook& play, call::Admitted admitted) {
  play.happens(std::move(admitted));
  BOOST_TEST_REQUIRE(play.actions().size() == 3U);
  const auto* head = std::get_if<call::SendResponseHead>(&play.actions().front());
  BOOST_TEST_REQUIRE(head != nullptr);
  BOOST_TEST(head->head.status == 403);
  const auto* body = std::get_if<call::SendResponseBody>(&play.actions()[1]);
  BOOST_TEST_REQUIRE(body != nullptr);
  BOOST_TEST(body->bytes.find("credential_refused") != std::string::npos, body->bytes);
  play.gives({"SendResponseHead 403 " + test::framing_text(head->head) + " keep-alive",
              "SendResponseBody (problem)", "SendResponseEnd"});
}

} // namespace

BOOST_AUTO_TEST_SUITE(credentials_of_a_call)

BOOST_AUTO_TEST_CASE(the_placeholder_becomes_the_login_and_an_echo_is_masked) {
  Playbook play(knowing_the_value());
  test::Ending ending;
  play.happens(play.request("GET", "http://api.test/",
                            {{"Authorization", "Bearer sluice:credential:key"},
                             {"Connection", "authorization, keep-alive"}}))
      .gives({"AskGate GET http://api.test:80 /"});
  play.happens(admitted(play, {"key"}, ending)).gives({"Connect"});
  play.happens(call::UpstreamOpened{});
  BOOST_TEST_REQUIRE(sent(play) != nullptr);
  BOOST_TEST(sent(play)->fields.joined("authorization") == "Bearer " + std::string(kValue));
  play.gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  const std::string body = "you sent " + std::string(kValue);
  play.happens(play.response(200, BodyFraming::length, body.size())).gives({});
  play.happens(call::ResponseBodyReceived{body}).gives({});
  play.happens(call::ResponseEnded{})
      .gives({"SendResponseHead 200 length=30 keep-alive",
              "SendResponseBody you sent [REDACTED:secret:key]", "SendResponseEnd",
              "ReleaseUpstream", "Finished"});
  BOOST_TEST_REQUIRE(ending.outcome.has_value());
  BOOST_TEST(ending.outcome->credentials == std::vector<std::string>{"key"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_placeholder_that_is_not_bound_goes_nowhere) {
  const std::pair<std::string, wire::Field> rows[] = {
      {"http://api.test/", {"x-other", "sluice:credential:key"}},
      {"http://api.test/?key=sluice:credential:key", {"x-other", "a"}}};
  for (const auto& [url, field] : rows) {
    for (const auto& ids : {std::vector<std::string>{}, {"key"}}) {
      Playbook play(knowing_the_value());
      test::Ending ending;
      play.happens(play.request("GET", url, {field})).gives({"AskGate GET http://api.test:80 /"});
      is_refused(play, admitted(play, ids, ending));
      BOOST_TEST(!ending.outcome->detail.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(two_for_one_place_end_the_call) {
  Playbook play(knowing_the_value());
  test::Ending ending;
  play.happens(play.request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80 /"});
  is_refused(play, admitted(play, {"key", "other"}, ending));
  BOOST_TEST(ending.outcome->detail == "two rules put different credentials into authorization");
}

BOOST_AUTO_TEST_CASE(without_a_login_what_the_agent_sends_is_its_own) {
  test::Ending ending; // outlives the permit, which the playbook still has when it ends
  Playbook play(knowing_the_value());
  play.happens(play.request("GET", "http://api.test/", {{"Authorization", "Bearer own"}}))
      .gives({"AskGate GET http://api.test:80 /"});
  play.happens(admitted(play, {}, ending)).gives({"Connect"});
  play.happens(call::UpstreamOpened{});
  BOOST_TEST_REQUIRE(sent(play) != nullptr);
  BOOST_TEST(sent(play)->fields.joined("authorization") == "Bearer own");
  play.gives({"SendRequestHead GET / none"});
}

BOOST_AUTO_TEST_SUITE_END()
