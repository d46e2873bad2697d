#include "policy/evidence/facts.hpp"

#include "policy/base/clock.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

namespace sluice::evidence {
namespace {

using namespace test;

std::string line_with(std::string_view payload, std::string_view time = "2026-01-02T03:04:05Z") {
  return R"({"seq":1,"prev_hash":"","record_hash":")" + std::string(64, '0') +
         R"(","timestamp":")" + std::string(time) +
         R"(","event_type":"policy_denied","deployment_mode":"local","actor":"a","payload":)" +
         std::string(payload) + "}";
}

std::string facts(std::string_view payload) {
  const std::string text = line_with(payload);
  std::size_t stopped_at = 0;
  const auto line = parse_line(text, stopped_at);
  BOOST_REQUIRE(line);
  std::vector<FoundFact> found;
  facts_of(*line, found);
  std::string out;
  for (const FoundFact& one : found) {
    out += std::string(kFactNames[static_cast<std::size_t>(one.fact)]) + "=" + one.value + " ";
  }
  return out;
}

bool in_time(std::string_view time, std::optional<std::int64_t> since,
             std::optional<std::int64_t> until) {
  const std::string text = line_with("{}", time);
  std::size_t stopped_at = 0;
  Filter filter;
  filter.since = since;
  filter.until = until;
  return Matcher(filter).matches(*parse_line(text, stopped_at));
}

} // namespace

BOOST_AUTO_TEST_SUITE(facts_of_records)

BOOST_AUTO_TEST_CASE(words_are_found_where_they_stand) {
  BOOST_TEST(facts("{}") == "type=policy_denied ");
  BOOST_TEST(facts("null") == "type=policy_denied ");
  BOOST_TEST(
      facts(R"({"agent_id":"a","call_id":"c","decision":"block",)"
            R"("destination":{"host":"h.example","port":1},"destination_text":"h.example:1",)"
            R"("rule_id":"egress[0]","rule_name":"llm","run_id":"r"})") ==
      "type=policy_denied agent=a call=c decision=block host=h.example rule=egress[0] "
      "rule=llm run=r ");
  BOOST_TEST(facts(R"({"destination_text":"[2001:db8::1]:443"})") ==
             "type=policy_denied host=2001:db8::1 ");
  BOOST_TEST(facts(R"({"name":"dns.example"})") == "type=policy_denied host=dns.example ");
}

BOOST_AUTO_TEST_CASE(what_is_no_word_is_not_found) {
  BOOST_TEST(facts(R"({"agent_id":7,"call_id":null,"decision":["block"],"run_id":""})") ==
             "type=policy_denied ");
  BOOST_TEST(facts(R"({"destination":"h","x":{"run_id":"inner"}})") == "type=policy_denied ");
  BOOST_TEST(facts(R"({"run_id":"a\"b\u003c"})") == "type=policy_denied run=a\"b< ");
}

BOOST_AUTO_TEST_CASE(a_filter_asks_for_all_of_its_words) {
  const std::string text = line_with(R"({"decision":"block","rule_id":"a","rule_name":"b"})");
  std::size_t stopped_at = 0;
  const auto line = parse_line(text, stopped_at);
  const auto matches = [&](std::string decision, std::string rule) {
    Filter filter;
    filter.wanted[static_cast<std::size_t>(Fact::decision)] = std::move(decision);
    filter.wanted[static_cast<std::size_t>(Fact::rule)] = std::move(rule);
    return Matcher(filter).matches(*line);
  };
  BOOST_TEST(matches("block", "a"));
  BOOST_TEST(matches("block", "b"));
  BOOST_TEST(matches("", ""));
  BOOST_TEST(!matches("block", "c"));
  BOOST_TEST(!matches("allow", "a"));
  BOOST_TEST(!matches("bloc", ""));
}

BOOST_AUTO_TEST_CASE(a_time_is_from_and_before) {
  BOOST_TEST(in_time("2026-01-02T03:04:05Z", kStart, std::nullopt));
  BOOST_TEST(!in_time("2026-01-02T03:04:05Z", kStart + 1, std::nullopt));
  BOOST_TEST(in_time("2026-01-02T03:04:05Z", std::nullopt, kStart + 1));
  BOOST_TEST(!in_time("2026-01-02T03:04:05Z", std::nullopt, kStart));
  BOOST_TEST(in_time("2026-01-02T05:04:05+02:00", kStart, kStart + 1));
  BOOST_TEST(in_time("yesterday", kStart, kStart + 1)); // nothing says that it was not then
}

BOOST_AUTO_TEST_CASE(times_are_read_as_they_are_written) {
  for (const std::int64_t nanos : {std::int64_t{0}, kStart, kStart + 1, kStart + 123'456'789,
                                   std::int64_t{9'000'000'000'000'000'000}}) {
    BOOST_TEST(parse_rfc3339_nanos(format_rfc3339_nanos(nanos)).value() == nanos);
  }
  for (const char* none :
       {"", "2026", "2026-01-02", "2026-01-02T03:04:05", "2026-02-30T03:04:05Z",
        "2026-01-02T24:00:00Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx",
        "2026-01-02 03:04:05Z", "1969-01-02T03:04:05Z", "2262-01-02T03:04:05Z",
        "+026-01-02T03:04:05Z", "2026-01-02T03:04:05+2:00", "2026--1-02T03:04:05Z"}) {
    BOOST_TEST(!parse_rfc3339_nanos(none).has_value(), none);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
