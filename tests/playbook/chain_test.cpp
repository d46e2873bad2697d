// Chains of calls between sidecars: who is believed, what goes on, and when a call is open.
#include "proxy/call/chain.hpp"
#include "tests/support/playbook.hpp"

namespace {

using namespace sluice;
using test::Playbook;

const std::string kPeer = "spiffe://d.sluice/component/caller";
const std::string kNext = "spiffe://d.sluice/component/responder";
const std::string kTheirs = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
const std::string kOpen = "01J00000000000000000000000";

struct Fixture {
  std::shared_ptr<call::OpenCalls> open = std::make_shared<call::OpenCalls>();

  call::CallContext context(const std::string& peer, const std::string& upstream_peer) {
    auto out = Playbook::forward_context();
    out.from.kind = call::ListenerKind::reverse;
    out.from.fixed =
        model::Destination{model::Scheme::http, model::Host::parse("api.test").value(), 80};
    out.from.peer = peer;
    out.from.upstream_peer = upstream_peer;
    out.open_calls = open;
    return out;
  }
};

const std::vector<wire::Field> kSaid = {{"X-Sluice-Call", kTheirs}, {"X-Sluice-Hops", "3"}};

void asks(Playbook& play, const std::vector<wire::Field>& said = kSaid) {
  play.happens(Playbook::request("GET", "/", said)).gives({"AskGate GET http://api.test:80 /"});
}

// The chain's fields of what goes upstream.
std::string sent(Playbook& play) {
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none"});
  std::string out;
  for (const auto& field :
       std::get<call::SendRequestHead>(play.actions().at(0)).head.fields.all()) {
    if (field.name.starts_with("x-sluice-")) out += field.name + "=" + field.value + ";";
  }
  return out;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(chains, Fixture)

BOOST_AUTO_TEST_CASE(a_peer_is_believed_and_the_program_is_told_our_call) {
  Playbook play(context(kPeer, ""));
  asks(play);
  BOOST_TEST(play.asked().chain.peer == kPeer);
  BOOST_TEST(play.asked().chain.parent_call_id == kTheirs);
  BOOST_TEST(play.asked().chain.hops == 3U);
  BOOST_TEST(play.asked().fields.find("sluice") == std::string::npos); // no rule sees them
  BOOST_TEST(open->size() == 0U);                                      // not before it is admitted
  BOOST_TEST(sent(play) == "x-sluice-call=call-1;");
  BOOST_TEST(open->link("").hops == 4U);
}

BOOST_AUTO_TEST_CASE(a_program_is_not) {
  Playbook play(context("", kNext));
  asks(play);
  BOOST_TEST(play.asked().chain.parent_call_id == "");
  BOOST_TEST(play.asked().chain.hops == 0U);
  BOOST_TEST(sent(play) == "x-sluice-call=call-1;x-sluice-hops=0;");
  BOOST_TEST(open->size() == 0U); // its own calls are nobody's parent here
}

BOOST_AUTO_TEST_CASE(a_program_that_answers_a_call) {
  const call::OpenCall one(open, kOpen, 3);
  Playbook play(context("", kNext));
  asks(play, {{"x-sluice-call", kOpen}, {"x-sluice-hops", "0"}});
  BOOST_TEST(play.asked().chain.parent_call_id == kOpen);
  BOOST_TEST(sent(play) == "x-sluice-call=call-1;x-sluice-hops=4;");
}

BOOST_AUTO_TEST_CASE(nobody_else_is_told) {
  const call::OpenCall one(open, kOpen, 3);
  Playbook play(context("", ""));
  asks(play);
  BOOST_TEST(play.asked().chain.parent_call_id == kOpen);
  BOOST_TEST(sent(play) == "");
}

BOOST_AUTO_TEST_CASE(the_limit_refuses_before_anything_is_asked) {
  for (const auto& [hops, refused] : {std::pair("16", false), {"17", true}, {"x", true}}) {
    Playbook play(context(kPeer, ""));
    const auto head = Playbook::request("GET", "/", {{"x-sluice-hops", hops}});
    if (refused) {
      play.happens(head).gives({"RecordRefusal hop_limit_reached"});
      const auto& facts = std::get<call::RecordRefusal>(play.actions().at(0)).call;
      BOOST_TEST(facts->chain.peer == kPeer);
      play.happens(play.refused(model::Reason::hop_limit_reached))
          .gives(
              {"SendResponseHead 508 length=" +
                   std::to_string(
                       std::get<call::SendResponseHead>(play.actions().at(0)).head.content_length) +
                   " keep-alive",
               "SendResponseBody (problem)", "SendResponseEnd"});
    } else {
      play.happens(head).gives({"AskGate GET http://api.test:80 /"});
    }
    BOOST_TEST(open->size() == 0U);
  }
  const call::OpenCall one(open, kOpen, 16);
  Playbook own(context("", ""));
  own.happens(Playbook::request("GET", "/")).gives({"RecordRefusal hop_limit_reached"});
}

BOOST_AUTO_TEST_CASE(open_until_it_ends_however_it_ends) {
  const auto begun = [&] {
    auto play = std::make_unique<Playbook>(context(kPeer, ""));
    asks(*play);
    BOOST_TEST(sent(*play) == "x-sluice-call=call-1;");
    play->happens(call::RequestEnded{}).gives({"SendRequestEnd"});
    BOOST_TEST(open->size() == 1U);
    return play;
  };
  const auto ends = [&](call::Event event) {
    auto play = begun();
    play->happens(std::move(event)).gives_anything();
    BOOST_TEST(open->size() == 0U);
  };
  ends(call::UpstreamClosed{});
  ends(call::DownstreamClosed{});
  ends(call::DeadlinePassed{});
  ends(call::Cut{});
  ends(call::ResponseFaulted{});
  { const auto dropped = begun(); }
  BOOST_TEST(open->size() == 0U);

  auto play = begun();
  play->happens(Playbook::response(200, wire::BodyFraming::length, 2)).gives_anything();
  BOOST_TEST(open->size() == 1U);
  play->happens(call::ResponseBodyReceived{"ok"}).gives_anything();
  play->happens(call::ResponseEnded{}).gives_anything();
  BOOST_TEST(open->size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_websocket_is_open_after_the_switch) {
  Playbook play(context(kPeer, ""));
  auto head = Playbook::websocket_request(kSaid);
  head.head.target = "/";
  play.happens(std::move(head)).gives({"AskGate GET http://api.test:80 /"});
  BOOST_TEST(play.asked().chain.parent_call_id == kTheirs);
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none"});
  const auto& fields = std::get<call::SendRequestHead>(play.actions().at(0)).head.fields;
  BOOST_TEST(std::string(fields.only("x-sluice-call").value_or("")) == "call-1");
  const std::string key(fields.only("sec-websocket-key").value_or(""));
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(Playbook::websocket_answer(key)).gives_anything();
  BOOST_TEST(open->size() == 1U);
  play.happens(call::UpstreamClosed{}).gives_anything();
  BOOST_TEST(open->size() == 0U);
}

BOOST_AUTO_TEST_CASE(trailers_and_answers_carry_none) {
  Playbook play(context("", ""));
  play.happens(Playbook::request("POST", "/", {}, wire::BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead POST / chunked"});
  call::RequestEnded end;
  end.trailers.add("X-Sluice-Call", kTheirs);
  play.happens(std::move(end)).gives({"SendRequestEnd"});
  BOOST_TEST(std::get<call::SendRequestEnd>(play.actions().at(0)).trailers.all().empty());
  play.happens(Playbook::response(200, wire::BodyFraming::none, 0, {{"X-Sluice-Call", kTheirs}}))
      .gives_anything();
  const auto& answer = std::get<call::SendResponseHead>(play.actions().at(0)).head;
  BOOST_TEST(answer.fields.count("x-sluice-call") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
