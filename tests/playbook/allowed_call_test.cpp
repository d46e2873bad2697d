// Calls that are admitted: what goes out, in which order, and how they end.
#include "tests/support/playbook.hpp"

#include <tuple>

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

const std::string kKey = std::string("AKIA") + "IOSFODNN7EXAMPLQ";

template <class T> const T& only(const call::Actions& actions) {
  for (const auto& action : actions) {
    if (const auto* found = std::get_if<T>(&action)) return *found;
  }
  throw std::logic_error("no such action");
}

} // namespace

BOOST_AUTO_TEST_SUITE(allowed_call)

BOOST_AUTO_TEST_CASE(get_and_keep_alive) {
  Playbook play;
  play.runs_until_answer_due();
  play.happens(play.response(200, BodyFraming::length, 5))
      .gives({}); // held until its length is certain
  play.happens(call::ResponseBodyReceived{"hello"}).gives({});
  play.happens(call::ResponseEnded{})
      .gives({"SendResponseHead 200 length=5 keep-alive", "SendResponseBody hello",
              "SendResponseEnd", "ReleaseUpstream", "Finished"});
  BOOST_TEST(play.ending().closings == 1);
  BOOST_CHECK(play.ending().outcome->status == evidence::OutcomeStatus::succeeded);
  BOOST_TEST(play.ending().outcome->http_status == 200);
  BOOST_TEST(play.ending().outcome->bytes_to_downstream == 5);
}

BOOST_AUTO_TEST_CASE(nothing_for_the_upstream_before_a_permit) {
  Playbook play;
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, 3))
      .gives({"AskGate POST http://api.test:80 /"});
  BOOST_TEST(!play.machine().wants(call::Side::downstream)); // the body is not even read
  play.happens(play.admitted()).gives({"Connect"});
  BOOST_TEST(!play.machine().wants(call::Side::downstream));
}

BOOST_AUTO_TEST_CASE(request_body_is_redacted_and_its_length_corrected) {
  Playbook play;
  const std::string body = "key " + kKey + " end";
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, body.size()))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{std::string_view(body).substr(0, 10)}).gives({});
  play.happens(call::RequestBodyReceived{std::string_view(body).substr(10)}).gives({});
  play.happens(call::RequestEnded{});
  const auto& sent = only<call::SendRequestBody>(play.actions()).bytes;
  BOOST_TEST(sent.find(kKey) == std::string::npos);
  BOOST_TEST(sent.find("REDACTED") != std::string::npos);
  BOOST_TEST(only<call::SendRequestHead>(play.actions()).head.content_length == sent.size());
  play.gives({"SendRequestHead POST / length=" + std::to_string(sent.size()),
              "SendRequestBody " + sent, "SendRequestEnd"});
}

BOOST_AUTO_TEST_CASE(chunked_body_streams_through) {
  Playbook play;
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead POST / chunked"});
  play.happens(call::RequestBodyReceived{"one "}).gives({"SendRequestBody one "});
  play.happens(call::RequestBodyReceived{"two "}).gives({"SendRequestBody two "});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
}

BOOST_AUTO_TEST_CASE(long_declared_body_goes_out_chunked) {
  auto context = Playbook::forward_context();
  context.whole_body_bytes = 4;
  Playbook play(std::move(context));
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, 5))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead POST / chunked"});
}

// A short body can become a long one; then holding it is not worth the memory.
BOOST_AUTO_TEST_CASE(held_body_that_outgrows_its_limit_goes_out_chunked) {
  auto context = Playbook::forward_context();
  context.whole_body_bytes = 64;
  redact::RuleSetConfig rules;
  rules.known.push_back({"one", Secret("secret"), false});
  rules.placeholder = std::string(100, '#');
  context.redaction.everywhere = redact::RuleSet::build(rules).value();
  std::string body, masked;
  for (int i = 0; i < 8; ++i) {
    body += "secret ";
    masked += rules.placeholder + " ";
  }
  Playbook play(std::move(context));
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, body.size()))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{body})
      .gives({"SendRequestHead POST / chunked", "SendRequestBody " + masked});
  play.happens(call::RequestBodyReceived{"."}).gives({"SendRequestBody ."});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(play.response(200, BodyFraming::length, body.size())).gives({});
  play.happens(call::ResponseBodyReceived{body})
      .gives({"SendResponseHead 200 chunked keep-alive", "SendResponseBody " + masked});
  play.happens(call::ResponseBodyReceived{"."}).gives({"SendResponseBody ."});
  play.happens(call::ResponseEnded{}).gives({"SendResponseEnd", "ReleaseUpstream", "Finished"});
  BOOST_TEST(play.ending().outcome->bytes_to_upstream == masked.size() + 1);
  BOOST_TEST(play.ending().outcome->bytes_to_downstream == masked.size() + 1);
}

// Digests go when the bytes are others, and only then: an upstream may insist on them.
BOOST_AUTO_TEST_CASE(digests_of_a_rewritten_request_are_dropped) {
  for (const auto& [coding, body, kept] :
       {std::tuple{"", "clean", 1U}, {"", kKey.c_str(), 0U}, {"identity", "clean", 1U}}) {
    Playbook play;
    play.happens(play.request("POST", "http://api.test/",
                              {{"Content-MD5", "x"}, {"Content-Encoding", coding}},
                              BodyFraming::length, std::string_view(body).size()))
        .gives({"AskGate POST http://api.test:80 /"});
    play.happens(play.admitted()).gives({"Connect"});
    play.happens(call::UpstreamOpened{}).gives({});
    play.happens(call::RequestBodyReceived{body}).gives({});
    call::RequestEnded end;
    end.trailers.add("Repr-Digest", "x");
    play.happens(std::move(end));
    BOOST_TEST(only<call::SendRequestHead>(play.actions()).head.fields.count("content-md5") ==
               kept);
    BOOST_TEST(only<call::SendRequestEnd>(play.actions()).trailers.count("repr-digest") == kept);
    play.gives(
        {test::render(play.actions()[0]), test::render(play.actions()[1]), "SendRequestEnd"});
  }
  Playbook play; // coded: always encoded anew
  play.happens(play.request("POST", "http://api.test/",
                            {{"Content-Digest", "x"}, {"Content-Encoding", "br"}},
                            BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead POST / chunked"});
  BOOST_TEST(only<call::SendRequestHead>(play.actions()).head.fields.count("content-digest") == 0U);
}

BOOST_AUTO_TEST_CASE(expect_continue_is_answered_once_admitted) {
  Playbook play;
  auto head =
      play.request("POST", "http://api.test/", {{"Expect", "100-continue"}}, BodyFraming::chunked);
  head.head.expects_continue = true;
  play.happens(std::move(head)).gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{})
      .gives({"SendResponseHead 100 none keep-alive", "SendRequestHead POST / chunked"});
  BOOST_TEST(only<call::SendRequestHead>(play.actions()).head.fields.count("expect") == 0);
}

BOOST_AUTO_TEST_CASE(head_and_no_content_have_no_body) {
  Playbook play;
  play.happens(play.request("HEAD", "http://api.test/"))
      .gives({"AskGate HEAD http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead HEAD / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(play.response(200, BodyFraming::none, 0, {{"Content-Length", "1234"}}))
      .gives({"SendResponseHead 200 length=1234 keep-alive"});
  play.happens(call::ResponseEnded{}).gives({"SendResponseEnd", "ReleaseUpstream", "Finished"});

  Playbook coded; // the body of a GET would be encoded anew, and be of another length
  coded.happens(coded.request("HEAD", "http://api.test/"))
      .gives({"AskGate HEAD http://api.test:80 /"});
  coded.happens(coded.admitted()).gives({"Connect"});
  coded.happens(call::UpstreamOpened{}).gives({"SendRequestHead HEAD / none"});
  coded.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  coded
      .happens(coded.response(200, BodyFraming::none, 0,
                              {{"Content-Length", "1234"}, {"Content-Encoding", "gzip"}}))
      .gives({"SendResponseHead 200 none keep-alive"});

  Playbook empty;
  empty.runs_until_answer_due();
  empty.happens(empty.response(204, BodyFraming::none))
      .gives({"SendResponseHead 204 none keep-alive"});
  empty.happens(call::ResponseEnded{}).gives({"SendResponseEnd", "ReleaseUpstream", "Finished"});
}

BOOST_AUTO_TEST_CASE(body_until_close_becomes_chunked) {
  Playbook play;
  play.runs_until_answer_due();
  play.happens(play.response(200, BodyFraming::until_close))
      .gives({"SendResponseHead 200 chunked keep-alive"});
  play.happens(call::ResponseBodyReceived{"data "}).gives({"SendResponseBody data "});
  play.happens(call::ResponseEnded{}).gives({"SendResponseEnd", "AbandonUpstream", "Finished"});
}

BOOST_AUTO_TEST_CASE(http10_agent_gets_no_chunks) {
  Playbook play;
  auto head = play.request("GET", "http://api.test/");
  head.head.version = wire::Version::http10;
  head.head.keep_alive = false;
  play.happens(std::move(head)).gives({"AskGate GET http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(play.response(200, BodyFraming::chunked))
      .gives({"SendResponseHead 200 until_close close"});
  play.happens(call::ResponseBodyReceived{"data "}).gives({"SendResponseBody data "});
  play.happens(call::ResponseEnded{})
      .gives({"SendResponseEnd", "ReleaseUpstream", "CloseDownstream", "Finished"});
}

BOOST_AUTO_TEST_CASE(interim_answers_are_dropped) {
  Playbook play;
  play.runs_until_answer_due();
  play.happens(play.response(100, BodyFraming::none)).gives({});
  play.happens(play.response(103, BodyFraming::none)).gives({});
  play.happens(play.response(200, BodyFraming::chunked))
      .gives({"SendResponseHead 200 chunked keep-alive"});
}

BOOST_AUTO_TEST_CASE(dead_pooled_connection_is_retried_once_when_safe) {
  Playbook play;
  play.happens(play.request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{call::ConnectionAge::reused, "", ""})
      .gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(call::UpstreamClosed{}).gives({"AbandonUpstream", "Connect fresh"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none", "SendRequestEnd"});
  play.happens(call::UpstreamClosed{})
      .gives({"AbandonUpstream",
              "SendResponseHead 502 length=" +
                  std::to_string(only<call::SendResponseHead>(play.actions()).head.content_length) +
                  " keep-alive",
              "SendResponseBody (problem)", "SendResponseEnd", "Finished"});
  BOOST_TEST(play.ending().closings == 1);
}

BOOST_AUTO_TEST_CASE(post_on_a_dead_pooled_connection_is_not_repeated) {
  Playbook play;
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{call::ConnectionAge::reused, "", ""})
      .gives({"SendRequestHead POST / chunked"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  play.happens(call::UpstreamClosed{});
  BOOST_TEST(only<call::SendResponseHead>(play.actions()).head.status == 502);
  play.gives({"AbandonUpstream", test::render(play.actions()[1]), "SendResponseBody (problem)",
              "SendResponseEnd", "Finished"});
}

BOOST_AUTO_TEST_CASE(a_cut_before_the_answer_is_told_and_after_it_begun_is_a_broken_one) {
  Playbook before;
  before.runs_until_answer_due();
  before.happens(call::Cut{model::Reason::killed});
  BOOST_TEST(only<call::SendResponseHead>(before.actions()).head.status == 503);
  before.gives({"AbandonUpstream", test::render(before.actions()[1]), "SendResponseBody (problem)",
                "SendResponseEnd", "Finished"});
  BOOST_TEST(before.ending().closings == 1);

  Playbook after;
  after.runs_until_answer_due();
  after.happens(after.response(200, BodyFraming::chunked))
      .gives({"SendResponseHead 200 chunked keep-alive"});
  after.happens(call::Cut{model::Reason::policy_changed})
      .gives({"AbandonUpstream", "AbortDownstream", "Finished"});
  BOOST_TEST(after.ending().closings == 1);
}

BOOST_AUTO_TEST_SUITE_END()
