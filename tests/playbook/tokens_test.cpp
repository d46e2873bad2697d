// Tokens in a call: made from what a rule finds, put back in the directions that the permit names,
// and nowhere else; lengths stay right.
#include "tests/support/playbook.hpp"
#include "tests/support/websocket_text.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

using Lines = Playbook::Lines;

const std::string kSecret = "<<say x&y>>";

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
  std::string fresh() const { return vault->token_for("memo", "<<fresh>>"); }

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

template <class T> const T* find(const call::Actions& actions) {
  for (const auto& action : actions) {
    if (const auto* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}

// A WebSocket that may put tokens back in these directions.
struct Talk {
  Talk(const Setting& with, std::vector<std::string> restore) : play(with.context) {
    play.happens(play.websocket_request({}));
    auto permit = admitted(play, ending, std::move(restore));
    play.gives({test::render(play.actions().at(0))});
    play.happens(std::move(permit)).gives({"Connect"});
    play.happens(call::UpstreamOpened{});
    const std::string key(*sent_head(play).fields.only("sec-websocket-key"));
    play.gives({"SendRequestHead GET / none"});
    play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
    play.happens(play.websocket_answer(key, {})).gives({"SendResponseHead 101 none keep-alive"});
  }

  // In frames of these, the last of them final; what the other side reads of them.
  std::string agent_says(std::vector<std::string> parts) {
    std::string out;
    for (auto& frame : frames(std::move(parts), true)) {
      play.happens(call::RequestBodyReceived{std::move(frame)});
      if (const auto* body = find<call::SendRequestBody>(play.actions())) out += body->bytes;
      accept();
    }
    return said(out, wire::WebSocketPeer::client);
  }
  std::string server_says(std::vector<std::string> parts) {
    std::string out;
    for (auto& frame : frames(std::move(parts), false)) {
      play.happens(call::ResponseBodyReceived{std::move(frame)});
      if (const auto* body = find<call::SendResponseBody>(play.actions())) out += body->bytes;
      accept();
    }
    return said(out, wire::WebSocketPeer::server);
  }
  static std::string said(const std::string& bytes, wire::WebSocketPeer by) {
    auto all = test::websocket_transcript(bytes, by);
    return all.ends_with("; ") ? all.substr(0, all.size() - 2) : all;
  }
  static std::vector<std::string> frames(std::vector<std::string> parts, bool masked) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const bool last = i + 1 == parts.size();
      const unsigned first = (last ? test::kFinal : 0U) | (i == 0 ? 1U : 0U);
      out.push_back(test::written({first, std::move(parts[i]), masked}));
    }
    return out;
  }
  void accept() {
    Lines lines;
    for (const auto& action : play.actions()) lines.push_back(test::render(action));
    play.gives(lines);
  }

  test::Ending ending;
  Playbook play;
};

std::string delta(std::string_view text) {
  return "{\"type\":\"response.text.delta\",\"item_id\":\"i\",\"delta\":\"" + std::string(text) +
         "\"}";
}

const std::string kSaid = "<<say x&y>>"; // kSecret, in JSON: the same

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
  const std::string sent = "{\"a\":\"<<say x&y>>\",\"b\":\"<<plain>>\"}";
  const auto& head = sent_head(play);
  // In the path, in a name and in a field that says how the message is read it stays a token.
  BOOST_TEST(head.target == "/" + with.plain + "?q=%3C%3Csay%20x%26y%3E%3E");
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
  play.gives({"SendResponseBody " + delta("<<say x&y>>!")});
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

// Parts are texts of their own, and nobody knows who reads them.
BOOST_AUTO_TEST_CASE(parts_of_a_request_have_their_secrets_back) {
  Setting with;
  test::Ending ending;
  Playbook play(with.context);
  const auto form = [](const std::string& plain, const std::string& note,
                       const std::string& coded) {
    return "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + plain +
           "\r\n--b\r\nContent-Disposition: form-data; name=b\r\n\r\n" + note +
           "\r\n--b\r\nContent-Disposition: form-data; name=c\r\n"
           "Content-Transfer-Encoding: quoted-printable\r\n\r\n" +
           coded + "\r\n--b--\r\n";
  };
  const auto body = form(with.vault->token_for("memo", "plain-7"), "<<fresh>>",
                         "=73" + with.vault->token_for("memo", "plain-8").substr(1));
  asks(play, ending, {"request"},
       Playbook::request("POST", "http://api.test/",
                         {{"Content-Type", "multipart/form-data; boundary=b"}}, BodyFraming::length,
                         body.size()));
  play.happens(call::UpstreamOpened{}).gives({});
  for (const char c : body.substr(0, body.size() - 1))
    play.happens(call::RequestBodyReceived{std::string(1, c)}).gives({});
  play.happens(call::RequestBodyReceived{body.substr(body.size() - 1)}).gives({});
  play.happens(call::RequestEnded{});
  const auto sent = form("plain-7", "<<fresh>>", "plain-8");
  play.gives({"SendRequestHead POST / length=" + std::to_string(sent.size()),
              "SendRequestBody " + sent, "SendRequestEnd"});
  // The answer may not have them.
  const auto answer = form("x", "<<fresh>>", kSecret), got = form("x", with.fresh(), with.token);
  play.happens(play.response(200, BodyFraming::length, answer.size(),
                             {{"Content-Type", "multipart/mixed; boundary=b"}}))
      .gives({});
  play.happens(call::ResponseBodyReceived{answer}).gives({});
  play.happens(call::ResponseEnded{});
  play.gives({"SendResponseHead 200 length=" + std::to_string(got.size()) + " keep-alive",
              "SendResponseBody " + got, "SendResponseEnd", "ReleaseUpstream", "Finished"});
}

BOOST_AUTO_TEST_CASE(messages_to_a_tool_have_their_secrets_back) {
  Setting with;
  Talk talk(with, {"request"});
  const auto seven = with.vault->token_for("memo", "plain-7");
  BOOST_TEST(talk.agent_says({"a " + seven + " <<fresh>>"}) == "text a plain-7 <<fresh>>");
  // Text of any kind: what could mean something there stays a token; JSON is written as JSON.
  BOOST_TEST(talk.agent_says({"a " + with.token}) == "text a " + with.token);
  const auto json = " {\"a\":\"" + with.token + "\"}", there = " {\"a\":\"" + kSaid + "\"}";
  BOOST_TEST(talk.agent_says({json}) == "text " + there);
  for (std::size_t at = 0; at < json.size(); ++at)
    BOOST_TEST(talk.agent_says({json.substr(0, at), json.substr(at)}) == "text " + there);
  BOOST_TEST(talk.agent_says({"  "}) == "text   ");
  BOOST_TEST(talk.agent_says({std::string(300, ' ') + "{" + with.token}) ==
             "text " + std::string(300, ' ') + "{" + with.token);
  // The agent sees tokens.
  BOOST_TEST(talk.server_says({"b " + kSecret}) == "text b " + with.token);
  BOOST_TEST(talk.server_says({"b " + with.plain}) == "text b " + with.plain);
  BOOST_TEST(talk.server_says({"{\"b\":\"" + kSaid + "\"}"}) ==
             "text {\"b\":\"" + with.token + "\"}");
}

BOOST_AUTO_TEST_CASE(messages_of_a_model_have_their_secrets_back) {
  Setting with;
  Talk talk(with, {"response"});
  BOOST_TEST(talk.agent_says({"{\"a\":\"" + kSaid + "\"}"}) ==
             "text {\"a\":\"" + with.token + "\"}");
  BOOST_TEST(talk.agent_says({"a <<pla", "in>>"}) == "text a " + with.plain);
  BOOST_TEST(talk.server_says({"{\"b\":\"" + with.token + "\"}"}) ==
             "text {\"b\":\"" + kSaid + "\"}");
  const auto seven = with.vault->token_for("memo", "plain-7");
  BOOST_TEST(talk.server_says({"b " + seven.substr(0, 9), seven.substr(9)}) == "text b plain-7");
  // Spread over the pieces of a text, a message each: what may be a token waits for the rest.
  BOOST_TEST(talk.server_says({delta("hi " + with.token.substr(0, 9))}) == "text " + delta("hi "));
  BOOST_TEST(talk.server_says({delta(with.token.substr(9) + "!")}) == "text " + delta(kSaid + "!"));
}

BOOST_AUTO_TEST_CASE(messages_without_leave_keep_their_tokens) {
  Setting with;
  Talk talk(with, {});
  BOOST_TEST(talk.agent_says({"a " + with.plain + " " + kSecret}) ==
             "text a " + with.plain + " " + with.token);
  BOOST_TEST(talk.server_says({delta("hi " + with.token.substr(0, 9))}) == "text " + delta("hi "));
  BOOST_TEST(talk.server_says({delta(with.token.substr(9) + "!")}) ==
             "text " + delta(with.token + "!"));
  // A secret in pieces becomes a token.
  BOOST_TEST(talk.server_says({delta("<<pla")}) == "text " + delta(""));
  BOOST_TEST(talk.server_says({delta("in>>.")}) == "text " + delta(with.plain + "."));
}

BOOST_AUTO_TEST_SUITE_END()
