// The facts of AWS's signature test suite (its keys, its time, its service), and what is signed of
// a request of ours.
#include "proxy/call/aws_sigv4.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/clock.hpp"
#include "policy/base/digest.hpp"
#include "proxy/call/credentials.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using namespace sluice::call;
using Headers = std::vector<wire::Field>;

const Secret kAccess("AKIDEXAMPLE");
const Secret kSecret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
constexpr std::string_view kDate = "20150830T123600Z";
constexpr std::int64_t kNow = 1'440'938'160'000'000'000;
constexpr std::string_view kPlain =
    "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string authorization(std::string_view method, std::string_view target, Headers headers = {},
                          std::string_view body = {}) {
  headers.insert(headers.begin(), {"Host", "example.amazonaws.com"});
  headers.push_back({"X-Amz-Date", std::string(kDate)});
  const auto digest = to_hex(sha256(body));
  return aws_authorization({method, target, headers, digest},
                           {"service", "us-east-1", kAccess, kSecret}, kDate);
}

std::string signature(std::string_view method, std::string_view target, Headers headers = {},
                      std::string_view body = {}) {
  const auto said = authorization(method, target, std::move(headers), body);
  return said.substr(said.rfind('=') + 1);
}

// The lines of a canonical request, from 1.
std::string line(const std::string& text, int number) {
  std::size_t at = 0;
  while (--number > 0) at = text.find('\n', at) + 1;
  return text.substr(at, text.find('\n', at) - at);
}

std::string path_of(std::string_view target, std::string_view service) {
  return line(aws_canonical_request({"GET", target, {}, ""}, service), 2);
}

std::string query_of(std::string_view target) {
  return line(aws_canonical_request({"GET", target, {}, ""}, "s3"), 3);
}

BOOST_AUTO_TEST_SUITE(aws_sigv4)

BOOST_AUTO_TEST_CASE(what_authorization_says) {
  BOOST_TEST(authorization("GET", "/") ==
             "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
             "SignedHeaders=host;x-amz-date, "
             "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

BOOST_AUTO_TEST_CASE(methods_paths_and_queries_of_the_suite) {
  const std::string vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
  const std::string plain(kPlain);
  const std::tuple<std::string, std::string, std::string> rows[] = {
      {"GET", "/", vanilla},
      {"GET", "/example/..", vanilla},
      {"GET", "/example1/example2/../..", vanilla},
      {"GET", "//", vanilla},
      {"GET", "/./", vanilla},
      {"GET", "//example//", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
      {"GET", "/./example", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
      {"GET", "/\xe1\x88\xb4", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"GET", "/example space/",
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"GET", "/" + plain, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"GET", "/?Param1=value1",
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"GET", "/?Param2=value2&Param1=value1",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"GET", "/?Param1=value2&Param1=value1",
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
      {"GET", "/?" + plain + "=" + plain,
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"GET", "/?\xe1\x88\xb4=bar",
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"POST", "/?Param1=value1",
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"}};
  for (const auto& [method, target, expected] : rows)
    BOOST_TEST(signature(method, target) == expected, target);
}

BOOST_AUTO_TEST_CASE(headers_of_the_suite) {
  BOOST_TEST(
      signature("GET", "/", {{"My-Header1", "  value1"}, {"My-Header2", " \"a   b   c\""}}) ==
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
  BOOST_TEST(signature("GET", "/",
                       {{"My-Header1", "value4"},
                        {"My-Header1", "value1"},
                        {"my-header1", "value3"},
                        {"My-Header1", "value2"}}) ==
             "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01");
  BOOST_TEST(
      signature("GET", "/",
                {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}) ==
      "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea");
  BOOST_TEST(signature("POST", "/", {{"My-Header1", "VALUE1"}}) ==
             "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d");
}

BOOST_AUTO_TEST_CASE(bodies_and_the_session_token_of_the_suite) {
  const std::string type = "application/x-www-form-urlencoded";
  BOOST_TEST(signature("POST", "/", {{"Content-Type", type}}, "Param1=value1") ==
             "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
  BOOST_TEST(
      signature("POST", "/", {{"Content-Type", type + "; charset=utf-8"}}, "Param1=value1") ==
      "2f3b42f35f135abf9c562afcbbc44fc03df96dcfd4332ecebad8b39a7d4b6125");
  const std::string token =
      "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSP"
      "fIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT"
      "7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlz"
      "m8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
  BOOST_TEST(signature("POST", "/", {{"X-Amz-Security-Token", token}}) ==
             "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
}

BOOST_AUTO_TEST_CASE(a_path_is_encoded_twice_but_for_s3) {
  const std::tuple<std::string, std::string, std::string> rows[] = {
      {"/a%20b", "/a%2520b", "/a%20b"},
      {"/a:b", "/a%3Ab", "/a%3Ab"},
      {"/model/x%3A0", "/model/x%253A0", "/model/x%3A0"},
      {"/a//b/", "/a/b/", "/a//b/"},
      {"/k%c3%a9", "/k%25c3%25a9", "/k%C3%A9"},
      {"/a+b(1)", "/a%2Bb%281%29", "/a%2Bb%281%29"},
      {"/a/../b", "/b", "/a/../b"},
      {"*", "/", "/"}};
  for (const auto& [target, others, s3] : rows) {
    BOOST_TEST(path_of(target, "lambda") == others, target);
    BOOST_TEST(path_of(target, "s3tables") == others, target);
    BOOST_TEST(path_of(target, "s3") == s3, target);
    BOOST_TEST(path_of(target, "s3-outposts") == s3, target);
  }
}

BOOST_AUTO_TEST_CASE(a_query_is_sorted_as_it_is_encoded) {
  const std::pair<std::string, std::string> rows[] = {{"/?uploads", "uploads="},
                                                      {"/", ""},
                                                      {"/?", ""},
                                                      {"/?b=2&&a=1&", "a=1&b=2"},
                                                      {"/?a=b=c", "a=b%3Dc"},
                                                      {"/?a=%2f&a=%2B&A=1", "A=1&a=%2B&a=%2F"},
                                                      {"/?a/=1&a-=2", "a%2F=1&a-=2"},
                                                      {"/?x=%zz%4", "x=%25zz%254"},
                                                      {"/?prefix=a/b%20c", "prefix=a%2Fb%20c"}};
  for (const auto& [target, expected] : rows) BOOST_TEST(query_of(target) == expected, target);
}

BOOST_AUTO_TEST_CASE(a_time_has_no_fraction) {
  BOOST_TEST(aws_date(kNow) == kDate);
  BOOST_TEST(aws_date(kNow + 999'999'999) == kDate);
}

CredentialValue keys(std::string service, std::string token) {
  CredentialValue out;
  out.what.source.id = "s3";
  out.what.type = model::Credential::Type::aws_sigv4;
  out.what.service = std::move(service);
  out.what.region = "us-east-1";
  out.access_key = kAccess;
  out.value = kSecret;
  out.session_token = Secret(std::move(token));
  return out;
}

wire::RequestHead signed_head(std::string target, const Headers& fields,
                              std::string_view token = "") {
  const auto all = std::make_shared<CredentialSet>(std::vector{keys("s3", std::string(token))});
  const auto login = Login::make(all, {"s3"});
  BOOST_TEST_REQUIRE(login.has_value());
  wire::RequestHead head;
  head.method = "GET";
  for (const auto& field : fields) head.fields.add(field.name, field.value);
  head.fields.set("host", "b.s3.test");
  login.value().make_room(head.fields, target);
  head.target = std::move(target);
  login.value().put_into(head);
  login.value().sign(head, kUnsignedPayload, kNow);
  return head;
}

std::string signed_names(const wire::RequestHead& head) {
  const auto said = head.fields.joined("authorization");
  const auto begin = said.find("SignedHeaders=") + 14;
  return said.substr(begin, said.find(',', begin) - begin);
}

BOOST_AUTO_TEST_CASE(what_the_agent_signed_goes_in_every_spelling) {
  const auto head = signed_head(
      "/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&x-amz-CREDENTIAL=x&a=1&X%2dAmz-Date=1&X-Amz-Expires=9&"
      "X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Security-Token=t&X-Amz-Content-Sha256=U&"
      "X-Amz-Region-Set=r&x-id=GetObject",
      {{"Authorization", "AWS4-HMAC-SHA256 mine"},
       {"x_amz_date", "20000101T000000Z"},
       {"X-Amz-Date", "20000101T000000Z"},
       {"X-Amz-Security-Token", "mine"},
       {"X-AMZ-CONTENT-SHA256", "mine"},
       {"x-amz-region-set", "*"},
       {"X-Amz-Meta-Colour", "red"},
       {"User-Agent", "sdk"}});
  BOOST_TEST(head.target == "/k?a=1&x-id=GetObject");
  BOOST_TEST(head.fields.joined("x-amz-date") == kDate);
  BOOST_TEST(head.fields.joined("x-amz-content-sha256") == kUnsignedPayload);
  BOOST_TEST(head.fields.count("authorization") == 1U);
  BOOST_TEST(head.fields.count("x_amz_date") == 0U);
  BOOST_TEST(head.fields.count("x-amz-security-token") == 0U);
  BOOST_TEST(head.fields.count("x-amz-region-set") == 0U);
  BOOST_TEST(head.fields.joined("user-agent") == "sdk");
  BOOST_TEST(signed_names(head) == "host;x-amz-content-sha256;x-amz-date;x-amz-meta-colour");
}

BOOST_AUTO_TEST_CASE(a_token_is_sent_and_signed) {
  const auto head = signed_head("/", {{"Content-Type", "text/plain"}}, "session-1");
  BOOST_TEST(head.fields.joined("x-amz-security-token") == "session-1");
  BOOST_TEST(signed_names(head) ==
             "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token");
}

BOOST_AUTO_TEST_CASE(a_plus_is_sent_as_the_blank_that_is_signed) {
  BOOST_TEST(signed_head("/a+b?prefix=a+b&x=%2B", {}).target == "/a+b?prefix=a%20b&x=%2B");
}

BOOST_AUTO_TEST_CASE(chunks_inside_the_body_cannot_be_signed_again) {
  const auto all = std::make_shared<CredentialSet>(std::vector{keys("s3", "")});
  const auto login = Login::make(all, {"s3"}).value();
  const wire::Field rows[] = {{"content-encoding", "gzip, AWS-chunked"},
                              {"X_Amz_Content_Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
                              {"x-amz-content-sha256", "streaming-UNSIGNED-PAYLOAD-TRAILER"},
                              {"X-Amz-Trailer", "x-amz-checksum-crc32"}};
  for (const auto& field : rows) {
    wire::Fields fields;
    fields.add(field.name, field.value);
    BOOST_TEST(!login.cannot_sign(fields).empty(), field.value);
    BOOST_TEST(Login().cannot_sign(fields).empty(), field.value);
  }
  wire::Fields fields;
  fields.add("content-encoding", "gzip");
  fields.add("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  BOOST_TEST(login.cannot_sign(fields).empty());
}

BOOST_AUTO_TEST_CASE(each_key_is_a_secret_of_its_own) {
  const auto one = keys("s3", "session-1");
  std::string names;
  for (const auto& [name, value] : secrets_of(one)) names += name + " ";
  BOOST_TEST(names == "s3.access_key s3.secret_key s3.session_token ");
  BOOST_TEST(secrets_of(keys("s3", "")).size() == 2U);
  BOOST_TEST(!same_secrets(one, keys("s3", "session-2")));
  BOOST_TEST(same_secrets(one, keys("s3", "session-1")));
}

BOOST_AUTO_TEST_CASE(no_key_ends_a_line_or_a_scope) {
  BOOST_TEST(unfit(keys("s3", "session-1")).empty());
  BOOST_TEST(!unfit(keys("s3", "a\r\nHost: e")).empty());
  for (const char* access : {"AK IA", "AKIA/x", "AKIA,x", "AKIA\n"}) {
    auto one = keys("s3", "");
    one.access_key = Secret(access);
    BOOST_TEST(!unfit(one).empty(), access);
  }
}

BOOST_AUTO_TEST_CASE(one_field_takes_one_login) {
  std::vector<CredentialValue> all = {keys("s3", "")};
  CredentialValue other;
  other.what.source.id = "bearer";
  other.what.place = "authorization";
  other.what.format = "{value}";
  all.push_back(other);
  const auto login = Login::make(std::make_shared<CredentialSet>(std::move(all)), {"bearer", "s3"});
  BOOST_TEST_REQUIRE(!login.has_value());
  BOOST_TEST(login.error().detail == "two rules put different credentials into authorization");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
