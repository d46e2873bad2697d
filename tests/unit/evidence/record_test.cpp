#include "policy/evidence/record.hpp"

#include "policy/evidence/canonical.hpp"
#include "policy/evidence/payload.hpp"
#include "policy/evidence/writer.hpp"
#include "policy/redact/redactor.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <nlohmann/json.hpp>

namespace sluice::evidence {
namespace {

using nlohmann::json;

constexpr std::string_view kSecret = "hunter2-correct-horse-battery";
const RunIdentity kWho{"run-7", "session-8", "agent-9"};
const std::string kDigest = "sha256:" + std::string(64, 'a');

std::shared_ptr<const redact::RuleSet> rules_with_secret() {
  redact::RuleSetConfig config;
  config.known.push_back({"planted", Secret(std::string(kSecret)), false});
  auto rules = redact::RuleSet::build(config);
  BOOST_REQUIRE(rules.has_value());
  return rules.value();
}

model::EgressCall a_call() {
  model::EgressCall call;
  call.call_id = "01CALL";
  call.listener = "agents";
  call.protocol = model::Protocol::http;
  call.to = {model::Scheme::https, model::Host::parse("api.example.com").value(), 443};
  call.method = "GET";
  call.path = "/v1/items";
  call.query_keys = {"page", "q"};
  call.sni = "api.example.com";
  return call;
}

json parsed(const Record& record) {
  BOOST_REQUIRE_MESSAGE(is_canonical(record.payload), record.payload);
  return json::parse(record.payload);
}

// As hostile as a string may get: six times as long once it is escaped.
std::string hostile(std::size_t size) {
  return std::string(size, '<');
}

} // namespace

BOOST_AUTO_TEST_SUITE(record)

BOOST_AUTO_TEST_CASE(a_refusal_says_everything_about_itself) {
  const model::EgressCall call = a_call();
  const model::Decision decision = model::Decision::refuse(model::Reason::address_metadata);
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &decision;
  facts.policy_digest = kDigest;
  facts.engine = "compiled";
  facts.mode = "enforce";
  facts.address = "169.254.169.254";
  facts.address_class = "metadata";
  facts.detail = "resolved to a metadata address";
  facts.latency_engine_ns = 1200;
  facts.latency_gate_ns = 3400;
  const Record record = decision_record(kWho, facts, nullptr);
  BOOST_TEST(record.event_type == "policy_denied");
  const json expected = {
      {"agent_id", "agent-9"},
      {"call_id", "01CALL"},
      {"decision", to_string(model::Verdict::block)},
      {"decision_id", "01CALL"},
      {"destination",
       {{"address", "169.254.169.254"},
        {"address_class", "metadata"},
        {"host", "api.example.com"},
        {"port", 443},
        {"scheme", "https"},
        {"sni", "api.example.com"}}},
      {"destination_text", "api.example.com:443"},
      {"detail", "resolved to a metadata address"},
      {"engine", "compiled"},
      {"http_status", 403},
      {"latency_ns", {{"engine", 1200}, {"gate", 3400}}},
      {"listener", "agents"},
      {"method", "GET"},
      {"mode", "enforce"},
      {"obligations",
       {{"byte_limit", nullptr},
        {"private_addresses", false},
        {"redact", json::array()},
        {"request_body_limit", nullptr},
        {"tls", to_string(model::TlsMode::intercept)}}},
      {"path", "/v1/items"},
      {"policy_digest", kDigest},
      {"protocol", to_string(model::Protocol::http)},
      {"query_keys", {"page", "q"}},
      {"reason", model::row(model::Reason::address_metadata).title},
      {"reason_code", "address_metadata"},
      {"reported", json::array()},
      {"reported_count", 0},
      {"rule_id", "guard.address.metadata"},
      {"rule_name", ""},
      {"run_id", "run-7"},
      {"session_id", "session-8"},
      {"severity", "critical"},
      {"would", ""},
  };
  BOOST_TEST(parsed(record) == expected);
}

BOOST_AUTO_TEST_CASE(calls_between_sidecars_say_who_and_for_which) {
  model::EgressCall call = a_call();
  const model::Decision decision;
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &decision;
  const auto keys = {"hops", "parent_call_id", "peer", "upstream_peer"};
  const json before = parsed(decision_record(kWho, facts, nullptr));
  for (const char* key : keys) BOOST_TEST(!before.contains(key), key);
  call.chain = {"spiffe://a/caller", "spiffe://a/responder", "01PARENT", 3};
  const json after = parsed(decision_record(kWho, facts, nullptr));
  BOOST_TEST(after["peer"] == "spiffe://a/caller");
  BOOST_TEST(after["upstream_peer"] == "spiffe://a/responder");
  BOOST_TEST(after["parent_call_id"] == "01PARENT");
  BOOST_TEST(after["hops"] == 3);
  call.chain = {"spiffe://a/caller", "", "", 0};
  BOOST_TEST(parsed(decision_record(kWho, facts, nullptr))["hops"] == 0); // the first of its chain

  OutcomeFacts end;
  end.call = &call;
  BOOST_TEST(!parsed(outcome_record(kWho, end, nullptr)).contains("upstream_peer"));
  end.upstream_peer = "spiffe://a/responder";
  BOOST_TEST(parsed(outcome_record(kWho, end, nullptr))["upstream_peer"] == "spiffe://a/responder");
}

BOOST_AUTO_TEST_CASE(the_event_type_follows_the_verdict) {
  const model::EgressCall call = a_call();
  model::Decision decision;
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &decision;
  BOOST_TEST(decision_record(kWho, facts, nullptr).event_type == "policy_denied"); // default denies
  decision.verdict = model::Verdict::require_approval;
  BOOST_TEST(decision_record(kWho, facts, nullptr).event_type == "approval_required");
  decision.verdict = model::Verdict::allow;
  decision.reason = model::Reason::none;
  decision.rule_id = "egress[2]";
  decision.explanation = "the search API";
  decision.obligations.redact = {"secrets"};
  decision.obligations.request_body_limit = 1U << 20;
  model::RuleQuotas quotas{"name:llm", "egress[2]", "llm", {}};
  quotas.limits = {60, 600, 6'000, 1U << 30, 2'000'000};
  decision.obligations.quotas.push_back(std::make_shared<const model::RuleQuotas>(quotas));
  decision.reported = {{"egress[3]", model::Verdict::block}};
  const Record record = decision_record(kWho, facts, nullptr);
  BOOST_TEST(record.event_type == "egress_allowed");
  const json payload = parsed(record);
  BOOST_TEST(!payload.contains("http_status"));
  BOOST_TEST(payload["reason"] == "the search API");
  BOOST_TEST(payload["reason_code"] == "none");
  BOOST_TEST(payload["obligations"]["redact"] == json({"secrets"}));
  BOOST_TEST(payload["obligations"]["request_body_limit"] == 1U << 20);
  BOOST_TEST(payload["obligations"]["limits"] == json::parse(R"([{"rule_id": "egress[2]",
      "requests_per_minute": 60, "requests_per_hour": 600, "requests_per_day": 6000,
      "bytes_per_day": 1073741824, "tokens_per_day": 2000000}])"));
  BOOST_TEST(payload["reported"][0]["rule_id"] == "egress[3]");
}

BOOST_AUTO_TEST_CASE(who_was_asked_is_on_record_with_the_answer) {
  const model::EgressCall call = a_call();
  model::Decision decision;
  model::DecisionPoint point;
  point.where = model::parse_service_url("https://pdp.test/v1/data/x").value();
  point.rule_id = "egress[2]";
  decision.obligations.ask.push_back(std::make_shared<const model::DecisionPoint>(point));
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &decision;
  BOOST_TEST(!parsed(decision_record(kWho, facts, nullptr)).contains("asked"));
  facts.asked = {"egress[2] opa no"};
  const json payload = parsed(decision_record(kWho, facts, nullptr));
  BOOST_TEST(payload["asked"] == json({"egress[2] opa no"}));
  BOOST_TEST(payload["obligations"]["ask"] == json({"egress[2] opa https://pdp.test/v1/data/x"}));
}

BOOST_AUTO_TEST_CASE(raw_tcp_has_no_method_path_or_query) {
  model::EgressCall call;
  call.call_id = "01TCP";
  call.listener = "captured";
  call.protocol = model::Protocol::tcp;
  call.to = {model::Scheme::tcp, model::Host::parse("db.internal").value(), 5432};
  model::Decision decision;
  decision.verdict = model::Verdict::allow;
  decision.reason = model::Reason::none;
  decision.rule_id = "tcp[0]";
  decision.rule_name = "warehouse";
  decision.obligations.redact = {"secrets"};
  decision.obligations.private_addresses = true;
  decision.obligations.byte_limit = 10U << 20;
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &decision;
  facts.policy_digest = kDigest;
  facts.mode = "enforce";
  facts.address = "10.0.0.7";
  facts.address_class = "private";
  const Record record = decision_record(kWho, facts, nullptr);
  BOOST_TEST(record.event_type == "egress_allowed");
  const json expected = {
      {"agent_id", "agent-9"},
      {"call_id", "01TCP"},
      {"decision", "allow"},
      {"decision_id", "01TCP"},
      {"destination",
       {{"address", "10.0.0.7"},
        {"address_class", "private"},
        {"host", "db.internal"},
        {"port", 5432},
        {"scheme", "tcp"},
        {"sni", ""}}},
      {"destination_text", "db.internal:5432"},
      {"detail", ""},
      {"engine", "none"},
      {"latency_ns", {{"engine", 0}, {"gate", 0}}},
      {"listener", "captured"},
      {"mode", "enforce"},
      {"obligations",
       {{"byte_limit", 10U << 20},
        {"private_addresses", true},
        {"redact", {"secrets"}},
        {"request_body_limit", nullptr},
        {"tls", "intercept"}}},
      {"policy_digest", kDigest},
      {"protocol", "tcp"},
      {"reason", model::row(model::Reason::none).title},
      {"reason_code", "none"},
      {"reported", json::array()},
      {"reported_count", 0},
      {"rule_id", "tcp[0]"},
      {"rule_name", "warehouse"},
      {"run_id", "run-7"},
      {"session_id", "session-8"},
      {"severity", "medium"},
      {"would", ""},
  };
  BOOST_TEST(parsed(record) == expected);
}

BOOST_AUTO_TEST_CASE(a_refused_tcp_connection_has_a_record) {
  model::EgressCall call = a_call();
  call.protocol = model::Protocol::tcp;
  call.to.scheme = model::Scheme::tcp;
  const model::Decision decision = model::Decision::refuse(model::Reason::byte_limit_reached);
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &decision;
  const Record record = decision_record(kWho, facts, nullptr);
  BOOST_TEST(record.event_type == "policy_denied");
  const json payload = parsed(record);
  BOOST_TEST(payload["rule_id"] == "limit.bytes");
  BOOST_TEST(payload["reason_code"] == "byte_limit_reached");
  BOOST_TEST(payload["http_status"] == 0);
  BOOST_TEST(payload["obligations"]["byte_limit"].is_null());
  for (const auto* key : {"method", "path", "query_keys"}) BOOST_TEST(!payload.contains(key), key);
}

BOOST_AUTO_TEST_CASE(what_observe_let_pass_is_recorded_as_passed) {
  const model::EgressCall call = a_call();
  model::Decision decision;
  decision.reason = model::Reason::rule_block;
  decision.rule_id = "egress[1]";
  DecisionFacts facts;
  facts.call = &call;
  facts.decision = &decision;
  facts.mode = "observe";
  facts.would = "block";
  const Record record = decision_record(kWho, facts, nullptr);
  BOOST_TEST(record.event_type == "egress_allowed");
  const json payload = parsed(record);
  BOOST_TEST(payload["decision"] == "allow");
  BOOST_TEST(payload["would"] == "block");
  BOOST_TEST(payload["rule_id"] == "egress[1]");
  BOOST_TEST(payload["reason_code"] == "rule_block");
  BOOST_TEST(!payload.contains("http_status"));
}

BOOST_AUTO_TEST_CASE(bytes_that_never_became_a_call_have_a_decision_too) {
  const model::Decision decision = model::Decision::refuse(model::Reason::framing_invalid);
  DecisionFacts facts;
  facts.call_id = "01BYTES";
  facts.listener = "agents";
  facts.decision = &decision;
  const json payload = parsed(decision_record(kWho, facts, nullptr));
  BOOST_TEST(payload["destination"].is_null());
  BOOST_TEST(payload["call_id"] == "01BYTES");
  BOOST_TEST(payload["listener"] == "agents");
  BOOST_TEST(payload["http_status"] == 400);
  BOOST_TEST(!payload.contains("path"));
}

BOOST_AUTO_TEST_CASE(an_outcome_says_how_it_ended) {
  const model::EgressCall call = a_call();
  OutcomeFacts facts;
  facts.call = &call;
  BOOST_TEST(outcome_record(kWho, facts, nullptr).event_type ==
             "egress_error"); // zero value failed
  facts.status = OutcomeStatus::interrupted;
  BOOST_TEST(outcome_record(kWho, facts, nullptr).event_type == "egress_error");
  facts.status = OutcomeStatus::blocked;
  BOOST_TEST(outcome_record(kWho, facts, nullptr).event_type == "egress_outcome");
  facts.status = OutcomeStatus::succeeded;
  facts.http_status = 200;
  facts.bytes_to_upstream = std::uint64_t{1} << 60; // beyond 2^53: held at the largest
  facts.bytes_to_downstream = 42;
  facts.address = "93.184.216.34:443";
  facts.tls_version = "TLSv1.3";
  facts.request_body_hmac = std::string(64, 'b');
  facts.decision_hash = std::string(64, 'c');
  facts.duration_ns = 5;
  facts.first_byte_ns = 4;
  LocatedFindings found{"request", "body", {}};
  found.findings.add("secret:planted", "0123456789abcdef");
  found.findings.add("secret:planted", "0123456789abcdef");
  facts.findings.push_back(found);
  const Record record = outcome_record(kWho, facts, nullptr);
  BOOST_TEST(record.event_type == "egress_outcome");
  const json payload = parsed(record);
  BOOST_TEST(payload["status"] == "succeeded");
  BOOST_TEST(payload["http_status"] == 200);
  BOOST_TEST(payload["bytes_to_upstream"] == kMaxJsonInteger);
  BOOST_TEST(payload["bytes_to_downstream"] == 42);
  BOOST_TEST(payload["body_hmac"] == json({{"request", std::string(64, 'b')}}));
  BOOST_TEST(payload["decision_hash"] == std::string(64, 'c'));
  BOOST_TEST(payload["decision_id"] == "01CALL");
  BOOST_TEST(payload["findings"][0]["count"] == 2);
  BOOST_TEST(payload["findings_total"] == 2);
  BOOST_TEST(payload["run_id"] == "run-7");
}

BOOST_AUTO_TEST_CASE(only_a_websocket_counts_messages) {
  model::EgressCall call = a_call();
  OutcomeFacts facts;
  facts.call = &call;
  facts.messages_to_upstream = 3;
  facts.messages_to_downstream = 4;
  BOOST_TEST(!parsed(outcome_record(kWho, facts, nullptr)).contains("messages_to_upstream"));
  call.protocol = model::Protocol::websocket;
  const json payload = parsed(outcome_record(kWho, facts, nullptr));
  BOOST_TEST(payload["protocol"] == "websocket");
  BOOST_TEST(payload["messages_to_upstream"] == 3);
  BOOST_TEST(payload["messages_to_downstream"] == 4);
}

BOOST_AUTO_TEST_CASE(identity_cannot_be_planted_in_an_event) {
  const Record record = event_record(kWho, "run_start",
                                     {{"zeta", "1"},
                                      {"run_id", "somebody-else"},
                                      {"alpha", "2"},
                                      {"alpha", "3"},
                                      {"bad key\"", "x"},
                                      {"Capital", "x"}},
                                     nullptr);
  const json expected = {{"Capital", "x"},  {"agent_id", "agent-9"}, {"alpha", "2"},
                         {"bad_key_", "x"}, {"run_id", "run-7"},     {"session_id", "session-8"},
                         {"zeta", "1"}};
  BOOST_TEST(parsed(record) == expected);
}

BOOST_AUTO_TEST_CASE(no_field_lets_a_secret_into_the_log) {
  const auto rules = rules_with_secret();
  const std::string secret(kSecret);
  model::EgressCall call = a_call();
  call.path = "/v1/" + secret + "/x";
  call.query_keys = {secret};
  call.method = secret;
  call.listener = secret;
  call.call_id = secret;
  call.sni = secret;
  call.to.host = model::Host::parse(secret + ".example.com").value();
  model::Decision decision;
  decision.rule_id = secret;
  decision.rule_name = secret;
  decision.explanation = "because " + secret;
  decision.obligations.redact = {secret};
  decision.reported = {{secret, model::Verdict::block}};
  const DecisionFacts facts{&call,  "",     "",     &decision,          secret, "none", secret,
                            secret, secret, secret, "x" + secret + "y", 0,      0};
  const RunIdentity who{secret, secret, secret};
  BOOST_TEST(decision_record(who, facts, rules).payload.find(secret) == std::string::npos);

  OutcomeFacts outcome;
  outcome.call = &call;
  outcome.detail = outcome.address = outcome.tls_version = secret;
  outcome.request_body_hmac = outcome.request_body_hmac_sent = secret;
  outcome.response_body_hmac = outcome.response_body_hmac_sent = outcome.decision_hash = secret;
  LocatedFindings found{secret, secret, {}};
  found.findings.add(secret, secret);
  outcome.findings.push_back(found);
  BOOST_TEST(outcome_record(who, outcome, rules).payload.find(secret) == std::string::npos);

  // At every place around the cut: a secret is masked before it can lose its end.
  for (std::size_t before = kMaxLongText - secret.size() - 2; before < kMaxLongText + 2; ++before) {
    const Record record =
        event_record(who, "run_failed", {{"detail", std::string(before, 'x') + secret}}, rules);
    if (record.payload.find("hunter2") != std::string::npos) BOOST_ERROR("leaks at " << before);
  }
}

BOOST_AUTO_TEST_CASE(digests_survive_redaction_and_nothing_else_does) {
  const auto rules = rules_with_secret();
  Payload payload(rules);
  payload.digest("a", kDigest)
      .digest("b", std::string(64, '0'))
      .digest("c", "hmac-sha256:" + std::string(64, '0'))
      .digest("d", "")
      .digest("e", "sha256:" + std::string(kSecret))
      .digest("f", std::string(kSecret) + ":" + std::string(64, '0'));
  const json out = json::parse(payload.take());
  BOOST_TEST(out["a"] == kDigest);
  BOOST_TEST(out["b"] == std::string(64, '0'));
  BOOST_TEST(out["c"] == "hmac-sha256:" + std::string(64, '0'));
  BOOST_TEST(out["d"] == "");
  BOOST_TEST(out.dump().find(kSecret) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(text_is_what_every_reader_renders_alike) {
  const auto cleaned = [](std::string_view text) {
    Payload payload(nullptr);
    return payload.text("k", text).take();
  };
  BOOST_TEST(cleaned("a\nb\tc") == R"({"k":"a\nb\tc"})");
  BOOST_TEST(cleaned(std::string("a\0\b\x1b[31m\x7f", 9)) ==
             "{\"k\":\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD[31m\xEF\xBF\xBD\"}");
  BOOST_TEST(cleaned("\xff\xC3\xBC") == "{\"k\":\"\xEF\xBF\xBD\xC3\xBC\"}");
}

BOOST_AUTO_TEST_CASE(long_text_is_cut_between_characters_and_says_so) {
  const auto cut = [](std::string_view text) {
    Payload payload(nullptr);
    return json::parse(payload.text("k", text, 10).take())["k"].get<std::string>();
  };
  BOOST_TEST(cut("0123456789") == "0123456789");
  BOOST_TEST(cut("0123456789a") == "0123456789[+1 bytes]");
  BOOST_TEST(cut("012345678\xC3\xBC") == "012345678[+2 bytes]");
  BOOST_TEST(cut("0123456\xF0\x9F\x98\x80z") == "0123456[+5 bytes]");
}

BOOST_AUTO_TEST_CASE(the_worst_facts_still_fit) {
  const std::string text = hostile(20'000);
  const std::vector<std::string> many(100, text);
  model::EgressCall call = a_call();
  call.call_id = call.listener = call.method = call.path = call.sni = text;
  call.query_keys = many;
  model::Decision decision;
  decision.rule_id = decision.rule_name = decision.explanation = text;
  decision.obligations.redact = many;
  decision.reported.assign(1000, {text, model::Verdict::block});
  const DecisionFacts facts{&call, "",   "",   &decision, text, "compiled", text,
                            text,  text, text, text,      1,    1};
  const RunIdentity who{text, text, text};
  const Record record = decision_record(who, facts, nullptr);
  BOOST_TEST(record.payload.size() < kMaxRecordBytes - 4096);
  BOOST_TEST(parsed(record)["reported_count"] == 1000);

  OutcomeFacts outcome;
  outcome.call = &call;
  outcome.detail = outcome.address = outcome.tls_version = text;
  outcome.request_body_hmac = outcome.request_body_hmac_sent = text;
  outcome.response_body_hmac = outcome.response_body_hmac_sent = outcome.decision_hash = text;
  LocatedFindings found{text, text, {}};
  for (int i = 0; i < 200; ++i)
    found.findings.add(std::to_string(i) + hostile(1000), hostile(1000));
  outcome.findings.assign(3, found);
  const Record end = outcome_record(who, outcome, nullptr);
  BOOST_TEST(end.payload.size() < kMaxRecordBytes - 4096);
  BOOST_TEST(parsed(end)["findings"].size() == kMaxListItems);
  BOOST_TEST(parsed(end)["findings_total"] == 600);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
