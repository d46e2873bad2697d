// Calls whose rules count what they carry: bytes before they go, tokens as the answer says.
#include "tests/support/coding_text.hpp"
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

using limits::Ledger;
using limits::Meter;
using model::Quota;

constexpr std::int64_t kDayEnd = 20'000LL * 86'400;

struct Counting { // a rule, and who counts for it
  explicit Counting(Quota quota, std::uint64_t limit, Meter::Binding how = Meter::Binding::yes)
      : binding(how) {
    model::RuleQuotas rule{"name:llm", "egress[0]", "llm", {}};
    rule.limits[static_cast<std::size_t>(quota)] = limit;
    quotas.push_back(std::make_shared<const model::RuleQuotas>(std::move(rule)));
  }
  // The permit of a call that was asked about a hundred seconds before the day ends.
  call::Admitted admits(const Playbook& play) {
    auto facts = test::permit_facts(play.asked());
    facts.meter = ledger.admit(quotas, {(kDayEnd - 100) * limits::kSecond, 0}, binding).meter;
    facts.redact = redacts;
    BOOST_TEST_REQUIRE(facts.meter != nullptr);
    facts.meter->keep();
    return call::Admitted{test::permit_for_test(std::move(facts), ending)};
  }
  std::uint64_t used() {
    return ledger.uses(quotas, {(kDayEnd - 100) * limits::kSecond, 0}).front().used;
  }
  Meter::Binding binding;
  model::Quotas quotas;
  Ledger ledger{"a"};
  test::Ending ending;
  bool redacts = true;
};

void post(Playbook& play, Counting& counting, std::uint64_t length) {
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, length))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(counting.admits(play)).gives({"Connect"});
  play.happens(call::UpstreamOpened{});
}

void get(Playbook& play, Counting& counting) {
  play.happens(play.request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80 /"});
  play.happens(counting.admits(play)).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
}

std::string header(const call::Actions& actions, const char* name) {
  for (const auto& action : actions) {
    if (const auto* head = std::get_if<call::SendResponseHead>(&action))
      return head->head.fields.joined(name);
  }
  return "";
}

const std::string kEvents =
    "data: {\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
    "data: {\"delta\":{\"text\":\"Hello\"}}\n\n"
    "data: {\"usage\":{\"output_tokens\":15}}\n\n";

} // namespace

BOOST_AUTO_TEST_SUITE(limits_of_a_call)

BOOST_AUTO_TEST_CASE(both_bodies_count) {
  Counting counting(Quota::bytes_per_day, 11);
  Playbook play;
  post(play, counting, 6);
  play.gives({});
  play.happens(call::RequestBodyReceived{"sixsix"}).gives({});
  play.happens(call::RequestEnded{})
      .gives({"SendRequestHead POST / length=6", "SendRequestBody sixsix", "SendRequestEnd"});
  BOOST_TEST(counting.used() == 6U);
  play.happens(play.response(200, BodyFraming::length, 5)).gives({});
  play.happens(call::ResponseBodyReceived{"hello"}).gives({});
  play.happens(call::ResponseEnded{})
      .gives({"SendResponseHead 200 length=5 keep-alive", "SendResponseBody hello",
              "SendResponseEnd", "ReleaseUpstream", "Finished"});
  BOOST_TEST(counting.used() == 11U);
  BOOST_CHECK(counting.ending.outcome->status == evidence::OutcomeStatus::succeeded);
}

BOOST_AUTO_TEST_CASE(a_request_over_the_limit_never_leaves) {
  Counting counting(Quota::bytes_per_day, 5);
  Playbook play;
  post(play, counting, 6);
  play.gives({});
  play.happens(call::RequestBodyReceived{"sixsix"}).gives({});
  play.happens(call::RequestEnded{});
  BOOST_TEST(header(play.actions(), "retry-after") == "100");
  const auto& head = std::get<call::SendResponseHead>(play.actions().at(1)).head;
  play.gives({"AbandonUpstream", "SendResponseHead 429 " + test::framing_text(head) + " keep-alive",
              "SendResponseBody (problem)", "SendResponseEnd", "Finished"});
  const auto& outcome = *counting.ending.outcome;
  BOOST_CHECK(outcome.status == evidence::OutcomeStatus::blocked);
  BOOST_CHECK(outcome.reason == model::Reason::volume_limit_reached);
  BOOST_TEST(outcome.detail == "the limit bytes_per_day: 5 of the rule llm is used up");
  BOOST_TEST(outcome.http_status == 429);
  BOOST_TEST(outcome.bytes_to_upstream == 0U);
}

BOOST_AUTO_TEST_CASE(an_answer_that_streams_is_cut_before_the_byte_over_the_limit) {
  Counting counting(Quota::bytes_per_day, 10);
  Playbook play;
  get(play, counting);
  play.happens(play.response(200, BodyFraming::chunked))
      .gives({"SendResponseHead 200 chunked keep-alive"});
  play.happens(call::ResponseBodyReceived{"12345 "}).gives({"SendResponseBody 12345 "});
  play.happens(call::ResponseBodyReceived{"7890 "})
      .gives({"AbandonUpstream", "AbortDownstream", "Finished"});
  BOOST_CHECK(counting.ending.outcome->reason == model::Reason::volume_limit_reached);
  BOOST_TEST(counting.ending.outcome->bytes_to_downstream == 6U);
  BOOST_TEST(counting.used() == 10U); // the rest is not tried again
}

BOOST_AUTO_TEST_CASE(what_does_not_bind_cuts_nothing) {
  Counting counting(Quota::bytes_per_day, 10, Meter::Binding::no);
  Playbook play;
  get(play, counting);
  play.happens(play.response(200, BodyFraming::chunked))
      .gives({"SendResponseHead 200 chunked keep-alive"});
  play.happens(call::ResponseBodyReceived{"twelve bytes"}).gives({"SendResponseBody twelve bytes"});
  BOOST_TEST(counting.used() == 12U);
}

BOOST_AUTO_TEST_CASE(messages_count) {
  Counting counting(Quota::bytes_per_day, 30);
  Playbook play;
  play.happens(play.websocket_request()).gives({"AskGate GET http://api.test:80 /"});
  play.happens(counting.admits(play)).gives({"Connect"});
  play.happens(call::UpstreamOpened{});
  const auto key = std::get<call::SendRequestHead>(play.actions().front())
                       .head.fields.joined("sec-websocket-key");
  play.gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(play.websocket_answer(key)).gives({"SendResponseHead 101 none keep-alive"});
  const std::string frame = "\x81\x14" + std::string(20, 'x');
  play.happens(call::ResponseBodyReceived{frame}).gives({"SendResponseBody " + frame});
  BOOST_TEST(counting.used() == 22U);
  play.happens(call::ResponseBodyReceived{frame});
  BOOST_CHECK(counting.ending.outcome->reason == model::Reason::volume_limit_reached);
  play.gives({"SendResponseBody \x88\x16\x03\xf0volume_limit_reached", "AbandonUpstream",
              "AbortDownstream", "Finished"});
}

BOOST_AUTO_TEST_CASE(tokens_are_read_in_what_a_coded_stream_says) {
  for (const bool redacts : {true, false}) {
    for (const char* coding : {"", "gzip", "br"}) {
      Counting counting(Quota::tokens_per_day, 1'000);
      counting.redacts = redacts;
      Playbook play;
      get(play, counting);
      const std::string name(coding);
      const wire::Codings codings = name.empty()   ? wire::Codings{}
                                    : name == "br" ? wire::Codings{wire::Coding::br}
                                                   : wire::Codings{wire::Coding::gzip};
      const std::string body = name.empty() ? kEvents : test::encoded(codings, kEvents);
      auto head =
          play.response(200, BodyFraming::chunked, 0, {{"Content-Type", "text/event-stream"}});
      if (!name.empty()) head.head.fields.add("Content-Encoding", name);
      play.happens(std::move(head)).gives({"SendResponseHead 200 chunked keep-alive"});
      std::string sent;
      const auto add_sent = [&] {
        for (const auto& action : play.actions()) {
          if (const auto* some = std::get_if<call::SendResponseBody>(&action)) sent += some->bytes;
        }
      };
      for (const char& c : body) {
        play.happens(call::ResponseBodyReceived{std::string_view(&c, 1)});
        add_sent();
        play.gives_anything();
      }
      play.happens(call::ResponseEnded{});
      add_sent();
      play.gives_anything();
      BOOST_TEST(counting.used() == 40U, coding);
      if (!redacts) BOOST_TEST((sent == body), coding); // it passes as it came
    }
  }
}

BOOST_AUTO_TEST_CASE(tokens_of_a_call_that_was_cut_count) {
  Counting counting(Quota::tokens_per_day, 1'000);
  Playbook play;
  get(play, counting);
  play.happens(play.response(200, BodyFraming::chunked, 0, {{"Content-Type", "text/event-stream"}}))
      .gives({"SendResponseHead 200 chunked keep-alive"});
  play.happens(call::ResponseBodyReceived{std::string_view(kEvents).substr(0, 90)});
  play.gives_anything();
  play.happens(call::DownstreamClosed{}).gives({"AbandonUpstream", "AbortDownstream", "Finished"});
  BOOST_TEST(counting.used() == 26U);
}

// Without redaction nothing else reads the body; where limits bind it must be readable.
BOOST_AUTO_TEST_CASE(an_answer_whose_tokens_cannot_be_counted_does_not_pass) {
  using Binding = Meter::Binding;
  for (const Binding binding : {Binding::yes, Binding::no}) {
    Counting counting(Quota::tokens_per_day, 1'000, binding);
    counting.redacts = false;
    Playbook play;
    get(play, counting);
    play.happens(play.response(200, BodyFraming::chunked, 0, {{"Content-Encoding", "unheard-of"}}));
    const bool passed = header(play.actions(), "content-encoding") == "unheard-of";
    BOOST_TEST(passed == (binding == Binding::no));
    play.gives_anything();
  }
  for (const Binding binding : {Binding::yes, Binding::no}) {
    Counting counting(Quota::tokens_per_day, 1'000, binding);
    counting.redacts = false;
    Playbook play;
    get(play, counting);
    play.happens(play.response(200, BodyFraming::chunked, 0, {{"Content-Encoding", "gzip"}}));
    play.gives_anything();
    play.happens(call::ResponseBodyReceived{"this is no gzip"});
    if (binding == Binding::no) {
      play.gives({"SendResponseBody this is no gzip"});
      continue;
    }
    play.gives({"AbandonUpstream", "AbortDownstream", "Finished"});
    BOOST_CHECK(counting.ending.outcome->reason == model::Reason::upstream_protocol_error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
