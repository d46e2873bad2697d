// Agent cards: which addresses change, what becomes of signatures, and which cards are refused.
#include "proxy/call/agent_card.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/json.hpp"
#include "proxy/call/json_text.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using call::CardDuty;

const std::string kRoute = "amber://route/x";
const std::string kLocal = "http://127.0.0.1:20000";

struct Signed {
  std::vector<std::string> inputs;
};

std::shared_ptr<call::UrlRules> rules(CardDuty duty, Signed* to = nullptr) {
  auto table = std::make_shared<call::UrlTable>();
  BOOST_TEST(table->add(kRoute, kLocal) == "");
  auto out = std::make_shared<call::UrlRules>();
  out->response = table;
  out->cards = duty;
  if (to == nullptr) return out;
  auto signer = std::make_shared<call::CardSigner>();
  signer->key_id = "key-1";
  signer->sign = [to](std::string_view text) -> Result<std::string> {
    to->inputs.emplace_back(text);
    return std::string(64, '\xff');
  };
  out->signer = signer;
  return out;
}

// What came out, or the error's code.
std::string pass(const std::shared_ptr<const call::UrlRules>& of, const std::string& card,
                 bool is_text = true, std::uint64_t most = 1 << 20) {
  call::AgentCard one(of, most, is_text);
  std::string out;
  for (const char& c : card) {
    if (const auto fed = one.feed({&c, 1}); !fed) return fed.error().code;
  }
  if (const auto done = one.finish(out); !done) {
    BOOST_TEST(out == "");
    return done.error().code;
  }
  BOOST_TEST(one.rewrote() == (out != card));
  return out;
}

std::string base64url(std::string_view text) {
  auto out = to_base64(text);
  while (out.ends_with('=')) out.pop_back();
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

const std::string kSigned =
    "{\"name\":\"a\",\"url\":\"" + kRoute +
    "/v1\",\"big\":1.50,\"signatures\":[{\"protected\":\"e30\",\"signature\":"
    "\"AA\"}],\"z\":[]}";

} // namespace

BOOST_AUTO_TEST_SUITE(agent_card)

BOOST_AUTO_TEST_CASE(a_card_is_known_by_its_path) {
  for (const char* path : {"/.well-known/agent-card.json", "/a/b/.well-known/agent.json"})
    BOOST_TEST(call::is_card_path(path));
  for (const char* path : {"/", "", "/agent-card.json", "/.well-known/agent-card.json/",
                           "/x.well-known/agent-card.json", "/.well-known/Agent-Card.json"})
    BOOST_TEST(!call::is_card_path(path));
}

BOOST_AUTO_TEST_CASE(what_does_not_change_passes_byte_for_byte) {
  for (const auto duty : {CardDuty::refuse, CardDuty::sign, CardDuty::keep}) {
    for (const std::string& card :
         {std::string(" { \"url\" : \"http://other\", \"n\": 1e400, \"signatures\": [1] }\n"),
          std::string("{\"a\":1,\"a\":2}"), std::string("{"), std::string(), std::string("[]"),
          std::string("\xff\xfe"), std::string("{\"url\":\"\\ud800\"}"), std::string(500, '{'),
          "{\"url\":\"" + kRoute + "y\"}"})
      BOOST_TEST(pass(rules(duty), card) == card);
  }
}

BOOST_AUTO_TEST_CASE(an_unsigned_card_is_rewritten_and_never_signed) {
  Signed by_us;
  const auto of = rules(CardDuty::sign, &by_us);
  BOOST_TEST(pass(of, "{ \"url\": \"" + kRoute + "/v1\", \"n\": 12345678901234567890 }") ==
             "{ \"url\": \"" + kLocal + "/v1\", \"n\": 12345678901234567890 }");
  for (const char* none : {"[]", "null"})
    BOOST_TEST(pass(of, "{\"url\":\"" + kRoute + "\",\"signatures\":" + none + "}") ==
               "{\"url\":\"" + kLocal + "\",\"signatures\":" + none + "}");
  BOOST_TEST(by_us.inputs.empty());
  BOOST_TEST(pass(rules(CardDuty::refuse), "{\"url\":\"" + kRoute + "\"}") ==
             "{\"url\":\"" + kLocal + "\"}");
}

BOOST_AUTO_TEST_CASE(every_place_of_an_address_changes_however_it_is_written) {
  const auto of = rules(CardDuty::keep);
  const std::string escaped = "\"\\u0061mber:\\/\\/route\\u002fx\"", local = "\"" + kLocal + "\"";
  BOOST_TEST(pass(of, "{\"b\":1.0,\"url\":" + escaped + ",\"a\":9007199254740993}") ==
             "{\"b\":1.0,\"url\":" + local + ",\"a\":9007199254740993}");
  BOOST_TEST(
      pass(of, "{\"supportedInterfaces\":[{\"url\":" + escaped + "},7,null,\"x\",[" + escaped +
                   "],{\"url\":8}],\"additionalInterfaces\":[{\"t\":1,\"url\":" + escaped +
                   "}]}") ==
      "{\"supportedInterfaces\":[{\"url\":" + local +
          "},7,null,\"x\",[\"amber://route/x\"],{\"url\":8}],\"additionalInterfaces\":[{\"t\":1,"
          "\"url\":" +
          local + "}]}");
  // Elsewhere as in any text: where it is written as one.
  BOOST_TEST(
      pass(of, "{\"documentationUrl\":\"" + kRoute + "/d\",\"supportedInterfaces\":{\"url\":7}}") ==
      "{\"documentationUrl\":\"" + kLocal + "/d\",\"supportedInterfaces\":{\"url\":7}}");
  BOOST_TEST(pass(of, "{\"supportedInterfaces\":\"" + kRoute + "\"}") ==
             "{\"supportedInterfaces\":\"" + kLocal + "\"}");
}

BOOST_AUTO_TEST_CASE(a_signed_card_is_refused_kept_or_signed_anew) {
  BOOST_TEST(pass(rules(CardDuty::refuse), kSigned) == "card_signature_lost");
  BOOST_TEST(pass(rules(CardDuty::sign), kSigned) == "card_signature_lost"); // no key
  auto kept = kSigned;
  kept.replace(kept.find(kRoute), kRoute.size(), kLocal);
  BOOST_TEST(pass(rules(CardDuty::keep), kSigned) == kept);
  // What is there and is no list is a signature to somebody.
  for (const char* odd : {"{}", "\"x\"", "7", "true"})
    BOOST_TEST(pass(rules(CardDuty::refuse), "{\"url\":\"" + kRoute + "\",\"signatures\":" + odd +
                                                 "}") == "card_signature_lost");

  Signed by_us;
  const auto head = base64url(R"({"alg":"ES256","kid":"key-1","typ":"JOSE"})");
  const auto out = pass(rules(CardDuty::sign, &by_us), kSigned);
  BOOST_TEST(out == "{\"name\":\"a\",\"url\":\"" + kLocal +
                        "/v1\",\"big\":1.50,\"signatures\":[{\"protected\":\"" + head +
                        "\",\"signature\":\"" + base64url(std::string(64, '\xff')) +
                        "\",\"header\":{\"sluice_original_card\":\"" + base64url(kSigned) +
                        "\"}},{\"protected\":\"" + head + "\",\"signature\":\"" +
                        base64url(std::string(64, '\xff')) + "\"}],\"z\":[]}");
  // The first is for who leaves out what is empty.
  BOOST_REQUIRE(by_us.inputs.size() == 2U);
  BOOST_TEST(by_us.inputs[0] ==
             head + "." + base64url("{\"big\":1.5,\"name\":\"a\",\"url\":\"" + kLocal + "/v1\"}"));
  BOOST_TEST(by_us.inputs[1] ==
             head + "." +
                 base64url("{\"big\":1.5,\"name\":\"a\",\"url\":\"" + kLocal + "/v1\",\"z\":[]}"));

  // The next hop carries the original on.
  auto back = std::make_shared<call::UrlTable>();
  BOOST_TEST(back->add(kLocal, "https://public.example") == "");
  auto second = rules(CardDuty::sign, &by_us);
  second->response = back;
  const auto twice = pass(second, out);
  BOOST_TEST(twice.find("\"url\":\"https://public.example/v1\"") != twice.npos);
  BOOST_TEST(twice.find("{\"sluice_original_card\":\"" + base64url(kSigned) + "\"}") != twice.npos);
  BOOST_TEST(twice.size() < out.size() + 10);
}

BOOST_AUTO_TEST_CASE(defaults_are_left_out_from_the_inside_and_once) {
  const auto signed_over = [](const std::string& members) {
    Signed by_us;
    pass(rules(CardDuty::sign, &by_us),
         "{" + members + ",\"url\":\"" + kRoute + "\",\"signatures\":[{}]}");
    std::vector<std::string> out;
    for (const auto& one : by_us.inputs) out.push_back(one.substr(one.find('.') + 1));
    return out;
  };
  const auto card = [](const std::string& members) {
    return base64url("{" + members + (members.empty() ? "" : ",") + "\"url\":\"" + kLocal + "\"}");
  };
  BOOST_TEST((signed_over("\"a\":1") == std::vector{card("\"a\":1")}));
  for (const std::string full :
       {"\"a\":false", "\"a\":0", "\"a\":[0]", "\"params\":{\"required\":false}"})
    BOOST_TEST(signed_over(full).size() == 1U, full);
  for (const std::string empty :
       {"\"a\":null", "\"a\":\"\"", "\"a\":{\"b\":[{\"c\":[\"\",null]}]}", "\"required\":false",
        "\"a\":[{\"pkceRequired\":false}]", "\"params\":{\"required\":\"\"}"})
    BOOST_TEST((signed_over(empty) == std::vector{card(""), card(empty)}), empty);
}

BOOST_AUTO_TEST_CASE(what_is_no_original_is_not_carried_on) {
  Signed by_us;
  for (const char* entry :
       {"7", "null", "{}", "{\"header\":7}", "{\"header\":{\"sluice_original_card\":7}}",
        "{\"header\":{\"sluice_original_card\":\"\"}}",
        "{\"header\":{\"sluice_original_card\":\"not base64\"}}"}) {
    const auto card = "{\"url\":\"" + kRoute + "\",\"signatures\":[" + entry + "]}";
    const auto out = pass(rules(CardDuty::sign, &by_us), card);
    BOOST_TEST(out.find("{\"sluice_original_card\":\"" + base64url(card) + "\"}") != out.npos, out);
  }
}

BOOST_AUTO_TEST_CASE(what_two_readers_may_read_differently_is_not_changed) {
  Signed by_us;
  const std::string url = "\"url\":\"" + kRoute + "\"", list = ",\"signatures\":[{}]";
  for (const auto duty : {CardDuty::sign, CardDuty::keep, CardDuty::refuse}) {
    const auto of = rules(duty, &by_us);
    for (const std::string& card :
         {"{" + url + ",\"a\":1,\"a\":2}", "{" + url + "," + url + "}", "{" + url + "} x",
          "{" + url, "{" + url + ",\"a\":\"\xff\"}", "{" + url + ",\"a\":\"\\ud800\"}",
          "{" + url + ",\"a\":01}",
          "{" + url + ",\"a\":" + std::string(100, '[') + std::string(100, ']') + "}",
          "\xef\xbb\xbf {" + url})
      BOOST_TEST(pass(of, card) == "card_ambiguous", card);
  }
  BOOST_TEST(pass(rules(CardDuty::sign, &by_us),
                  "{" + url + ",\"n\":9007199254740993" + list + "}") == "card_signature_lost");
  BOOST_TEST(by_us.inputs.empty());
}

// Go's reader, for one, takes either for the address.
BOOST_AUTO_TEST_CASE(keys_in_two_cases_are_not_signed) {
  Signed by_us;
  const auto of = rules(CardDuty::sign, &by_us);
  const std::string rest = ",\"signatures\":[{}]}";
  for (const std::string& twins :
       {"{\"url\":\"" + kRoute + "\",\"URL\":\"http://evil\"" + rest,
        "{\"url\":\"" + kRoute + "\",\"a\":[1,{\"b\":1,\"B\":2}]" + rest})
    BOOST_TEST(pass(of, twins) == "card_signature_lost");
  BOOST_TEST(
      pass(of, "{\"url\":\"" + kRoute + "\",\"a\":{\"URL\":1}" + rest).starts_with("{\"url\""));
  BOOST_TEST(by_us.inputs.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_no_card_is_text_or_nothing) {
  const auto of = rules(CardDuty::refuse);
  BOOST_TEST(pass(of, "[\"" + kRoute + "\"]") == "[\"" + kLocal + "\"]");
  BOOST_TEST(pass(of, "<a href='" + kRoute + "'>") == "<a href='" + kLocal + "'>");
  BOOST_TEST(pass(of, "[\"" + kRoute + "\"]", false) == "[\"" + kRoute + "\"]");
  BOOST_TEST(pass(of, "{\"url\":\"" + kRoute + "\"}", false) == "{\"url\":\"" + kLocal + "\"}");
}

BOOST_AUTO_TEST_CASE(a_card_has_a_most) {
  const auto of = rules(CardDuty::keep);
  const std::string card = "{\"a\":\"0123456789\"}";
  BOOST_TEST(pass(of, card, true, card.size()) == card);
  BOOST_TEST(pass(of, card, true, card.size() - 1) == "card_too_large");
}

BOOST_AUTO_TEST_SUITE_END()
