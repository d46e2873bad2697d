// Which bytes of a call its digests are of: those received, and those that were sent on in their
// place. What was refused or held back was not sent.
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

const std::string kKey = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kMasked = "AKIA[REDACTED:aws-access-key-id]";

std::string hmac(std::string_view text) {
  return to_hex(hmac_sha256("key", text));
}

call::CallContext context() {
  auto out = Playbook::forward_context();
  out.digest_key = std::make_shared<const std::string>("key");
  return out;
}

// What it gives is the matter of other playbooks; here only what of the body goes upstream.
std::string step(Playbook& play, call::Event event) {
  play.happens(std::move(event));
  Playbook::Lines all;
  std::string sent;
  for (const auto& action : play.actions()) {
    all.push_back(test::render(action));
    if (const auto* body = std::get_if<call::SendRequestBody>(&action)) sent += body->bytes;
  }
  play.gives(all);
  return sent;
}

void run_until_upstream(Playbook& play, BodyFraming framing, std::size_t length) {
  step(play, play.request("POST", "http://api.test/", {}, framing, length));
  step(play, play.admitted());
  step(play, call::UpstreamOpened{});
}

void answer(Playbook& play, BodyFraming framing, const std::string& body) {
  step(play, play.response(200, framing, framing == BodyFraming::length ? body.size() : 0));
  if (!body.empty()) step(play, call::ResponseBodyReceived{body});
  step(play, call::ResponseEnded{});
}

} // namespace

BOOST_AUTO_TEST_SUITE(body_digests)

BOOST_AUTO_TEST_CASE(held_or_streamed_cut_or_whole) {
  const std::string asked = "my key " + kKey + ".", said = "the answer";
  for (const auto framing : {BodyFraming::length, BodyFraming::chunked}) {
    for (const std::size_t cut : {std::size_t{1}, std::size_t{12}, asked.size()}) {
      Playbook play(context());
      run_until_upstream(play, framing, asked.size());
      const std::string_view all = asked;
      step(play, call::RequestBodyReceived{all.substr(0, cut)});
      if (cut < all.size()) step(play, call::RequestBodyReceived{all.substr(cut)});
      step(play, call::RequestEnded{});
      answer(play, framing, said);
      const auto& outcome = *play.ending().outcome;
      BOOST_TEST(outcome.request_body.before == hmac(asked));
      BOOST_TEST(outcome.request_body.after == hmac("my key " + kMasked + "."));
      BOOST_TEST(outcome.response_body.before == hmac(said));
      BOOST_TEST(outcome.response_body.after == hmac(said));
    }
  }
}

BOOST_AUTO_TEST_CASE(without_a_body_there_is_none) {
  Playbook play(context());
  play.runs_until_answer_due();
  step(play, play.response(204, BodyFraming::none));
  step(play, call::ResponseEnded{});
  const auto& outcome = *play.ending().outcome;
  BOOST_TEST(outcome.request_body.before + outcome.request_body.after == "");
  BOOST_TEST(outcome.response_body.before + outcome.response_body.after == "");
}

BOOST_AUTO_TEST_CASE(what_was_not_redacted_is_digested_too) {
  auto bare = context();
  bare.redaction = {};
  Playbook play(bare);
  run_until_upstream(play, BodyFraming::length, kKey.size());
  step(play, call::RequestBodyReceived{kKey});
  step(play, call::RequestEnded{});
  answer(play, BodyFraming::length, "");
  BOOST_TEST(play.ending().outcome->request_body.before == hmac(kKey));
  BOOST_TEST(play.ending().outcome->request_body.after == hmac(kKey));
}

BOOST_AUTO_TEST_CASE(an_interrupted_call_has_those_of_what_passed) {
  Playbook play(context());
  run_until_upstream(play, BodyFraming::chunked, 0);
  std::string sent = step(play, call::RequestBodyReceived{"one "});
  const std::string half = "two " + kKey.substr(0, 12); // may go on as a key, and waits
  sent += step(play, call::RequestBodyReceived{half});
  step(play, call::DownstreamClosed{});
  BOOST_TEST(sent.starts_with("one "));
  BOOST_TEST(sent.size() < 4 + half.size());
  BOOST_TEST(play.ending().outcome->request_body.before == hmac("one " + half));
  BOOST_TEST(play.ending().outcome->request_body.after == hmac(sent));

  Playbook held(context());
  run_until_upstream(held, BodyFraming::length, 100);
  step(held, call::RequestBodyReceived{"half of it"});
  step(held, call::DownstreamClosed{});
  BOOST_TEST(held.ending().outcome->request_body.before == hmac("half of it"));
  BOOST_TEST(held.ending().outcome->request_body.after == "", "nothing was sent");
}

BOOST_AUTO_TEST_CASE(a_call_that_a_rule_stops_sent_what_came_before) {
  const std::string value = "q7Wm2xZt9LbV4nRk8sYd3fGh6jPc1aEu";
  redact::RuleSetConfig rules;
  rules.known.push_back({"key", Secret(value), false});
  auto watched = context();
  watched.redaction.everywhere = redact::RuleSet::build(rules).value();
  watched.redaction.credentials = redact::RuleSet::build(rules.for_credentials()).value();
  watched.redaction.drip = std::make_shared<redact::DripWatch>(rules.known);
  Playbook play(watched);
  run_until_upstream(play, BodyFraming::chunked, 0);
  step(play, call::RequestBodyReceived{"innocent; "});
  const std::string half = value.substr(0, 18) + ";";
  step(play, call::RequestBodyReceived{half});
  const auto& outcome = *play.ending().outcome;
  BOOST_CHECK(outcome.reason == model::Reason::secret_blocked);
  BOOST_TEST(outcome.request_body.before == hmac("innocent; " + half));
  BOOST_TEST(outcome.request_body.after == hmac("innocent; "));
}

BOOST_AUTO_TEST_SUITE_END()
