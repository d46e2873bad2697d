// Calls that are given a login: what the upstream gets, and what the agent never sees.
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "tests/support/playbook.hpp"

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;

namespace {

constexpr std::string_view kValue = "login-of-the-operator-42";

std::shared_ptr<const call::CredentialSet> credentials() {
  std::vector<call::CredentialValue> all(2);
  all[0].what.source.id = "key";
  all[0].what.place = "authorization";
  all[0].what.format = "Bearer {value}";
  all[0].value = Secret(std::string(kValue));
  all[1] = all[0];
  all[1].what.source.id = "other";
  return std::make_shared<call::CredentialSet>(std::move(all));
}

call::CallContext knowing_the_value() {
  auto context = Playbook::forward_context();
  redact::RuleSetConfig rules;
  rules.known.push_back({"key", Secret(std::string(kValue)), false});
  context.redaction.everywhere = redact::RuleSet::build(rules).value();
  context.redaction.credentials = redact::RuleSet::build(rules.for_credentials()).value();
  return context;
}

call::Admitted admitted(Playbook& play, std::vector<std::string> ids, test::Ending& ending) {
  model::EgressCall asked;
  for (const auto& action : play.actions()) {
    if (const auto* ask = std::get_if<call::AskGate>(&action)) asked = ask->call;
  }
  auto facts = test::permit_facts(asked);
  facts.decision.obligations.credentials = std::move(ids);
  facts.credentials = credentials();
  return call::Admitted{test::permit_for_test(std::move(facts), ending)};
}

const wire::RequestHead* sent(const Playbook& play) {
  for (const auto& action : play.actions()) {
    if (const auto* head = std::get_if<call::SendRequestHead>(&action)) return &head->head;
  }
  return nullptr;
}

// Nothing goes upstream, and the agent is told.
void is_refused(Playbook& play, call::Admitted admitted) {
  play.happens(std::move(admitted));
  BOOST_TEST_REQUIRE(play.actions().size() == 3U);
  const auto* head = std::get_if<call::SendResponseHead>(&play.actions().front());
  BOOST_TEST_REQUIRE(head != nullptr);
  BOOST_TEST(head->head.status == 403);
  const auto* body = std::get_if<call::SendResponseBody>(&play.actions()[1]);
  BOOST_TEST_REQUIRE(body != nullptr);
  BOOST_TEST(body->bytes.find("credential_refused") != std::string::npos, body->bytes);
  play.gives({"SendResponseHead 403 " + test::framing_text(head->head) + " keep-alive",
              "SendResponseBody (problem)", "SendResponseEnd"});
}

} // namespace

BOOST_AUTO_TEST_SUITE(credentials_of_a_call)

BOOST_AUTO_TEST_CASE(the_placeholder_becomes_the_login_and_an_echo_is_masked) {
  Playbook play(knowing_the_value());
  test::Ending ending;
  play.happens(play.request("GET", "http://api.test/",
                            {{"Authorization", "Bearer sluice:credential:key"},
                             {"Connection", "authorization, keep-alive"}}))
      .gives({"AskGate GET http://api.test:80 /"});
  play.happens(admitted(play, {"key"}, ending)).gives({"Connect"});
  play.happens(call::UpstreamOpened{});
  BOOST_TEST_REQUIRE(sent(play) != nullptr);
  BOOST_TEST(sent(play)->fields.joined("authorization") == "Bearer " + std::string(kValue));
  play.gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  const std::string body = "you sent " + std::string(kValue);
  play.happens(play.response(200, BodyFraming::length, body.size())).gives({});
  play.happens(call::ResponseBodyReceived{body}).gives({});
  play.happens(call::ResponseEnded{})
      .gives({"SendResponseHead 200 length=30 keep-alive",
              "SendResponseBody you sent [REDACTED:secret:key]", "SendResponseEnd",
              "ReleaseUpstream", "Finished"});
  BOOST_TEST_REQUIRE(ending.outcome.has_value());
  BOOST_TEST(ending.outcome->credentials == std::vector<std::string>{"key"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_placeholder_that_is_not_bound_goes_nowhere) {
  const std::pair<std::string, wire::Field> rows[] = {
      {"http://api.test/", {"x-other", "sluice:credential:key"}},
      {"http://api.test/?key=sluice:credential:key", {"x-other", "a"}}};
  for (const auto& [url, field] : rows) {
    for (const auto& ids : {std::vector<std::string>{}, {"key"}}) {
      Playbook play(knowing_the_value());
      test::Ending ending;
      play.happens(play.request("GET", url, {field})).gives({"AskGate GET http://api.test:80 /"});
      is_refused(play, admitted(play, ids, ending));
      BOOST_TEST(!ending.outcome->detail.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(two_for_one_place_end_the_call) {
  Playbook play(knowing_the_value());
  test::Ending ending;
  play.happens(play.request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80 /"});
  is_refused(play, admitted(play, {"key", "other"}, ending));
  BOOST_TEST(ending.outcome->detail == "two rules put different credentials into authorization");
}

BOOST_AUTO_TEST_CASE(without_a_login_what_the_agent_sends_is_its_own) {
  test::Ending ending; // outlives the permit, which the playbook still has when it ends
  Playbook play(knowing_the_value());
  play.happens(play.request("GET", "http://api.test/", {{"Authorization", "Bearer own"}}))
      .gives({"AskGate GET http://api.test:80 /"});
  play.happens(admitted(play, {}, ending)).gives({"Connect"});
  play.happens(call::UpstreamOpened{});
  BOOST_TEST_REQUIRE(sent(play) != nullptr);
  BOOST_TEST(sent(play)->fields.joined("authorization") == "Bearer own");
  play.gives({"SendRequestHead GET / none"});
}

// ---- what is signed ----------------------------------------------------------------------------

namespace {

constexpr std::int64_t kNow = 1'440'938'160'000'000'000; // 2015-08-30T12:36:00Z

call::Admitted admitted_to_sign(Playbook& play, std::string service, test::Ending& ending) {
  std::vector<call::CredentialValue> all(1);
  all[0].what.source.id = "aws";
  all[0].what.type = model::Credential::Type::aws_sigv4;
  all[0].what.service = std::move(service);
  all[0].what.region = "us-east-1";
  all[0].access_key = Secret("AKIDEXAMPLE");
  all[0].value = Secret(std::string(kValue));
  auto facts = test::permit_facts(play.asked());
  facts.decision.obligations.credentials = {"aws"};
  facts.credentials = std::make_shared<call::CredentialSet>(std::move(all));
  return call::Admitted{test::permit_for_test(std::move(facts), ending)};
}

call::CallContext small_context() {
  auto out = knowing_the_value();
  out.whole_body_bytes = 16;
  return out;
}

void begin(Playbook& play, std::string service, test::Ending& ending, BodyFraming framing,
           std::uint64_t length, std::vector<wire::Field> fields = {}) {
  play.happens(play.request("PUT", "http://api.test/k", std::move(fields), framing, length))
      .gives({"AskGate PUT http://api.test:80 /k"});
  play.happens(admitted_to_sign(play, std::move(service), ending));
}

std::string digest_said(const Playbook& play) {
  BOOST_TEST_REQUIRE(sent(play) != nullptr);
  const auto& fields = sent(play)->fields;
  BOOST_TEST(fields.joined("authorization").find("/20150830/us-east-1/") != std::string::npos);
  BOOST_TEST(fields.joined("x-amz-date") == "20150830T123600Z");
  return fields.joined("x-amz-content-sha256");
}

std::string digest_of(std::string_view body) {
  return to_hex(sha256(body));
}

call::UpstreamOpened opened_now() {
  call::UpstreamOpened out;
  out.unix_nanos = kNow;
  return out;
}

void is_too_long(Playbook& play) {
  BOOST_TEST(sent(play) == nullptr);
  bool told = false;
  for (const auto& action : play.actions()) {
    if (const auto* body = std::get_if<call::SendResponseBody>(&action))
      told = body->bytes.find("body_too_large") != std::string::npos;
  }
  BOOST_TEST(told);
  play.gives_anything();
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_signed_is_what_was_redacted) {
  for (const auto framing : {BodyFraming::length, BodyFraming::chunked}) {
    test::Ending ending;
    Playbook play(knowing_the_value());
    const std::string body = "my key is " + std::string(kValue);
    begin(play, "lambda", ending, framing, body.size(),
          {{"Content-MD5", "x"}, {"X-Amz-Checksum-Crc32", "x"}});
    play.gives({"Connect"});
    play.happens(opened_now()).gives({});
    play.happens(call::RequestBodyReceived{body}).gives({});
    play.happens(call::RequestEnded{{}, kNow});
    BOOST_TEST(digest_said(play) == digest_of("my key is [REDACTED:secret:key]"));
    BOOST_TEST(sent(play)->fields.count("content-md5") == 0U);
    BOOST_TEST(sent(play)->fields.count("x-amz-checksum-crc32") == 0U);
    play.gives({"SendRequestHead PUT /k length=31",
                "SendRequestBody my key is [REDACTED:secret:key]", "SendRequestEnd"});
  }
}

BOOST_AUTO_TEST_CASE(no_body_is_signed_as_none_and_again_when_it_is_repeated) {
  test::Ending ending;
  Playbook play(knowing_the_value());
  play.happens(play.request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80 /"});
  play.happens(admitted_to_sign(play, "s3", ending)).gives({"Connect"});
  auto opened = opened_now();
  opened.age = call::ConnectionAge::reused;
  play.happens(opened);
  BOOST_TEST(digest_said(play) == digest_of(""));
  play.gives({"SendRequestHead GET / none"});
  play.happens(call::RequestEnded{{}, kNow}).gives({"SendRequestEnd"});
  play.happens(call::UpstreamClosed{}).gives({"AbandonUpstream", "Connect fresh"});
  opened.unix_nanos += 60'000'000'000;
  play.happens(opened);
  BOOST_TEST_REQUIRE(sent(play) != nullptr);
  BOOST_TEST(sent(play)->fields.joined("x-amz-date") == "20150830T123700Z");
  BOOST_TEST(sent(play)->fields.count("authorization") == 1U);
  play.gives({"SendRequestHead GET / none", "SendRequestEnd"});
}

BOOST_AUTO_TEST_CASE(a_long_body_goes_to_s3_unsigned) {
  for (const auto framing : {BodyFraming::length, BodyFraming::chunked}) {
    test::Ending ending;
    Playbook play(small_context());
    begin(play, "s3", ending, framing, 20);
    play.gives({"Connect"});
    play.happens(opened_now());
    if (framing == BodyFraming::length) {
      BOOST_TEST(digest_said(play) == "UNSIGNED-PAYLOAD");
      play.gives({"SendRequestHead PUT /k chunked"});
      play.happens(call::RequestBodyReceived{"0123456789."}).gives_anything();
      continue;
    }
    play.gives({});
    play.happens(call::RequestBodyReceived{"0123456789."}).gives({});
    play.happens(call::RequestBodyReceived{"0123456789."});
    BOOST_TEST(digest_said(play) == "UNSIGNED-PAYLOAD");
    play.gives_anything();
  }
}

BOOST_AUTO_TEST_CASE(a_long_body_goes_nowhere_else) {
  test::Ending ending;
  Playbook declared(small_context());
  begin(declared, "lambda", ending, BodyFraming::length, 17);
  is_too_long(declared);
  BOOST_TEST(ending.outcome->detail ==
             "the service takes only a body that is signed, and it is longer than "
             "limits.whole_body");
  test::Ending of_unknown;
  Playbook unknown(small_context());
  begin(unknown, "lambda", of_unknown, BodyFraming::chunked, 0);
  unknown.gives({"Connect"});
  unknown.happens(opened_now()).gives({});
  unknown.happens(call::RequestBodyReceived{"0123456789."}).gives({});
  unknown.happens(call::RequestBodyReceived{"0123456789."});
  is_too_long(unknown);
  BOOST_TEST(of_unknown.outcome->credentials.empty());
}

BOOST_AUTO_TEST_CASE(chunks_of_aws_are_refused) {
  test::Ending ending;
  Playbook play(knowing_the_value());
  play.happens(play.request("PUT", "http://api.test/k", {{"Content-Encoding", "aws-chunked"}},
                            BodyFraming::length, 5))
      .gives({"AskGate PUT http://api.test:80 /k"});
  play.happens(admitted_to_sign(play, "s3", ending));
  BOOST_TEST(sent(play) == nullptr);
  BOOST_TEST((ending.outcome->reason == model::Reason::credential_refused));
  BOOST_TEST(ending.outcome->detail.find("when_required") != std::string::npos);
  play.gives_anything();
}

BOOST_AUTO_TEST_CASE(trailers_stay_behind_the_body_that_is_signed) {
  test::Ending ending;
  Playbook play(knowing_the_value());
  begin(play, "s3", ending, BodyFraming::chunked, 0);
  play.gives({"Connect"});
  play.happens(opened_now()).gives({});
  play.happens(call::RequestBodyReceived{"hello"}).gives({});
  wire::Fields trailers;
  trailers.add("x-note", "a");
  trailers.add("x-amz-security-token", "mine");
  play.happens(call::RequestEnded{trailers, kNow});
  BOOST_TEST(digest_said(play) == digest_of("hello"));
  const auto& end = std::get<call::SendRequestEnd>(play.actions().back());
  BOOST_TEST(end.trailers.all().size() == 1U);
  play.gives({"SendRequestHead PUT /k chunked", "SendRequestBody hello", "SendRequestEnd"});
}

BOOST_AUTO_TEST_SUITE_END()
