#include "proxy/call/credentials.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using namespace sluice::call;
using Type = model::Credential::Type;

CredentialValue value(std::string id, Type type, std::string place, std::string text,
                      std::string around = "{value}") {
  CredentialValue out;
  out.what.source.id = std::move(id);
  out.what.type = type;
  out.what.place = std::move(place);
  (type == Type::basic ? out.what.username : out.what.format) = std::move(around);
  out.value = Secret(std::move(text));
  return out;
}

std::shared_ptr<const CredentialSet> all() {
  std::vector<CredentialValue> out;
  out.push_back(value("bearer", Type::header, "authorization", "s3cr3t-value", "Bearer {value}"));
  out.push_back(value("basic", Type::basic, "authorization", "open sesame", "Aladdin"));
  out.push_back(value("plain", Type::header, "x-api-key", "k-123456"));
  out.push_back(value("query", Type::query, "key", "a b&c=d/%+\xc3\xa9"));
  return std::make_shared<CredentialSet>(std::move(out));
}

wire::RequestHead given(const std::vector<std::string>& ids, std::string target,
                        const std::vector<wire::Field>& fields = {}) {
  wire::RequestHead head;
  for (const auto& one : fields) head.fields.add(one.name, one.value);
  const auto login = Login::make(all(), ids);
  BOOST_TEST_REQUIRE(login.has_value());
  login.value().make_room(head.fields, target);
  head.target = std::move(target);
  login.value().put_into(head);
  return head;
}

BOOST_AUTO_TEST_SUITE(credentials)

BOOST_AUTO_TEST_CASE(each_type_stands_in_its_place) {
  BOOST_TEST(given({"bearer"}, "/").fields.joined("authorization") == "Bearer s3cr3t-value");
  // RFC 7617 §2 has this one.
  BOOST_TEST(given({"basic"}, "/").fields.joined("authorization") ==
             "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  BOOST_TEST(given({"plain"}, "/").fields.joined("x-api-key") == "k-123456");
  BOOST_TEST(given({"query"}, "/p").target == "/p?key=a%20b%26c%3Dd%2F%25%2B%C3%A9");
  BOOST_TEST(given({"query"}, "/p?a=1").target == "/p?a=1&key=a%20b%26c%3Dd%2F%25%2B%C3%A9");
  const auto both = given({"bearer", "plain"}, "/");
  BOOST_TEST(both.fields.count("authorization") == 1U);
  BOOST_TEST(both.fields.count("x-api-key") == 1U);
}

BOOST_AUTO_TEST_CASE(what_the_agent_wrote_there_goes_in_every_spelling) {
  const auto head = given({"plain"}, "/",
                          {{"X-API-KEY", "mine"},
                           {"x_api_key", "mine"},
                           {"X-Api_Key", "mine"},
                           {"X-Api-Key-2", "stays"}});
  BOOST_TEST(head.fields.all().size() == 2U);
  BOOST_TEST(head.fields.joined("x-api-key") == "k-123456");
  const std::pair<std::string, std::string> targets[] = {{"/p?key=mine", "/p?key="},
                                                         {"/p?a=1&key=mine&b=2", "/p?a=1&b=2&key="},
                                                         {"/p?k%65y=mine", "/p?key="},
                                                         {"/p?KEY=mine&key", "/p?key="},
                                                         {"/p?keys=1", "/p?keys=1&key="},
                                                         {"/p?", "/p?&key="},
                                                         {"/p?a=key=1", "/p?a=key=1&key="},
                                                         {"/p?%6b%65%79=1&&x", "/p?&x&key="},
                                                         {"/p?k%6=1&k%zz", "/p?k%6=1&k%zz&key="}};
  for (const auto& [from, to] : targets) {
    const auto target = given({"query"}, from).target;
    BOOST_TEST(target.substr(0, target.rfind("key=") + 4) == to, from);
  }
}

BOOST_AUTO_TEST_CASE(two_in_one_place_are_refused) {
  for (const auto& ids : {std::vector<std::string>{"bearer", "basic"}, {"plain", "plain"}}) {
    const auto login = Login::make(all(), ids);
    BOOST_TEST_REQUIRE(!login.has_value());
    BOOST_TEST(login.error().code == "credential_conflict");
    BOOST_TEST(login.error().detail.find("s3cr3t") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(one_that_is_gone_is_refused) {
  BOOST_TEST(!Login::make(all(), {"other"}).has_value());
  BOOST_TEST(!Login::make(nullptr, {"bearer"}).has_value());
  BOOST_TEST(Login::make(nullptr, {}).has_value());
}

BOOST_AUTO_TEST_CASE(no_value_ends_a_line) {
  for (const char* text : {"a\r\nHost: evil", "a\nb", "a\tb", "a\x7f"}) {
    BOOST_TEST(!unfit(value("a", Type::header, "x", text)).empty(), text);
    BOOST_TEST(!unfit(value("a", Type::basic, "authorization", text, "u")).empty(), text);
    BOOST_TEST(unfit(value("a", Type::query, "x", text)).empty(), text); // it is escaped there
  }
  BOOST_TEST(unfit(value("a", Type::header, "x", "plain value")).empty());
}

BOOST_AUTO_TEST_CASE(a_placeholder_is_seen) {
  wire::Fields fields;
  fields.add("x", "sluice:credentials");
  BOOST_TEST(!holds_placeholder(fields, "/a?b=sluice:"));
  BOOST_TEST(holds_placeholder(fields, "/a?b=sluice:credential:x"));
  fields.add("authorization", "Bearer sluice:credential:x");
  BOOST_TEST(holds_placeholder(fields, "/"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
