// Calls that are refused, and calls that end badly: every one has its answer and exactly one
// ending.
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

int status_of(const call::Actions& actions) {
  for (const auto& action : actions) {
    if (const auto* head = std::get_if<call::SendResponseHead>(&action)) return head->head.status;
  }
  return 0;
}

std::vector<std::string> names_of(const call::Actions& actions) {
  std::vector<std::string> out;
  for (const auto& action : actions) {
    const auto line = test::render(action);
    out.push_back(line.substr(0, line.find(' ')));
  }
  return out;
}

// What an agent is told and what becomes of its connection, without the byte counts.
void check_refusal(Playbook& play, int status, std::vector<std::string> names) {
  const auto got = names_of(play.actions());
  BOOST_TEST(got == names, boost::test_tools::per_element());
  BOOST_TEST(status_of(play.actions()) == status);
  Playbook::Lines all;
  for (const auto& action : play.actions()) all.push_back(test::render(action));
  play.gives(all);
}

const std::vector<std::string> kAnswerAndGoOn = {"SendResponseHead", "SendResponseBody",
                                                 "SendResponseEnd", "Finished"};
const std::vector<std::string> kAnswerAndClose = {"SendResponseHead", "SendResponseBody",
                                                  "SendResponseEnd", "CloseDownstream", "Finished"};

} // namespace

BOOST_AUTO_TEST_SUITE(refused_call)

BOOST_AUTO_TEST_CASE(blocked_without_a_body_keeps_the_connection) {
  Playbook play;
  play.happens(play.request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80 /"});
  play.happens(play.refused(model::Reason::default_deny));
  check_refusal(play, 403, {"SendResponseHead", "SendResponseBody", "SendResponseEnd"});
  BOOST_TEST(play.machine().wants(call::Side::downstream));
  play.happens(call::RequestEnded{}).gives({"Finished"});
}

BOOST_AUTO_TEST_CASE(blocked_with_a_short_body_discards_it) {
  Playbook play;
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, 4))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.refused(model::Reason::rule_block));
  check_refusal(play, 403, {"SendResponseHead", "SendResponseBody", "SendResponseEnd"});
  play.happens(call::RequestBodyReceived{"data"}).gives({});
  play.happens(call::RequestEnded{}).gives({"Finished"});
}

BOOST_AUTO_TEST_CASE(blocked_with_an_endless_body_closes) {
  Playbook play;
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.refused(model::Reason::default_deny));
  check_refusal(play, 403, kAnswerAndClose);
}

BOOST_AUTO_TEST_CASE(framing_in_doubt_is_recorded_answered_and_closed) {
  Playbook play;
  play.happens(call::RequestFaulted{}).gives({"RecordRefusal framing_invalid"});
  play.happens(play.refused(model::Reason::framing_invalid));
  check_refusal(play, 400, kAnswerAndClose);
}

BOOST_AUTO_TEST_CASE(names_that_disagree) {
  Playbook play;
  auto head = play.request("GET", "http://other.test/");
  play.happens(std::move(head)).gives({"RecordRefusal name_mismatch"});
  play.happens(play.refused(model::Reason::name_mismatch));
  check_refusal(play, 400, kAnswerAndClose);
}

BOOST_AUTO_TEST_CASE(upgrades) {
  Playbook play;
  auto head = play.request("GET", "http://api.test/", {{"Upgrade", "websocket, h2c"}});
  head.head.wants_upgrade = true;
  play.happens(std::move(head)).gives({"RecordRefusal upgrade_unsupported"});

  Playbook no_key;
  auto half = no_key.request("GET", "http://api.test/", {{"Upgrade", "websocket"}});
  half.head.wants_upgrade = true;
  no_key.happens(std::move(half)).gives({"RecordRefusal framing_invalid"});

  Playbook ignored; // RFC 9110 §7.8: a server may ignore an offer of h2c
  auto offer = ignored.request("GET", "http://api.test/", {{"Upgrade", "h2c"}});
  offer.head.wants_upgrade = true;
  ignored.happens(std::move(offer)).gives({"AskGate GET http://api.test:80 /"});
}

BOOST_AUTO_TEST_CASE(declared_body_over_the_limit) {
  auto context = Playbook::forward_context();
  context.request_body_limit = 10;
  Playbook play(std::move(context));
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, 11))
      .gives({"RecordRefusal body_too_large"});
}

BOOST_AUTO_TEST_CASE(the_rules_own_body_limit_blocks_before_connecting) {
  Playbook play;
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, 11))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted(10));
  check_refusal(play, 413, kAnswerAndClose);
  BOOST_CHECK(play.ending().outcome->status == evidence::OutcomeStatus::blocked);
}

BOOST_AUTO_TEST_CASE(undeclared_body_over_the_limit_is_cut) {
  Playbook play;
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted(3)).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead POST / chunked"});
  play.happens(call::RequestBodyReceived{"four"});
  check_refusal(play, 413,
                {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd",
                 "CloseDownstream", "Finished"});
}

BOOST_AUTO_TEST_CASE(a_body_that_cannot_be_read_does_not_leave) {
  Playbook play;
  play.happens(play.request("POST", "http://api.test/", {{"Content-Encoding", "dcz"}},
                            BodyFraming::length, 3))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted());
  check_refusal(play, 403, {"SendResponseHead", "SendResponseBody", "SendResponseEnd"});
  BOOST_CHECK(play.ending().outcome->reason == model::Reason::content_undecodable);

  Playbook broken;
  broken
      .happens(broken.request("POST", "http://api.test/", {{"Content-Encoding", "gzip"}},
                              BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  broken.happens(broken.admitted()).gives({"Connect"});
  broken.happens(call::UpstreamOpened{}).gives({"SendRequestHead POST / chunked"});
  broken.happens(call::RequestBodyReceived{"this is not gzip"});
  check_refusal(broken, 403,
                {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd",
                 "CloseDownstream", "Finished"});
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(broken_call)

BOOST_AUTO_TEST_CASE(upstream_cannot_be_reached) {
  Playbook play;
  play.happens(play.request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamFailed{model::Reason::upstream_tls_unverified, "expired"});
  check_refusal(play, 502, {"SendResponseHead", "SendResponseBody", "SendResponseEnd"});
  BOOST_CHECK(play.ending().outcome->reason == model::Reason::upstream_tls_unverified);
}

BOOST_AUTO_TEST_CASE(upstream_dies_inside_the_body) {
  Playbook play;
  play.runs_until_answer_due();
  play.happens(play.response(200, BodyFraming::chunked))
      .gives({"SendResponseHead 200 chunked keep-alive"});
  play.happens(call::ResponseBodyReceived{"half "}).gives({"SendResponseBody half "});
  play.happens(call::UpstreamClosed{}).gives({"AbandonUpstream", "AbortDownstream", "Finished"});
  BOOST_CHECK(play.ending().outcome->status == evidence::OutcomeStatus::interrupted);
}

BOOST_AUTO_TEST_CASE(a_held_body_that_never_ends_is_not_passed_on_as_whole) {
  Playbook play;
  play.runs_until_answer_due();
  play.happens(play.response(200, BodyFraming::length, 10)).gives({});
  play.happens(call::ResponseBodyReceived{"half"}).gives({});
  play.happens(call::UpstreamClosed{});
  check_refusal(
      play, 502,
      {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd", "Finished"});
}

BOOST_AUTO_TEST_CASE(unasked_answers) {
  Playbook upgrade;
  upgrade.runs_until_answer_due();
  upgrade.happens(upgrade.response(101, BodyFraming::none));
  check_refusal(
      upgrade, 502,
      {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd", "Finished"});

  for (const int partial : {206, 226}) {
    Playbook range;
    range.runs_until_answer_due();
    range.happens(range.response(partial, BodyFraming::chunked));
    check_refusal(
        range, 502,
        {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd", "Finished"});
  }

  Playbook coding;
  coding.runs_until_answer_due();
  coding.happens(coding.response(200, BodyFraming::chunked, 0, {{"Content-Encoding", "dcz"}}));
  check_refusal(
      coding, 502,
      {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd", "Finished"});
}

BOOST_AUTO_TEST_CASE(interim_answers_are_counted) {
  Playbook play;
  play.runs_until_answer_due();
  for (int i = 0; i < 16; ++i) {
    play.happens(play.response(103, BodyFraming::none)).gives({});
  }
  play.happens(play.response(103, BodyFraming::none));
  check_refusal(
      play, 502,
      {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd", "Finished"});
}

BOOST_AUTO_TEST_CASE(agent_leaves) {
  Playbook play;
  play.runs_until_answer_due();
  play.happens(call::DownstreamClosed{}).gives({"AbandonUpstream", "AbortDownstream", "Finished"});
  BOOST_CHECK(play.ending().outcome->reason == model::Reason::downstream_closed);
  BOOST_CHECK(play.ending().outcome->status == evidence::OutcomeStatus::interrupted);
}

BOOST_AUTO_TEST_CASE(deadlines_name_who_was_slow) {
  Playbook upstream;
  upstream.runs_until_answer_due();
  upstream.happens(call::DeadlinePassed{});
  check_refusal(
      upstream, 504,
      {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd", "Finished"});

  Playbook agent;
  agent.happens(agent.request("POST", "http://api.test/", {}, BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  agent.happens(agent.admitted()).gives({"Connect"});
  agent.happens(call::UpstreamOpened{}).gives({"SendRequestHead POST / chunked"});
  agent.happens(call::DeadlinePassed{});
  check_refusal(agent, 408,
                {"AbandonUpstream", "SendResponseHead", "SendResponseBody", "SendResponseEnd",
                 "CloseDownstream", "Finished"});
}

// Total: whatever happens whenever, the machine answers, closes its permit at most once, and never
// speaks to an upstream it was not given.
BOOST_AUTO_TEST_CASE(every_event_in_every_state) {
  const auto make = [](Playbook& play, int which) -> call::Event {
    switch (which) {
    case 0: return play.request("GET", "http://api.test/");
    case 1: return call::RequestBodyReceived{"x"};
    case 2: return call::RequestEnded{};
    case 3: return call::RequestFaulted{};
    case 4: return call::DownstreamClosed{};
    case 5: return play.admitted();
    case 6: return play.refused(model::Reason::default_deny);
    case 7: return call::UpstreamOpened{};
    case 8: return call::UpstreamFailed{};
    case 9: return play.response(200, BodyFraming::chunked);
    case 10: return call::ResponseBodyReceived{"x"};
    case 11: return call::ResponseEnded{};
    case 12: return call::ResponseFaulted{};
    case 13: return call::UpstreamClosed{};
    default: return call::DeadlinePassed{};
    }
  };
  constexpr int kEvents = 15, kDepth = 4;
  int total = 1;
  for (int i = 0; i < kDepth; ++i) total *= kEvents;
  for (int code = 0; code < total; ++code) {
    Playbook play;
    int permits = 0;
    for (int step = 0, rest = code; step < kDepth; ++step, rest /= kEvents) {
      if (rest % kEvents == 5) ++permits;
      play.happens(make(play, rest % kEvents));
      Playbook::Lines lines;
      for (const auto& action : play.actions()) {
        lines.push_back(test::render(action));
        const bool outward =
            lines.back().starts_with("SendRequest") || lines.back().starts_with("Connect");
        if (outward && permits == 0) BOOST_FAIL("outward without a permit: " + lines.back());
      }
      play.gives(lines);
    }
    if (play.ending().closings > permits) BOOST_FAIL("closed twice");
  }
}

BOOST_AUTO_TEST_SUITE_END()
