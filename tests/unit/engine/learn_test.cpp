#include "policy/engine/learn.hpp"

#include "tests/unit/engine/fixture.hpp"

#include <string>
#include <vector>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;

std::string learned(const std::vector<std::string>& calls, const std::string& klass = "global") {
  Learner learner;
  for (const auto& one : calls) learner.see(call(one), klass);
  return learner.policy();
}

// Without the comments before the version.
std::string rules(const std::vector<std::string>& calls) {
  const auto text = learned(calls);
  return text.substr(text.find("version: 1\n") + 11);
}

BOOST_AUTO_TEST_SUITE(learning)

BOOST_AUTO_TEST_CASE(what_was_seen_is_allowed_and_nothing_beside_it) {
  const std::vector<std::string> seen = {
      "POST https://api.test/v1/chat", "GET https://api.test/v1/models",
      "GET http://files.test:8080/a/b", "TCP db.test:5432", "CONNECT pass.test:443"};
  const BothEngines engines(policy(learned(seen)));
  for (const auto& one : seen) BOOST_TEST(engines.decide(call(one)).allowed(), one);
  for (const char* other :
       {"DELETE https://api.test/v1/chat", "GET https://api.test/v1/chat", "GET https://api.test/",
        "GET http://api.test/v1/models", "GET https://api.test:444/v1/models",
        "GET https://files.test:8080/a/b", "GET https://x.api.test/v1/models", "TCP db.test:5433",
        "TCP api.test:443", "CONNECT db.test:443"})
    BOOST_TEST(!engines.decide(call(other)).allowed(), other);
}

BOOST_AUTO_TEST_CASE(methods_with_the_same_paths_are_one_rule) {
  BOOST_TEST(
      rules({"GET https://a.test/x", "POST https://a.test/x", "PUT https://a.test/y"}) ==
      "egress:\n"
      "  - allow: {hosts: [\"a.test\"], ports: [443], schemes: [\"https\"], methods: [\"GET\", "
      "\"POST\"], paths: [\"/x\"]}\n"
      "  - allow: {hosts: [\"a.test\"], ports: [443], schemes: [\"https\"], methods: "
      "[\"PUT\"], paths: [\"/y\"]}\n");
}

BOOST_AUTO_TEST_CASE(what_is_another_thing_each_time_is_a_star) {
  const std::pair<std::string, std::string> rows[] = {
      {"/v1/files/123", "/v1/files/*"},
      {"/o/550e8400-e29b-41d4-a716-446655440000/x", "/o/*/x"},
      {"/c/deadbeef0123", "/c/*"},
      {"/c/facade", "/c/facade"},
      {"/u/run_9f8e7d6c5b4a39281706", "/u/*"},
      {"/v1beta/models/gpt-4:stream", "/v1beta/models/gpt-4:stream"},
      {"/", "/"},
  };
  for (const auto& [path, pattern] : rows)
    BOOST_TEST(rules({"GET https://a.test" + path}).find("paths: [\"" + pattern + "\"]") !=
                   std::string::npos,
               path << " gives " << rules({"GET https://a.test" + path}));
}

BOOST_AUTO_TEST_CASE(many_paths_become_their_beginnings) {
  std::vector<std::string> seen;
  for (char c = 'a'; c <= 'p'; ++c) seen.push_back(std::string("GET https://a.test/docs/") + c);
  seen.emplace_back("GET https://a.test/other");
  BOOST_TEST(rules(seen).find("paths: [\"/docs/**\", \"/other\"]") != std::string::npos,
             rules(seen));
  for (char c = 'a'; c <= 'p'; ++c) seen.push_back(std::string("GET https://a.test/") + c + "/x");
  BOOST_TEST(rules(seen).find("paths: [\"/**\"]") != std::string::npos, rules(seen));
}

BOOST_AUTO_TEST_CASE(private_addresses_are_opened_where_they_were_seen_and_metadata_nowhere) {
  const auto inside = learned({"GET https://intra.test/x"}, "private");
  BOOST_TEST(inside.find("private: true") != std::string::npos);
  BOOST_TEST(policy(inside)->egress.front().private_addresses);
  const auto metadata = learned({"GET http://169.254.169.254/latest"}, "metadata");
  BOOST_TEST(metadata.find("private: true") == std::string::npos);
  BOOST_TEST(metadata.find("# not opened: an address of the class metadata") != std::string::npos);
  BOOST_TEST(
      !BothEngines(policy(metadata)).decide(call("GET http://169.254.169.254/latest")).allowed());
}

BOOST_AUTO_TEST_CASE(what_a_record_masked_or_no_rule_can_say_still_loads) {
  Learner learner;
  auto masked = call("GET https://a.test/x");
  masked.path = "/v1/[REDACTED:aws]/\"quoted\\/y";
  learner.see(masked, "global");
  auto odd = call("GET https://a.test/x");
  odd.method = "get\"]}";
  learner.see(odd, "global");
  auto options = call("OPTIONS https://b.test/");
  options.path = "*";
  learner.see(options, "global");
  learner.see(sluice::model::EgressCall(), "global");
  const auto loaded = policy(learner.policy());
  BOOST_TEST(loaded->egress.size() == 2U);
  BOOST_TEST(learner.policy().find("1 calls with methods no rule can name") != std::string::npos);
  BOOST_TEST(policy(Learner().policy())->egress.empty());
}

BOOST_AUTO_TEST_CASE(a_tunnel_is_allowed_by_what_was_seen_inside) {
  const auto text = rules({"CONNECT a.test:443", "GET https://a.test/x"});
  BOOST_TEST(text.find("paths: [\"/x\"]") != std::string::npos);
  BOOST_TEST(text.find("allow:") == text.rfind("allow:"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
