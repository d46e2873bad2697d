// What decision points answer: only a clear yes is one, whatever else comes.
#include "proxy/call/point_answer.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using Kind = model::DecisionPoint::Kind;
using Words = std::vector<std::string>;

Result<call::PointVerdict> read(Kind kind, std::string_view body, int status = 200) {
  return call::read_verdict(kind, status, {}, body);
}

// "yes", "no" or what is wrong.
std::string said(Kind kind, std::string_view body, int status = 200) {
  const auto got = read(kind, body, status);
  if (!got) return got.error().detail;
  return got.value().allowed ? "yes" : "no";
}

BOOST_AUTO_TEST_SUITE(point_answer)

BOOST_AUTO_TEST_CASE(opa_says_yes_in_two_ways) {
  BOOST_TEST(said(Kind::opa, R"({"result": true})") == "yes");
  BOOST_TEST(said(Kind::opa, R"({"result": false, "decision_id": "x", "metrics": {}})") == "no");
  BOOST_TEST(said(Kind::opa, R"({"result": {"allow": false, "redact": ["pii"]}})") == "no");
  const auto all = read(Kind::opa, R"({"result": {"allow": true, "redact": ["secrets", "pii",
      "pii"], "reason": "because\u0007", "other": 1}})");
  BOOST_TEST_REQUIRE(all.has_value());
  BOOST_TEST(all.value().allowed);
  BOOST_TEST(all.value().redact == (Words{"pii", "secrets"}), boost::test_tools::per_element());
  BOOST_TEST(all.value().reason == "because\\x07");
}

BOOST_AUTO_TEST_CASE(authzen_says_yes_in_one) {
  BOOST_TEST(said(Kind::authzen, R"({"decision": true})") == "yes");
  BOOST_TEST(said(Kind::authzen, R"({"decision": false, "context": {"reason": "x"}})") == "no");
  BOOST_TEST(said(Kind::authzen, R"({"decision": true, "context": {"reason": {"en": 1}}})") ==
             "yes");
  const auto all = read(Kind::authzen, R"({"decision": true, "context": {"redact": ["pii"]}})");
  BOOST_TEST_REQUIRE(all.has_value());
  BOOST_TEST(all.value().redact == Words{"pii"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_check_says_yes_by_200_alone) {
  for (const int status : {201, 204, 302, 400, 401, 403, 404, 429})
    BOOST_TEST(said(Kind::ext_authz_http, "true", status) == "no", status);
  BOOST_TEST(said(Kind::ext_authz_http, "whatever", 200) == "yes");
  BOOST_TEST(said(Kind::ext_authz_http, "", 500) == "it answered 500");
  BOOST_TEST(said(Kind::ext_authz_http, "", 503) == "it answered 503");
  wire::Fields fields;
  fields.add("X-Sluice-Redact", "secrets , pii");
  const auto all = call::read_verdict(Kind::ext_authz_http, 200, fields, "");
  BOOST_TEST_REQUIRE(all.has_value());
  BOOST_TEST(all.value().redact == (Words{"pii", "secrets"}), boost::test_tools::per_element());
  fields.add("x-sluice-redact", "none");
  BOOST_TEST(!call::read_verdict(Kind::ext_authz_http, 200, fields, "").has_value());
}

BOOST_AUTO_TEST_CASE(everything_else_is_no_answer) {
  for (const std::string_view body : {"",
                                      "true",
                                      "[]",
                                      "null",
                                      "yes",
                                      "<html>",
                                      R"({})",
                                      R"({"Result": true})",
                                      R"({"result": "true"})",
                                      R"({"result": 1})",
                                      R"({"result": null})",
                                      R"({"result": []})",
                                      R"({"result": [true]})",
                                      R"({"result": {}})",
                                      R"({"result": {"allow": null}})",
                                      R"({"result": {"allow": "true"}})",
                                      R"({"result": {"allow": {"allow": true}}})",
                                      R"({"result": {"allow": true, "redact": null}})",
                                      R"({"result": {"allow": true, "redact": {}}})",
                                      R"({"result": {"allow": true, "redact": [1]}})",
                                      R"({"result": {"allow": true, "redact": ["PII"]}})",
                                      R"({"result": {"allow": true, "redact": [""]}})",
                                      R"({"result": {"allow": true, "reason": 5}})",
                                      R"({"result": true, "result": true})",
                                      R"({"decision": true})"}) {
    BOOST_TEST(!read(Kind::opa, body).has_value(), body);
  }
  for (const std::string_view body :
       {"", "true", R"({"result": true})", R"({"decision": "true"})", R"({"decision": 1})",
        R"({"decision": null})", R"({"decision": {}})", R"({"decision": true, "context": []})",
        R"({"decision": true, "context": null})",
        R"({"decision": true, "context": {"redact": "pii"}})",
        R"({"decision": false, "decision": true})"}) {
    BOOST_TEST(!read(Kind::authzen, body).has_value(), body);
  }
  for (const int status : {100, 201, 204, 206, 301, 400, 500})
    BOOST_TEST(!read(Kind::opa, R"({"result": true})", status).has_value(), status);
}

// A no that is damaged never becomes a yes unless it then says so, letter for letter.
BOOST_AUTO_TEST_CASE(no_damage_makes_a_yes_of_a_no) {
  const std::string no = R"({"result": {"allow": false, "redact": ["pii"], "reason": "true"}})";
  const std::string no_authzen = R"({"decision": false, "context": {"reason": "true"}})";
  std::mt19937 random(7);
  for (int round = 0; round < 40'000; ++round) {
    const bool opa = round % 2 == 0;
    std::string body = opa ? no : no_authzen;
    for (int edits = 1 + static_cast<int>(random() % 3); edits > 0 && !body.empty(); --edits) {
      const std::size_t at = random() % body.size();
      switch (random() % 3) {
      case 0: body[at] = static_cast<char>(random()); break;
      case 1: body.erase(at, random() % 4); break;
      default: body.insert(at, 1, "{}[]\",:true"[random() % 11]); break;
      }
    }
    BOOST_TEST_REQUIRE(said(opa ? Kind::opa : Kind::authzen, body) != "yes", body);
  }
}

BOOST_AUTO_TEST_CASE(its_words_are_few) {
  const auto got = read(Kind::opa, R"({"result": {"allow": false, "reason": ")" +
                                       std::string(5000, 'x') + "\"}}");
  BOOST_TEST(got.value().reason.size() == 200U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
