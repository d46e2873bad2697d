// A call that becomes a WebSocket: admitted like any GET, switched only by a right answer, ended by
// the closing handshake or closed.
#include "tests/support/playbook.hpp"
#include "tests/support/websocket_text.hpp"

using namespace sluice;
using namespace std::string_literals;
using sluice::test::kFinal;
using sluice::test::Playbook;
using sluice::test::written;
using wire::WebSocketPeer;

namespace {

const std::string kKey = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kMasked = "AKIA[REDACTED:aws-access-key-id]";

template <class T> const T* find(const call::Actions& actions) {
  for (const auto& action : actions) {
    if (const auto* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}

std::string agent(std::string text) {
  return written({kFinal | 1, std::move(text)});
}
std::string server(std::string text) {
  return written({kFinal | 1, std::move(text), false});
}
std::string close(unsigned code, bool masked) {
  return written({kFinal | 8, {static_cast<char>(code >> 8), static_cast<char>(code)}, masked});
}

struct Talk {
  explicit Talk(Playbook& of, std::vector<wire::Field> asked = {},
                std::vector<wire::Field> answered = {},
                std::optional<std::uint64_t> body_limit = {},
                std::optional<std::uint64_t> byte_limit = {})
      : play(of) {
    play.happens(play.websocket_request(std::move(asked)))
        .gives({"AskGate GET http://api.test:80 /"});
    play.happens(play.admitted(body_limit, byte_limit)).gives({"Connect"});
    play.happens(call::UpstreamOpened{});
    sent = find<call::SendRequestHead>(play.actions())->head;
    play.gives({"SendRequestHead GET / none"});
    play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
    play.happens(
        play.websocket_answer(*sent.fields.only("sec-websocket-key"), std::move(answered)));
    got = find<call::SendResponseHead>(play.actions())->head;
    play.gives({"SendResponseHead 101 none keep-alive"});
  }

  // What each side reads of what the last event gave.
  std::string upstream_reads() const {
    const auto* body = find<call::SendRequestBody>(play.actions());
    return body ? test::websocket_transcript(body->bytes, WebSocketPeer::client) : "";
  }
  std::string agent_reads() const {
    const auto* body = find<call::SendResponseBody>(play.actions());
    return body ? test::websocket_transcript(body->bytes, WebSocketPeer::server) : "";
  }
  Talk& happens(call::Event event) {
    play.happens(std::move(event));
    rest.clear(); // what is asked for beside frames
    for (const auto& action : play.actions()) {
      const auto line = test::render(action);
      if (line.find("Body") == std::string::npos) rest += line + " ";
    }
    Playbook::Lines lines;
    for (const auto& action : play.actions()) lines.push_back(test::render(action));
    play.gives(lines);
    return *this;
  }
  const call::Outcome& outcome() const { return *play.ending().outcome; }

  Playbook& play;
  wire::RequestHead sent;
  wire::ResponseHead got;
  std::string rest;
};

call::CallContext blocking_context() {
  redact::RuleText text;
  text.id = "code-name";
  text.pattern = "falcon-[a-z]{2,}";
  redact::RuleSetConfig rules;
  rules.rules.push_back({text.id, redact::compile_rule(text).value(), redact::Action::block,
                         redact::UserRule().places});
  auto context = Playbook::forward_context();
  context.redaction.everywhere = redact::RuleSet::build(rules).value();
  context.redaction.credentials = redact::RuleSet::build(rules.for_credentials()).value();
  return context;
}

constexpr const char* kEnd = "CloseUpstream CloseDownstream Finished ";

} // namespace

BOOST_AUTO_TEST_SUITE(websocket)

BOOST_AUTO_TEST_CASE(handshake) {
  Playbook play;
  Talk talk(play,
            {{"Sec-WebSocket-Extensions", "x-other, permessage-deflate"},
             {"Sec-WebSocket-Protocol", "chat"}},
            {{"Sec-WebSocket-Protocol", "chat"}});
  BOOST_TEST(*talk.sent.fields.only("connection") == "Upgrade");
  BOOST_TEST(*talk.sent.fields.only("upgrade") == "websocket");
  BOOST_TEST(*talk.sent.fields.only("sec-websocket-key") != Playbook::kWebSocketKey);
  BOOST_TEST(*talk.sent.fields.only("sec-websocket-extensions") == "permessage-deflate");
  BOOST_TEST(*talk.got.fields.only("sec-websocket-accept") ==
             wire::websocket_accept(Playbook::kWebSocketKey));
  BOOST_TEST(*talk.got.fields.only("sec-websocket-protocol") == "chat");
  BOOST_CHECK(play.machine().state() == call::CallMachine::State::switched);
  BOOST_TEST(play.machine().wants(call::Side::downstream));
  BOOST_TEST(play.machine().wants(call::Side::upstream));
  BOOST_CHECK(play.machine().permit().call().protocol == model::Protocol::websocket);
}

BOOST_AUTO_TEST_CASE(messages_are_redacted_both_ways_and_counted) {
  Playbook play;
  Talk talk(play);
  talk.happens(call::RequestBodyReceived{agent("my key " + kKey)});
  BOOST_TEST(talk.upstream_reads() == "text my key " + kMasked + "; ");
  talk.happens(call::ResponseBodyReceived{server("your key " + kKey)});
  BOOST_TEST(talk.agent_reads() == "text your key " + kMasked + "; ");
  talk.happens(call::RequestBodyReceived{close(1000, true)});
  BOOST_TEST(talk.upstream_reads() == "close 03e8; ");
  BOOST_TEST(talk.rest == "");
  talk.happens(call::ResponseBodyReceived{server("last") + close(1000, false)});
  BOOST_TEST(talk.agent_reads() == "text last; close 03e8; ");
  BOOST_TEST(talk.rest == kEnd);
  BOOST_CHECK(talk.outcome().status == evidence::OutcomeStatus::succeeded);
  BOOST_TEST(talk.outcome().http_status == 101);
  BOOST_TEST(talk.outcome().messages_to_upstream == 1U);
  BOOST_TEST(talk.outcome().messages_to_downstream == 2U);
  BOOST_TEST(talk.outcome().bytes_to_upstream > 0U);
  BOOST_REQUIRE(talk.outcome().findings.size() == 2U);
  BOOST_TEST(talk.outcome().findings[0].location == "message");
  BOOST_TEST(play.ending().closings == 1);
}

BOOST_AUTO_TEST_CASE(only_a_right_answer_switches) {
  const auto answered = [](call::ResponseHeadReceived answer) {
    Playbook play;
    play.happens(play.websocket_request()).gives({"AskGate GET http://api.test:80 /"});
    play.happens(play.admitted()).gives({"Connect"});
    play.happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none"});
    play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
    play.happens(std::move(answer));
    const int status = find<call::SendResponseHead>(play.actions())->head.status;
    Playbook::Lines lines;
    for (const auto& action : play.actions()) lines.push_back(test::render(action));
    play.gives(lines);
    BOOST_TEST(!(play.machine().state() == call::CallMachine::State::switched));
    return status;
  };
  BOOST_TEST(answered(Playbook::websocket_answer("wrong key")) == 502);
  BOOST_TEST(answered(Playbook::response(101, wire::BodyFraming::none)) == 502);
  BOOST_TEST(answered(Playbook::response(101, wire::BodyFraming::none, 0,
                                         {{"Connection", "Upgrade"}, {"Upgrade", "raw"}})) == 502);
  BOOST_TEST(answered(Playbook::response(401, wire::BodyFraming::chunked)) == 401);
  BOOST_TEST(answered(Playbook::response(200, wire::BodyFraming::chunked)) == 200);

  Playbook other; // its connection is not used again
  other.happens(other.websocket_request()).gives({"AskGate GET http://api.test:80 /"});
  other.happens(other.admitted()).gives({"Connect"});
  other.happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none"});
  other.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  other.happens(other.response(404, wire::BodyFraming::none))
      .gives({"SendResponseHead 404 none keep-alive"});
  other.happens(call::ResponseEnded{}).gives({"SendResponseEnd", "AbandonUpstream", "Finished"});
}

BOOST_AUTO_TEST_CASE(faults_are_told_to_who_made_them) {
  Playbook unmasked;
  Talk first(unmasked);
  first.happens(call::RequestBodyReceived{server("not masked")});
  BOOST_TEST(first.agent_reads().starts_with("close 03ea")); // 1002
  BOOST_TEST(first.upstream_reads() == "close 03e9; ");      // 1001
  BOOST_TEST(first.rest == kEnd);
  BOOST_CHECK(first.outcome().reason == model::Reason::framing_invalid);
  BOOST_CHECK(first.outcome().status == evidence::OutcomeStatus::interrupted);

  Playbook masked;
  Talk second(masked);
  second.happens(call::ResponseBodyReceived{agent("masked")});
  BOOST_TEST(second.agent_reads().starts_with("close 03f6"));    // 1014
  BOOST_TEST(second.upstream_reads().starts_with("close 03ea")); // 1002
  BOOST_CHECK(second.outcome().reason == model::Reason::upstream_protocol_error);
  BOOST_CHECK(second.outcome().status == evidence::OutcomeStatus::failed);
}

BOOST_AUTO_TEST_CASE(a_message_has_the_limit_of_a_body) {
  Playbook play;
  Talk talk(play, {}, {}, 10);
  talk.happens(call::RequestBodyReceived{agent("0123456789")});
  BOOST_TEST(talk.upstream_reads() == "text 0123456789; ");
  talk.happens(call::RequestBodyReceived{agent("0123456789a")});
  BOOST_TEST(talk.agent_reads().starts_with("close 03f1")); // 1009
  BOOST_TEST(talk.upstream_reads() == "close 03e9; ");
  BOOST_CHECK(talk.outcome().reason == model::Reason::body_too_large);
  BOOST_CHECK(talk.outcome().status == evidence::OutcomeStatus::blocked);
}

BOOST_AUTO_TEST_CASE(an_allowance_of_bytes_is_for_both_directions) {
  Playbook play;
  Talk talk(play, {}, {}, {}, 20);
  talk.happens(call::RequestBodyReceived{agent("1234")}); // 10 bytes, masked
  talk.happens(call::ResponseBodyReceived{server("12345678")});
  BOOST_TEST(talk.agent_reads() == "text 12345678; ");
  talk.happens(call::ResponseBodyReceived{server("")});
  BOOST_TEST(talk.agent_reads().starts_with("close 03f0"));
  BOOST_TEST(talk.rest == "AbandonUpstream AbortDownstream Finished ");
  BOOST_CHECK(talk.outcome().reason == model::Reason::byte_limit_reached);
  BOOST_TEST(talk.outcome().bytes_to_upstream + talk.outcome().bytes_to_downstream == 20U);
}

BOOST_AUTO_TEST_CASE(a_cut_leaves_the_upstream_at_once) {
  for (const auto why : {model::Reason::killed, model::Reason::policy_changed}) {
    Playbook play;
    Talk talk(play);
    const auto bytes = written({1, "half a mess"});
    talk.happens(call::RequestBodyReceived{bytes});
    talk.happens(call::Cut{why});
    BOOST_TEST(talk.agent_reads().starts_with("close 03f0")); // 1008
    BOOST_TEST(talk.upstream_reads() == "");
    BOOST_TEST(talk.rest == "AbandonUpstream AbortDownstream Finished ");
    BOOST_CHECK(talk.outcome().reason == why);
    BOOST_TEST(play.ending().closings == 1);
  }
  Playbook play;
  Talk talk(play);
  talk.happens(call::Cut{model::Reason::draining});
  BOOST_TEST(talk.agent_reads().starts_with("close 03e9"));
  BOOST_TEST(talk.upstream_reads() == "close 03e9; ");
}

BOOST_AUTO_TEST_CASE(ends_without_a_handshake) {
  Playbook agent_gone;
  Talk first(agent_gone);
  first.happens(call::DownstreamClosed{});
  BOOST_TEST(first.rest == kEnd);
  BOOST_TEST(first.upstream_reads() + first.agent_reads() == "");
  BOOST_CHECK(first.outcome().reason == model::Reason::downstream_closed);
  BOOST_CHECK(first.outcome().status == evidence::OutcomeStatus::interrupted);

  Playbook server_gone;
  Talk second(server_gone);
  second.happens(call::UpstreamClosed{});
  BOOST_CHECK(second.outcome().reason == model::Reason::upstream_closed);

  Playbook after_close;
  Talk third(after_close);
  const auto bytes = close(1000, true);
  third.happens(call::RequestBodyReceived{bytes});
  third.happens(call::UpstreamClosed{});
  BOOST_CHECK(third.outcome().status == evidence::OutcomeStatus::succeeded);

  Playbook idle;
  Talk fourth(idle);
  fourth.happens(call::DeadlinePassed{});
  BOOST_TEST(fourth.agent_reads().starts_with("close 03f6"));
  BOOST_TEST(fourth.upstream_reads() == "close 03e9; ");
  BOOST_CHECK(fourth.outcome().reason == model::Reason::upstream_timeout);
}

BOOST_AUTO_TEST_CASE(a_blocking_rule_ends_it_before_the_message) {
  for (const bool up : {true, false}) {
    Playbook play(blocking_context());
    Talk talk(play);
    if (up) {
      talk.happens(call::RequestBodyReceived{agent("about falcon-nine")});
    } else {
      talk.happens(call::ResponseBodyReceived{server("{\"delta\":\"falcon-nine\"}")});
    }
    BOOST_TEST(talk.upstream_reads().empty());
    BOOST_TEST(talk.agent_reads().find("falcon") == std::string::npos);
    BOOST_TEST(talk.rest == "AbandonUpstream AbortDownstream Finished ");
    BOOST_CHECK(talk.outcome().status == evidence::OutcomeStatus::blocked);
    BOOST_CHECK(talk.outcome().reason == model::Reason::secret_blocked);
    BOOST_TEST(talk.outcome().detail == "the redaction rule code-name");
    BOOST_TEST_REQUIRE(talk.outcome().findings.size() == 1U);
    BOOST_TEST(talk.outcome().findings[0].findings.total() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(a_blocking_rule_ends_it_before_the_switch) {
  Playbook play(blocking_context());
  play.happens(play.websocket_request()).gives({"AskGate GET http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{});
  const std::string key(
      *find<call::SendRequestHead>(play.actions())->head.fields.only("sec-websocket-key"));
  play.gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(play.websocket_answer(key, {{"X-Note", "falcon-nine"}}));
  play.gives({"AbandonUpstream", "SendResponseHead 403 length=363 keep-alive",
              "SendResponseBody (problem)", "SendResponseEnd", "Finished"});
  BOOST_CHECK(play.ending().outcome->reason == model::Reason::secret_blocked);
}

BOOST_AUTO_TEST_SUITE_END()
