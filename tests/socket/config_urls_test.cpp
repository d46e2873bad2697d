// The key `urls` of a listener: what is taken, and what is said of what is not.
#include "proxy/runtime/config.hpp"
#include "proxy/runtime/config_urls.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;

runtime::ConfigLoad load(const std::string& urls, const std::string& kind = "reverse") {
  const std::string upstream = kind == "reverse" ? ", upstream: \"http://a\"" : "";
  return runtime::load_config_text("version: 1\nlisteners: [{name: a, kind: " + kind +
                                       ", bind: \"127.0.0.1:1\"" + upstream + ", urls: " + urls +
                                       "}]\npolicy: p\n",
                                   "/etc/sluice/sluice.yaml");
}

const std::string kOne = "{from: \"http://127.0.0.1:20000\", to: \"amber://route/x\"}";

} // namespace

BOOST_AUTO_TEST_SUITE(config_urls)

BOOST_AUTO_TEST_CASE(tables_and_cards_are_read) {
  using call::CardDuty;
  const auto both = load("{request: [" + kOne + "], response: [" + kOne + "], card_key: k.pem}");
  BOOST_REQUIRE(both.config.has_value());
  const auto& listener = both.config->settings.listeners[0];
  BOOST_REQUIRE(listener.urls != nullptr);
  BOOST_TEST(call::rewrite_urls(listener.urls->request, "http://localhost:20000/a") ==
             "amber://route/x/a");
  BOOST_TEST(listener.urls->response != nullptr);
  BOOST_TEST((listener.urls->cards == CardDuty::sign));
  BOOST_TEST(listener.card_key == "/etc/sluice/k.pem");
  BOOST_TEST(runtime::card_keys(both.config->settings.listeners).at(0) == "/etc/sluice/k.pem");

  const auto duty = [](const std::string& rest) {
    auto read = load("{response: [" + kOne + "]" + rest + "}");
    BOOST_REQUIRE(read.config.has_value());
    BOOST_TEST(read.config->settings.listeners[0].urls->request == nullptr);
    return read.config->settings.listeners[0].urls->cards;
  };
  BOOST_TEST((duty("") == CardDuty::refuse));
  BOOST_TEST((duty(", cards: refuse") == CardDuty::refuse));
  BOOST_TEST((duty(", cards: keep") == CardDuty::keep));
  BOOST_TEST((duty(", cards: sign, card_key: /k, card_key_id: a") == CardDuty::sign));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_where_it_stands) {
  const std::string at = "/listeners/0/urls";
  const auto mapping = [](const std::string& from, const std::string& to) {
    return "{request: [{from: \"" + from + "\", to: \"" + to + "\"}]}";
  };
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += "{from: \"http://a/" + std::to_string(i) + "\", to: \"http://b\"},";
  struct Case {
    std::string urls, pointer, words;
  };
  for (const auto& [urls, pointer, words] : std::vector<Case>{
           {"{}", at, "names no address"},
           {"[]", at, "expected a map"},
           {"{request: {}}", at + "/request", "expected a list"},
           {"{request: [{}]}", at + "/request/0", "from"},
           {"{response: [{from: \"http://a\"}]}", at + "/response/0", "to"},
           {mapping("ftp://a", "http://b"), at + "/request/0/from", "http, https or amber"},
           {mapping("http://a?x", "http://b"), at + "/request/0/from", "query or a fragment"},
           {mapping("http://a", "http://b#x"), at + "/request/0/to", "query or a fragment"},
           {mapping("http://u@a", "http://b"), at + "/request/0/from", "scheme://host"},
           {"{request: [" + kOne + ", {from: \"http://localhost:20000/\", to: \"http://b\"}]}",
            at + "/request/1/from", "another entry"},
           {"{request: [" + many + "]}", at + "/request/64/from", "more than 64"},
           {"{request: [], cards: sign}", at + "/cards", "no key"},
           {"{request: [], cards: keep, card_key: k}", at + "/card_key", "no card is signed"},
           {"{request: [], card_key_id: k}", at + "/card_key_id", "no key"},
           {"{request: [], card_key: k, card_key_id: \"a b\"}", at + "/card_key_id", "not a name"},
           {"{request: [], cards: drop}", at + "/cards", "keep"},
           {"{request: [], other: 1}", at + "/other", "other"}}) {
    const auto read = load(urls);
    const auto text = format(read.diagnostics);
    BOOST_TEST(!read.config.has_value(), urls);
    BOOST_TEST((text.find(pointer) != text.npos && text.find(words) != text.npos),
               urls + ": " + text);
  }
  for (const char* kind : {"forward", "dns"}) {
    const auto text = format(load("{request: []}", kind).diagnostics);
    BOOST_TEST(text.find("only a reverse listener") != text.npos, text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
