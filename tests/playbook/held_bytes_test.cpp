// Bodies that are held share one room: who finds none goes on without being held, or is refused.
#include "policy/engine/engine.hpp"
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

call::CallContext with_room(std::uint64_t bytes) {
  auto context = Playbook::forward_context();
  context.held = std::make_shared<call::HeldBytes>(bytes);
  return context;
}

call::CallContext inspecting(std::uint64_t room) {
  auto context = with_room(room);
  const auto loaded = engine::load_policy_text(
      "version: 1\negress: [{allow: {hosts: ['**']}}]\ntools: [{block: {tools: [rm]}}]\n", "p");
  BOOST_TEST_REQUIRE(loaded.snapshot != nullptr);
  context.engine = engine::make_engine(engine::EngineKind::reference, loaded.snapshot);
  return context;
}

} // namespace

BOOST_AUTO_TEST_SUITE(room_for_bodies)

BOOST_AUTO_TEST_CASE(a_body_for_the_policy_that_finds_no_room_is_refused) {
  const auto context = inspecting(20);
  const auto room = context.held;
  {
    Playbook play(context);
    play.happens(Playbook::request("POST", "http://api.test/", {}, BodyFraming::length, 30))
        .gives({});
    play.happens(call::RequestBodyReceived{std::string(20, ' ')}).gives({});
    BOOST_TEST(room->left() == 0U);
    play.happens(call::RequestBodyReceived{"1"}).gives({"RecordRefusal too_much_held"});
  }
  BOOST_TEST(room->left() == 20U);
}

BOOST_AUTO_TEST_CASE(room_is_given_back_when_the_body_goes) {
  const auto context = inspecting(10'000);
  const std::string body = "[\"" + std::string(3'000, 'x') + "\"]";
  {
    Playbook play(context);
    play.happens(Playbook::request("POST", "http://api.test/", {}, BodyFraming::chunked)).gives({});
    play.happens(call::RequestBodyReceived{body}).gives({});
    BOOST_TEST(context.held->left() == 10'000 - body.size());
    play.happens(call::RequestEnded{}).gives({"AskGate POST http://api.test:80 /"});
    BOOST_TEST(context.held->left() < 10'000 - 2 * body.size()); // its tree, too
    play.happens(play.admitted()).gives({"Connect"});
    play.happens(call::UpstreamOpened{})
        .gives({"SendRequestHead POST / chunked", "SendRequestBody " + body, "SendRequestEnd"});
    BOOST_TEST(context.held->left() > 10'000 - 2 * body.size()); // a small tree stays
  }
  BOOST_TEST(context.held->left() == 10'000U);
}

// What the policy is shown of a body takes more than the body.
BOOST_AUTO_TEST_CASE(the_tree_of_a_body_counts_as_well) {
  const auto context = inspecting(200'000);
  Playbook play(context);
  std::string list = "[0";
  for (int i = 0; i < 2'000; ++i) list += ",0";
  list += "]";
  play.happens(Playbook::request("POST", "http://api.test/", {}, BodyFraming::length, list.size()))
      .gives({});
  play.happens(call::RequestBodyReceived{list}).gives({});
  play.happens(call::RequestEnded{}).gives({"RecordRefusal too_much_held"});
}

BOOST_AUTO_TEST_CASE(a_request_held_for_its_length_goes_out_chunked) {
  Playbook play(with_room(3));
  play.happens(Playbook::request("POST", "http://api.test/", {}, BodyFraming::length, 8))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{"one "})
      .gives({"SendRequestHead POST / chunked", "SendRequestBody one "});
  play.happens(call::RequestBodyReceived{"two "}).gives({"SendRequestBody two "});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
}

BOOST_AUTO_TEST_CASE(an_answer_held_for_its_length_goes_out_chunked) {
  const auto context = with_room(3);
  Playbook play(context);
  play.happens(Playbook::request("GET", "http://api.test/"))
      .gives({"AskGate GET http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(Playbook::response(200, BodyFraming::length, 8)).gives({});
  play.happens(call::ResponseBodyReceived{"one "})
      .gives({"SendResponseHead 200 chunked keep-alive", "SendResponseBody one "});
  BOOST_TEST(context.held->left() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
