#include "policy/redact/redactor.hpp"

#include "policy/base/bytes.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace sluice;
using redact::Redactor;

const std::string kSecret = "p\"ss/w+rd <&> 42!";

std::shared_ptr<const redact::RuleSet> rules(const std::string& key = {}) {
  redact::RuleSetConfig config;
  config.known.push_back({"db", Secret(kSecret), false});
  config.fingerprint_key = key;
  return redact::RuleSet::build(config).value();
}

// Whole, byte by byte and cut at random must give the same; that is returned.
redact::Redacted redact_all_ways(const std::shared_ptr<const redact::RuleSet>& with,
                                 std::string_view text) {
  const auto whole = redact::redact_whole(with, text);
  std::mt19937 random(7);
  for (const std::size_t largest : {1, 2, 5, 40}) {
    Redactor redactor(with);
    std::string out;
    for (auto rest = text; !rest.empty();) {
      const auto piece = rest.substr(0, 1 + random() % largest);
      redactor.feed(piece, out);
      BOOST_TEST(redactor.held() <= with->max_hold());
      rest.remove_prefix(piece.size());
    }
    redactor.finish(out);
    BOOST_TEST(out == whole.text);
    BOOST_TEST((redactor.findings() == whole.findings));
  }
  return whole;
}

std::string body(std::size_t count) {
  return std::string(count, 'a');
}

} // namespace

BOOST_AUTO_TEST_SUITE(redactor)

BOOST_AUTO_TEST_CASE(masks_each_token_format_and_not_one_that_is_too_short) {
  struct Sample {
    const char* rule;
    std::string token;
    std::size_t least; // the token without its last byte is no token
  };
  const std::string digits36 = "0123456789abcdefghijABCDEFGHIJ012345";
  const Sample samples[] = {{"aws-access-key-id",
                             "AKIA"
                             "ABCDEFGH12345678",
                             20},
                            {"github-token", "ghp_" + digits36, 40},
                            {"gitlab-token", "glpat-" + body(20), 26},
                            {"anthropic-key", "sk-ant-" + body(32), 39},
                            {"google-api-key", "AIza" + body(35), 39},
                            {"slack-token", "xoxb-" + body(20), 25},
                            {"stripe-key", "sk_live_" + body(20), 28},
                            {"npm-token", "npm_" + digits36, 40},
                            {"huggingface-token", "hf_" + body(34), 37},
                            {"sendgrid-key", "SG." + body(22) + "." + body(43), 69},
                            {"jwt", "eyJ" + body(10) + ".eyJ" + body(10), 27},
                            {"twilio-key", "SK0" + body(31), 34},
                            {"digitalocean-token", "dop_v1_" + body(64), 71}};
  for (const auto& sample : samples) {
    BOOST_TEST(sample.token.size() == sample.least, sample.rule);
    const auto found = redact_all_ways(rules(), "{\"k\":\"" + sample.token + "\"}");
    BOOST_TEST(found.text.find(sample.token) == std::string::npos, sample.rule);
    BOOST_TEST_REQUIRE(!found.findings.empty(), sample.rule);
    const auto shorter = "{\"k\":\"" + sample.token.substr(0, sample.least - 1) + "\"}";
    BOOST_TEST(redact_all_ways(rules(), shorter).text == shorter, sample.rule);
  }
}

BOOST_AUTO_TEST_CASE(leaves_no_tail_of_overlapping_or_long_matches) {
  const auto two = redact_all_ways(rules(), "sk-ant-" + body(32) + "-ghp_" + body(50) + " end");
  BOOST_TEST(two.text.ends_with(" end"));
  BOOST_TEST(two.text.find("aaaa") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(sees_a_token_behind_a_json_escape) {
  const auto found = redact_all_ways(rules(), "\"key\\nhf_" + body(34) + "\"");
  BOOST_TEST(found.text == "\"key\\n[REDACTED:huggingface-token]\"");
}

BOOST_AUTO_TEST_CASE(swallows_a_private_key_without_holding_it) {
  const std::string head = "-----BEGIN "
                           "RSA PRIVATE KEY-----\n";
  const auto with = rules();
  Redactor redactor(with);
  std::string out;
  redactor.feed(head + std::string(8000, 'M'), out);
  BOOST_TEST(redactor.held() < 16U);
  redactor.feed("\n-----END RSA PRIVATE KEY-----\nafter", out);
  redactor.finish(out);
  BOOST_TEST(out == "[REDACTED:private-key]\nafter");
}

BOOST_AUTO_TEST_CASE(masks_a_known_secret_in_base64_at_every_alignment) {
  for (std::size_t before = 0; before < 3; ++before) {
    const auto text = to_base64(std::string(before, 'x') + kSecret + "tail");
    const auto found = redact_all_ways(rules("key"), text);
    BOOST_TEST(found.text.find("[REDACTED:secret:db]") != std::string::npos);
    BOOST_TEST(found.findings.all().front().fingerprint ==
               redact_all_ways(rules("key"), kSecret).findings.all().front().fingerprint);
  }
}

BOOST_AUTO_TEST_CASE(masks_a_known_secret_in_text_encodings) {
  for (const std::string form :
       {"p\\\"ss/w+rd <&> 42!", "p%22ss%2Fw%2Brd%20%3C%26%3E%2042%21",
        "p%22ss%2fw%2brd%20%3c%26%3e%2042%21", "p&quot;ss/w+rd &lt;&amp;&gt; 42!"}) {
    BOOST_TEST(redact_all_ways(rules(), "a=" + form + ";").text == "a=[REDACTED:secret:db];");
  }
  BOOST_TEST(redact_all_ways(rules(), to_hex(kSecret)).text == "[REDACTED:secret:db]");
}

BOOST_AUTO_TEST_CASE(holds_nothing_after_clean_events) {
  const auto with = rules();
  Redactor redactor(with);
  std::string out;
  std::size_t held = 0;
  for (int i = 0; i < 1000; ++i) {
    redactor.feed("data: {\"delta\":\"word " + std::to_string(i) + "\"}\n\n", out);
    if (redactor.held() != 0) ++held;
  }
  BOOST_TEST(held <= 10U);
}

BOOST_AUTO_TEST_CASE(build_refuses_what_cannot_be_looked_for) {
  const auto code = [](std::string id, std::string value, std::string placeholder) {
    redact::RuleSetConfig config;
    config.known.push_back({std::move(id), Secret(std::move(value)), false});
    config.placeholder = std::move(placeholder);
    const auto built = redact::RuleSet::build(config);
    return built ? std::string() : built.error().code;
  };
  BOOST_TEST(code("a", "12345", "#") == "secret_too_short");
  BOOST_TEST(code("a", "123456", "#") == "");
  BOOST_TEST(code("a", "", "#") != "");
  BOOST_TEST(code("a", "123456", "<123456>") != "");
  BOOST_TEST(code("a", "123456", "a\r\nb") != "");
}

BOOST_AUTO_TEST_SUITE_END()
