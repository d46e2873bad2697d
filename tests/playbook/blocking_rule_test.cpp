// A redaction rule whose action is `block`: before the first byte, while a body leaves, and in the
// answer; and one that only reports.
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

using Lines = Playbook::Lines;

call::CallContext context_with(redact::Action action) {
  static const auto built = [] {
    std::array<call::HeadRedaction, 3> all;
    redact::RuleText text;
    text.id = "code-name";
    text.pattern = "falcon-[a-z]{2,}";
    for (std::size_t i = 0; i < all.size(); ++i) {
      redact::RuleSetConfig rules;
      rules.token_formats = false;
      rules.rules.push_back({text.id, redact::compile_rule(text).value(),
                             static_cast<redact::Action>(i), redact::UserRule().places});
      all[i].everywhere = redact::RuleSet::build(rules).value();
      all[i].credentials = redact::RuleSet::build(rules.for_credentials()).value();
    }
    return all;
  }();
  auto context = Playbook::forward_context();
  context.redaction = built[static_cast<std::size_t>(action)];
  return context;
}

const Lines kProblem = {"AbandonUpstream", "SendResponseHead 403", "SendResponseBody (problem)",
                        "SendResponseEnd"};

// The head of the problem is written with its length, which does not matter here.
void gives_problem(Playbook& play, std::string_view last) {
  Lines got;
  for (const auto& action : play.actions()) got.push_back(test::render(action));
  BOOST_TEST_REQUIRE(got.size() >= kProblem.size());
  for (std::size_t i = 0; i < kProblem.size(); ++i) BOOST_TEST(got[i].starts_with(kProblem[i]));
  BOOST_TEST(got.back() == last);
  for (const auto& line : got) BOOST_TEST(!line.starts_with("SendRequest"), line);
  play.gives(got);
  const auto& outcome = *play.ending().outcome;
  BOOST_CHECK(outcome.status == evidence::OutcomeStatus::blocked);
  BOOST_CHECK(outcome.reason == model::Reason::secret_blocked);
  BOOST_TEST(outcome.detail == "the redaction rule code-name");
  BOOST_TEST_REQUIRE(outcome.findings.size() == 1U);
  BOOST_TEST(outcome.findings[0].findings.total() == 1U);
  BOOST_TEST(call::blocked_by(outcome.findings) == "code-name");
}

} // namespace

BOOST_AUTO_TEST_SUITE(blocking_rule)

BOOST_AUTO_TEST_CASE(a_field_or_a_url_blocks_before_anything_is_sent) {
  for (const auto& [target, value] :
       {std::pair{"http://api.test/", "falcon-nine"}, {"http://api.test/?q=falcon-nine", "x"}}) {
    Playbook play(context_with(redact::Action::block));
    play.happens(play.request("GET", target, {{"X-Note", value}}));
    play.gives({test::render(play.actions().at(0))});
    play.happens(play.admitted()).gives({"Connect"});
    play.happens(call::UpstreamOpened{});
    gives_problem(play, test::render(play.actions().back()));
  }
}

BOOST_AUTO_TEST_CASE(a_held_body_blocks_before_anything_is_sent) {
  Playbook play(context_with(redact::Action::block));
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::length, 20))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{"about fal"}).gives({});
  play.happens(call::RequestBodyReceived{"con-heavy n"});
  gives_problem(play, test::render(play.actions().back()));
}

// What went out before does not hold it: the call ends before the first byte that matched.
BOOST_AUTO_TEST_CASE(a_body_on_its_way_is_cut) {
  Playbook play(context_with(redact::Action::block));
  play.happens(play.request("POST", "http://api.test/", {}, BodyFraming::chunked))
      .gives({"AskGate POST http://api.test:80 /"});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({"SendRequestHead POST / chunked"});
  play.happens(call::RequestBodyReceived{"about falcon"}).gives({"SendRequestBody about "});
  play.happens(call::RequestBodyReceived{"-heavy"});
  gives_problem(play, "Finished");
}

BOOST_AUTO_TEST_CASE(an_answer_that_has_begun_is_cut) {
  Playbook play(context_with(redact::Action::block));
  play.runs_until_answer_due();
  play.happens(play.response(200, BodyFraming::chunked))
      .gives({"SendResponseHead 200 chunked keep-alive"});
  play.happens(call::ResponseBodyReceived{"a falcon-"}).gives({"SendResponseBody a "});
  play.happens(call::ResponseBodyReceived{"nine"})
      .gives({"AbandonUpstream", "AbortDownstream", "Finished"});
  BOOST_CHECK(play.ending().outcome->status == evidence::OutcomeStatus::blocked);
  BOOST_TEST(play.ending().closings == 1);
}

BOOST_AUTO_TEST_CASE(what_is_reported_passes_as_it_is) {
  Playbook play(context_with(redact::Action::report));
  play.happens(play.request("POST", "http://api.test/?q=falcon-nine", {{"Content-MD5", "x"}},
                            BodyFraming::length, 11));
  play.gives({test::render(play.actions().at(0))});
  play.happens(play.admitted()).gives({"Connect"});
  play.happens(call::UpstreamOpened{}).gives({});
  play.happens(call::RequestBodyReceived{"falcon-nine"}).gives({});
  play.happens(call::RequestEnded{})
      .gives({"SendRequestHead POST /?q=falcon-nine length=11", "SendRequestBody falcon-nine",
              "SendRequestEnd"});
  play.happens(play.response(204, BodyFraming::none));
  play.gives({test::render(play.actions().at(0))});
  play.happens(call::ResponseEnded{});
  Lines got;
  for (const auto& action : play.actions()) got.push_back(test::render(action));
  play.gives(got);
  std::uint64_t told = 0;
  for (const auto& place : play.ending().outcome->findings) told += place.findings.total();
  BOOST_TEST(told == 2U); // the URL, and the body
}

// Pieces of a known secret: two calls of a run, each with less than half of it.
BOOST_AUTO_TEST_CASE(a_secret_that_leaves_in_pieces_is_noticed) {
  const std::string value = "q7Wm2xZt9LbV4nRk8sYd3fGh6jPc1aEu";
  redact::RuleSetConfig rules;
  rules.known.push_back({"key", Secret(value), false});
  auto context = Playbook::forward_context();
  context.redaction.everywhere = redact::RuleSet::build(rules).value();
  context.redaction.credentials = redact::RuleSet::build(rules.for_credentials()).value();
  context.redaction.drip = std::make_shared<redact::DripWatch>(rules.known);

  Playbook first(context);
  first.happens(first.request("GET", "http://api.test/?part=" + value.substr(0, 10)));
  first.gives({test::render(first.actions().at(0))});
  first.happens(first.admitted()).gives({"Connect"});
  first.happens(call::UpstreamOpened{});
  BOOST_TEST(test::render(first.actions().at(0)).starts_with("SendRequestHead"));
  first.gives({test::render(first.actions().at(0))});

  Playbook second(context);
  second.happens(second.request("POST", "http://api.test/", {}, BodyFraming::chunked));
  second.gives({test::render(second.actions().at(0))});
  second.happens(second.admitted()).gives({"Connect"});
  second.happens(call::UpstreamOpened{});
  second.gives({test::render(second.actions().at(0))});
  second.happens(call::RequestBodyReceived{"{\"part\":\"" + value.substr(10, 4)});
  second.gives({test::render(second.actions().at(0))});
  second.happens(call::RequestBodyReceived{value.substr(14, 8) + "\"}"});
  Lines got;
  for (const auto& action : second.actions()) got.push_back(test::render(action));
  for (const auto& line : got) BOOST_TEST(!line.starts_with("SendRequest"), line);
  second.gives(got);
  const auto& outcome = *second.ending().outcome;
  BOOST_CHECK(outcome.reason == model::Reason::secret_blocked);
  BOOST_TEST(outcome.detail == "half of secret:key has left in pieces");
}

BOOST_AUTO_TEST_SUITE_END()
