// Tokens in a call: made from what a rule finds, put back in the directions that the permit names,
// and nowhere else; lengths stay right.
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

using Lines = Playbook::Lines;

const std::string kSecret = "<<say \"x&y\">>";

struct Setting {
  Setting() {
    redact::RuleText text;
    text.id = "memo";
    text.pattern = "<<[^>]{1,40}>>";
    redact::RuleSetConfig rules;
    rules.token_formats = false;
    rules.vault = vault;
    rules.fingerprint_key = "run";
    rules.rules.push_back({text.id, redact::compile_rule(text).value(), redact::Action::tokenize,
                           redact::UserRule().places});
    context.redaction.everywhere = redact::RuleSet::build(rules).value();
    context.redaction.credentials = redact::RuleSet::build(rules.for_credentials()).value();
    token = vault->token_for("memo", kSecret);
    plain = vault->token_for("memo", "<<plain>>");
  }
  std::shared_ptr<redact::TokenVault> vault = std::make_shared<redact::TokenVault>();
  call::CallContext context = Playbook::forward_context();
  std::string token, plain;
};

call::Admitted admitted(Playbook& play, test::Ending& ending, std::vector<std::string> restore) {
  const auto* ask = std::get_if<call::AskGate>(&play.actions().at(0));
  BOOST_TEST_REQUIRE(ask != nullptr);
  auto facts = test::permit_facts(ask->call);
  facts.decision.obligations.restore = std::move(restore);
  return call::Admitted{test::permit_for_test(std::move(facts), ending)};
}

const wire::RequestHead& sent_head(const Playbook& play) {
  return std::get<call::SendRequestHead>(play.actions().at(0)).head;
}

void asks(Playbook& play, test::Ending& ending, std::vector<std::string> restore,
          const call::RequestHeadReceived& request) {
  play.happens(request);
  auto permit = admitted(play, ending, std::move(restore));
  play.gives({test::render(play.actions().at(0))});
  play.happens(std::move(permit)).gives({"Connect"});
}

} // namespace

BOOST_AUTO_TEST_SUITE(tokens)

BOOST_AUTO_TEST_CASE(a_request_has_its_secrets_back_where_it_may) {
  Setting with;
  test::Ending ending;
  Playbook play(with.context);
  const std::string body = "{\"a\":\"" + with.token + "\",\"b\":\"<<plain>>\"}";
  auto request = Playbook::request("POST", "http://api.test/" + with.plain + "?q=" + with.token,
                                   {{"Content-Type", "application/json"},
                                    {"X-Note", "a " + with.token},
                                    {"X-" + with.plain, "1"},
                                    {"Content-Language", with.plain},
                                    {"Authorization", "Bearer " + with.plain}},
                                   BodyFraming::length, body.size());
  asks(play, ending, {"request"}, request);
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{body.substr(0, 17)}).gives({});
  play.happens(call::RequestBodyReceived{body.substr(17)}).gives({});
  play.happens(call::RequestEnded{});
  const std::string sent = "{\"a\":\"<<say \\\"x&y\\\">>\",\"b\":\"<<plain>>\"}";
  const auto& head = sent_head(play);
  // In the path, in a name and in a field that says how the message is read it stays a token.
  BOOST_TEST(head.target == "/" + with.plain + "?q=%3C%3Csay%20%22x%26y%22%3E%3E");
  BOOST_TEST(head.fields.joined("x-note") == "a " + kSecret);
  BOOST_TEST(head.fields.count("x-" + with.plain) == 1U);
  BOOST_TEST(head.fields.joined("content-language") == with.plain);
  BOOST_TEST(head.fields.joined("authorization") == "Bearer <<plain>>");
  BOOST_TEST(head.content_length == sent.size());
  play.gives({test::render(play.actions().at(0)), "SendRequestBody " + sent, "SendRequestEnd"});
  // What comes back is not what went: the agent sees the tokens.
  const std::string answer = kSecret + " " + with.plain;
  play.happens(play.response(200, BodyFraming::length, answer.size(),
                             {{"Content-Type", "text/plain"}, {"X-Memo", kSecret}}))
      .gives({});
  play.happens(call::ResponseBodyReceived{answer}).gives({});
  play.happens(call::ResponseEnded{});
  const auto got = with.token + " " + with.plain;
  const auto& answered = std::get<call::SendResponseHead>(play.actions().at(0)).head;
  BOOST_TEST(answered.fields.joined("x-memo") == with.token);
  play.gives({"SendResponseHead 200 length=" + std::to_string(got.size()) + " keep-alive",
              "SendResponseBody " + got, "SendResponseEnd", "ReleaseUpstream", "Finished"});
  for (const auto& place : ending.outcome->findings) {
    for (const auto& one : place.findings.all()) {
      BOOST_TEST(one.rule == "memo");
      BOOST_CHECK(one.action == (place.direction == "request" ? redact::Action::restore
                                                              : redact::Action::tokenize));
    }
  }
  BOOST_TEST(!ending.outcome->findings.empty());
}

BOOST_AUTO_TEST_CASE(an_answer_has_its_secrets_back_where_it_may) {
  Setting with;
  test::Ending ending;
  Playbook play(with.context);
  asks(play, ending, {"response"},
       Playbook::request("POST", "http://api.test/", {}, BodyFraming::length, 9));
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{"<<plain>>"}).gives({});
  play.happens(call::RequestEnded{})
      .gives({"SendRequestHead POST / length=" + std::to_string(with.plain.size()),
              "SendRequestBody " + with.plain, "SendRequestEnd"});
  play.happens(play.response(200, BodyFraming::chunked, 0, {{"Content-Type", "text/event-stream"}}))
      .gives({"SendResponseHead 200 chunked keep-alive"});
  const auto delta = [](std::string_view text) {
    return "data: {\"choices\":[{\"delta\":{\"content\":\"" + std::string(text) + "\"}}]}\n\n";
  };
  play.happens(call::ResponseBodyReceived{delta("hi " + with.token.substr(0, 9))});
  play.gives({"SendResponseBody " + delta("hi ")});
  play.happens(call::ResponseBodyReceived{delta(with.token.substr(9) + "!")});
  play.gives({"SendResponseBody " + delta("<<say \\\"x&y\\\">>!")});
  play.happens(call::ResponseEnded{}).gives({"SendResponseEnd", "ReleaseUpstream", "Finished"});
}

BOOST_AUTO_TEST_CASE(without_leave_tokens_pass_as_they_are) {
  Setting with;
  test::Ending ending;
  Playbook play(with.context);
  asks(play, ending, {},
       Playbook::request("POST", "http://api.test/?q=" + with.token, {{"X-Note", with.token}},
                         BodyFraming::length, with.token.size()));
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{with.token}).gives({});
  play.happens(call::RequestEnded{});
  BOOST_TEST(sent_head(play).fields.joined("x-note") == with.token);
  play.gives(
      {"SendRequestHead POST /?q=" + with.token + " length=" + std::to_string(with.token.size()),
       "SendRequestBody " + with.token, "SendRequestEnd"});
  play.happens(play.response(200, BodyFraming::length, with.token.size())).gives({});
  play.happens(call::ResponseBodyReceived{with.token}).gives({});
  play.happens(call::ResponseEnded{});
  play.gives({"SendResponseHead 200 length=" + std::to_string(with.token.size()) + " keep-alive",
              "SendResponseBody " + with.token, "SendResponseEnd", "ReleaseUpstream", "Finished"});
  BOOST_TEST(ending.outcome->findings.empty());
}

// Nobody knows what is read there: what could mean something stays a token.
BOOST_AUTO_TEST_CASE(in_a_body_of_an_unknown_type_only_plain_secrets_come_back) {
  Setting with;
  const auto token = with.vault->token_for("memo", "plain-7");
  test::Ending ending;
  Playbook play(with.context);
  const auto body = token + " " + with.token;
  asks(play, ending, {"request"},
       Playbook::request("POST", "http://api.test/", {{"Content-Type", "text/html"}},
                         BodyFraming::length, body.size()));
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{body}).gives({});
  play.happens(call::RequestEnded{});
  const auto sent = "plain-7 " + with.token;
  play.gives({"SendRequestHead POST / length=" + std::to_string(sent.size()),
              "SendRequestBody " + sent, "SendRequestEnd"});
}

BOOST_AUTO_TEST_SUITE_END()
