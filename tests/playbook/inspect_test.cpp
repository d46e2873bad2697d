// Calls whose body a policy asks for: nothing goes anywhere before it was read and judged.
#include "policy/engine/engine.hpp"
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

constexpr std::string_view kTool =
    R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"rm"}})";

call::CallContext asking(std::string_view rules = " []\n", std::string_view hosts = "['**']") {
  auto context = Playbook::forward_context();
  const auto loaded = engine::load_policy_text(
      "version: 1\ndefaults: {inspect: 200}\negress: [{allow: {hosts: " + std::string(hosts) +
          "}}]\ntools:\n" + std::string(rules),
      "p");
  BOOST_TEST_REQUIRE(loaded.snapshot != nullptr);
  context.engine = engine::make_engine(engine::EngineKind::reference, loaded.snapshot);
  context.redaction = {};
  return context;
}

constexpr std::string_view kAsk = "AskGate POST http://api.test:80 /mcp";

call::RequestHeadReceived post(BodyFraming framing, std::uint64_t length = 0) {
  return Playbook::request("POST", "http://api.test/mcp", {}, framing, length);
}

const model::Content& content_of(const Playbook& play) {
  BOOST_TEST_REQUIRE(play.asked().content != nullptr);
  return *play.asked().content;
}

} // namespace

BOOST_AUTO_TEST_SUITE(inspected_call)

BOOST_AUTO_TEST_CASE(the_gate_is_asked_when_the_body_is_whole_and_then_it_goes) {
  Playbook play(asking());
  const auto length = std::to_string(kTool.size());
  play.happens(post(BodyFraming::length, kTool.size())).gives({});
  BOOST_TEST((play.machine().state() == call::CallMachine::State::inspecting));
  BOOST_TEST(play.machine().wants(call::Side::downstream));
  BOOST_TEST(!play.machine().wants(call::Side::upstream));
  play.happens(call::RequestBodyReceived{kTool.substr(0, 20)}).gives({});
  play.happens(call::RequestBodyReceived{kTool.substr(20)}).gives({});
  play.happens(call::RequestEnded{}).gives({std::string(kAsk)});
  BOOST_TEST_REQUIRE(content_of(play).operations.size() == 1U);
  BOOST_TEST(content_of(play).operations.front().names.front() == "rm");
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{})
      .gives({"SendRequestHead POST /mcp length=" + length, "SendRequestBody " + std::string(kTool),
              "SendRequestEnd"});
  BOOST_TEST(play.machine().request_ended());
}

BOOST_AUTO_TEST_CASE(what_is_longer_goes_on_behind_what_was_read) {
  const std::string piece(300, 'x');
  Playbook play(asking());
  play.happens(post(BodyFraming::chunked)).gives({});
  play.happens(call::RequestBodyReceived{"GIF89a"}).gives({});
  play.happens(call::RequestBodyReceived{piece}).gives({std::string(kAsk)});
  BOOST_TEST((content_of(play).state == model::Content::State::other));
  BOOST_TEST(!play.machine().wants(call::Side::downstream)); // until it is decided
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{})
      .gives({"SendRequestHead POST /mcp chunked", "SendRequestBody GIF89a" + piece});
  play.happens(call::RequestBodyReceived{"end"}).gives({"SendRequestBody end"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
}

BOOST_AUTO_TEST_CASE(json_that_is_longer_is_judged_unread) {
  Playbook play(asking());
  play.happens(post(BodyFraming::length, 100'000)).gives({});
  const std::string piece = "{" + std::string(10'000, ' ');
  play.happens(call::RequestBodyReceived{piece}).gives({std::string(kAsk)});
  BOOST_TEST((content_of(play).state == model::Content::State::unread));
}

BOOST_AUTO_TEST_CASE(a_100_is_sent_before_and_not_again) {
  Playbook play(asking());
  auto head = post(BodyFraming::length, 2);
  head.head.expects_continue = true;
  play.happens(std::move(head)).gives({"SendResponseHead 100 none keep-alive"});
  play.happens(call::RequestBodyReceived{"{}"}).gives({});
  play.happens(call::RequestEnded{}).gives({std::string(kAsk)});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{})
      .gives({"SendRequestHead POST /mcp length=2", "SendRequestBody {}", "SendRequestEnd"});
}

BOOST_AUTO_TEST_CASE(what_is_refused_whatever_it_says_is_not_waited_for) {
  Playbook play(asking("  - {block: {tools: [x]}}\n", "['b.test']"));
  play.happens(post(BodyFraming::length, 5)).gives({std::string(kAsk)});
  BOOST_TEST((content_of(play).state == model::Content::State::head_only));
  BOOST_TEST(!play.machine().wants(call::Side::downstream));
}

// What it will carry nobody has read, whatever its head says of a body.
BOOST_AUTO_TEST_CASE(a_websocket_is_unread) {
  for (const auto framing : {BodyFraming::none, BodyFraming::length}) {
    Playbook play(asking());
    auto head = Playbook::websocket_request();
    head.head.framing = framing;
    play.happens(std::move(head)).gives({"AskGate GET http://api.test:80 /"});
    BOOST_TEST(play.asked().content == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(a_call_without_a_body_has_none) {
  Playbook play(asking());
  play.happens(Playbook::request("GET", "http://api.test/mcp"))
      .gives({"AskGate GET http://api.test:80 /mcp"});
  BOOST_TEST((content_of(play).state == model::Content::State::none));
}

BOOST_AUTO_TEST_CASE(whatever_happens_before_the_gate_was_asked_is_a_refusal) {
  const std::pair<call::Event, std::string> rows[] = {
      {call::DeadlinePassed{}, "RecordRefusal request_timeout"},
      {call::Cut{model::Reason::killed}, "RecordRefusal killed"},
      {call::RequestFaulted{}, "RecordRefusal framing_invalid"},
      {call::UpstreamClosed{}, "RecordRefusal upstream_closed"},
  };
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    Playbook play(asking());
    play.happens(post(BodyFraming::chunked)).gives({});
    play.happens(call::RequestBodyReceived{"{"}).gives({});
    const auto& [event, expected] = rows[i];
    if (i == 0) play.happens(call::DeadlinePassed{}).gives({expected});
    if (i == 1) play.happens(call::Cut{model::Reason::killed}).gives({expected});
    if (i == 2) play.happens(call::RequestFaulted{}).gives({expected});
    if (i == 3) play.happens(call::UpstreamClosed{}).gives({expected});
  }
  Playbook gone(asking());
  gone.happens(post(BodyFraming::chunked)).gives({});
  gone.happens(call::DownstreamClosed{}).gives({"RecordRefusal downstream_closed"});
}

BOOST_AUTO_TEST_CASE(limits_hold_before_anything_is_dialled) {
  Playbook play(asking());
  play.happens(post(BodyFraming::chunked)).gives({});
  play.happens(call::RequestBodyReceived{"{\"a\":1}"}).gives({});
  play.happens(call::RequestEnded{}).gives({std::string(kAsk)});
  play.happens(play.admitted(3)).gives_anything();
  for (const auto& action : play.actions())
    BOOST_TEST(!std::holds_alternative<call::Connect>(action));
  auto context = asking();
  context.request_body_limit = 10;
  Playbook huge(std::move(context));
  huge.happens(post(BodyFraming::chunked)).gives({});
  huge.happens(call::RequestBodyReceived{"{2345678"}).gives({});
  huge.happens(call::RequestBodyReceived{"901"}).gives({"RecordRefusal body_too_large"});
}

// Of a refusal by the policy, in the form that the agent's client understands.
BOOST_AUTO_TEST_CASE(a_refused_message_of_json_rpc_gets_its_error) {
  const auto answer = [](std::string_view body, std::vector<wire::Field> fields,
                         model::Reason reason) {
    Playbook play(asking());
    play.happens(Playbook::request("POST", "http://api.test/mcp", std::move(fields),
                                   BodyFraming::length, body.size()))
        .gives({});
    play.happens(call::RequestBodyReceived{body}).gives({});
    play.happens(call::RequestEnded{}).gives({std::string(kAsk)});
    play.happens(play.refused(reason)).gives_anything();
    std::string out;
    for (const auto& action : play.actions()) {
      if (const auto* sent = std::get_if<call::SendResponseHead>(&action))
        out += std::to_string(sent->head.status) + ' ' + sent->head.fields.joined("content-type") +
               '\n';
      if (const auto* sent = std::get_if<call::SendResponseBody>(&action)) out += sent->bytes;
    }
    return out;
  };
  const auto one = answer(kTool, {}, model::Reason::rule_block);
  BOOST_TEST(one.starts_with("200 application/json\n{\"error\":{\"code\":-32050,\"data\":{"), one);
  BOOST_TEST(one.find("\"id\":7") != std::string::npos, one);
  BOOST_TEST(one.find("\"reason_code\":\"rule_block\"") != std::string::npos, one);
  const auto batch = answer("[" + std::string(kTool) + "," + std::string(kTool) + "]", {},
                            model::Reason::rule_block);
  BOOST_TEST(batch.starts_with("200 application/json\n[{"), batch);
  const auto stream = answer(kTool, {{"Accept", "text/event-stream"}}, model::Reason::rule_block);
  BOOST_TEST(stream.starts_with("200 text/event-stream\ndata: {\"error\""), stream);
  BOOST_TEST(stream.ends_with("}\n\n"), stream);
  // A notification has no answer, and what is not the policy's word is no message.
  BOOST_TEST(answer(R"({"jsonrpc":"2.0","method":"tools/call"})", {}, model::Reason::rule_block)
                 .starts_with("403 "));
  BOOST_TEST(answer(kTool, {}, model::Reason::evidence_unavailable).starts_with("503 "));
}

BOOST_AUTO_TEST_SUITE_END()
