#include "tests/unit/engine/fixture.hpp"

#include <string>

namespace {

using namespace sluice::engine;
using namespace sluice::engine::testing;
using sluice::model::Credential;

constexpr std::string_view kPolicy = R"(version: 1
credentials:
  - {id: openai, type: header, header: Authorization, value: {env: OPENAI_API_KEY}, format: "Bearer {value}"}
  - {id: maps, type: query, parameter: key, value: {file: maps.key}, plaintext: true}
  - {id: registry, type: basic, username: ci, value: {exec: [pass, show, registry]}, refresh: 5m}
egress:
  - {name: llm, allow: {hosts: [api.test], paths: ["/v1/**"]}, credential: openai}
  - {name: all of it, allow: {hosts: [api.test]}, redact: [pii], credential: [registry, maps]}
  - {name: maps, allow: {hosts: [maps.test]}, credential: maps}
  - {name: free, allow: {hosts: [free.test]}}
)";

std::string first(const std::string& text) {
  const PolicyLoad loaded = load(text);
  BOOST_TEST(loaded.snapshot == nullptr, text);
  for (const auto& one : loaded.diagnostics) {
    if (one.level == sluice::Diagnostic::Level::error) return format(one);
  }
  return "no error";
}

std::string credential(const std::string& body) {
  return "version: 1\ncredentials: [{" + body + "}]\n";
}

std::string used_by(const std::string& rule) {
  return "version: 1\ncredentials:\n"
         "  - {id: k, type: header, header: x-key, value: {env: K}}\n"
         "  - {id: same, type: header, header: X-Key, value: {env: L}}\n"
         "egress: [{" +
         rule + "}]\n";
}

BOOST_AUTO_TEST_SUITE(credentials)

BOOST_AUTO_TEST_CASE(they_are_read_as_they_are_written) {
  const auto all = policy(kPolicy)->credentials;
  BOOST_TEST_REQUIRE(all.size() == 3U);
  BOOST_TEST((all[0].type == Credential::Type::header));
  BOOST_TEST(all[0].place == "authorization");
  BOOST_TEST(all[0].format == "Bearer {value}");
  BOOST_TEST(all[0].source.words.front() == "OPENAI_API_KEY");
  BOOST_TEST(all[1].place == "key");
  BOOST_TEST(all[1].plaintext);
  BOOST_TEST(all[2].username == "ci");
  BOOST_TEST(all[2].source.words.size() == 3U);
  BOOST_TEST((all[2].refresh == std::chrono::minutes(5)));
}

BOOST_AUTO_TEST_CASE(a_call_gets_those_of_the_rules_that_allow_it) {
  const BothEngines engines(policy(kPolicy));
  const auto given = [&](const std::string& url) {
    return engines.decide(call("GET " + url)).obligations.credentials;
  };
  using Ids = std::vector<std::string>;
  BOOST_TEST(given("https://api.test/v1/chat") == (Ids{"maps", "openai", "registry"}));
  BOOST_TEST(given("https://api.test/v2") == (Ids{"maps", "registry"}));
  BOOST_TEST(given("https://free.test/") == Ids());
  BOOST_TEST(given("http://maps.test/") == Ids{"maps"}); // plaintext: true
}

BOOST_AUTO_TEST_CASE(a_login_does_not_go_over_http) {
  const auto decision = BothEngines(policy(kPolicy)).decide(call("GET http://api.test/v1/chat"));
  BOOST_TEST(!decision.allowed());
  BOOST_TEST(decision.rule_id == "default_deny");
}

BOOST_AUTO_TEST_CASE(a_call_with_a_login_is_intercepted_and_redacted) {
  const BothEngines engines(policy("version: 1\ndefaults: {tls: passthrough, redact: []}\n"
                                   "credentials: [{id: k, type: header, header: x-key, value: "
                                   "{env: K}}]\n"
                                   "egress: [{allow: {hosts: [a.test]}, credential: k}]\n"));
  const auto duties = engines.decide(call("GET https://a.test/")).obligations;
  BOOST_TEST((duties.tls == sluice::model::TlsMode::intercept));
  BOOST_TEST(duties.redacts("secrets"));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_refused_where_it_stands) {
  const std::string value = ", value: {env: K}";
  const std::string kept = "id: k, type: header, header: ";
  const std::pair<std::string, std::string_view> rows[] = {
      {credential("type: basic, username: u" + value),
       "p:2:15: /credentials/0: the key \"id\" is missing"},
      {credential("id: 'a b', type: basic, username: u" + value),
       "p:2:20: /credentials/0/id: an id is letters, digits, '.', '-' and '_'"},
      {credential("id: k" + value), "p:2:15: /credentials/0: the key \"type\" is missing"},
      {credential("id: k, type: heder" + value),
       "p:2:29: /credentials/0/type: \"heder\" is not one of header, query, basic or aws_sigv4 "
       "(did you mean \"header\"?)"},
      {credential(kept + "'x y'" + value),
       "p:2:45: /credentials/0/header: \"x y\" is not the name of a header"},
      {credential(kept + "'x:\\r\\nHost: e'" + value),
       "p:2:45: /credentials/0/header: \"x:\\r\\nHost: e\" is not the name of a header"},
      {credential(kept + "Host" + value),
       "p:2:45: /credentials/0/header: \"Host\" is not a header for a login"},
      {credential(kept + "transfer-encoding" + value),
       "p:2:45: /credentials/0/header: \"transfer-encoding\" is not a header for a login"},
      {credential(kept + "x, format: none" + value),
       "p:2:56: /credentials/0/format: expected one line with {value} in it, once (write \"Bearer "
       "{value}\")"},
      {credential(kept + "x, format: '{value}{value}'" + value),
       "p:2:56: /credentials/0/format: expected one line with {value} in it, once (write \"Bearer "
       "{value}\")"},
      {credential(kept + "x, parameter: q" + value),
       "p:2:59: /credentials/0/parameter: \"parameter\" does not apply here (it belongs to type: "
       "query)"},
      {credential("id: k, type: query, parameter: 'a&b'" + value),
       "p:2:47: /credentials/0/parameter: a parameter is letters, digits, '-', '_', '.' and '~'"},
      {credential("id: k, type: basic, username: 'a:b'" + value),
       "p:2:46: /credentials/0/username: a user name of Basic has no ':' and no control characters "
       "(RFC 7617)"},
      {credential(kept + "x, value: sk-live-abcdef"),
       "p:2:55: /credentials/0/value: a secret never stands in the file (write value: {env: NAME} "
       "or {file: path})"},
      {credential(kept + "x, value: {env: A, file: b}"),
       "p:2:55: /credentials/0/value: expected one source (one of env, file, exec)"},
      {credential(kept + "x, refresh: 1s" + value),
       "p:2:57: /credentials/0/refresh: the duration must be from 10000ms to 86400000ms"},
      {"version: 1\ncredentials:\n  - {id: k, type: basic, username: a, value: {env: A}}\n"
       "  - {id: k, type: basic, username: b, value: {env: B}}\n",
       "p:4:10: /credentials/1/id: two credentials have this id"},
      {used_by("allow: {hosts: [a.test]}, credential: x"),
       "p:5:49: /egress/0/credential: there is no credential of this id (define it under "
       "credentials:)"},
      {used_by("allow: {hosts: [a.test]}, credential: []"),
       "p:5:49: /egress/0/credential: the list is empty (fill it in or leave the key out)"},
      {used_by("allow: {hosts: [a.test]}, credential: [k, same]"),
       "p:5:49: /egress/0/credential: two of them go to the same place"},
      {used_by("allow: {hosts: ['**']}, credential: k"),
       "p:5:47: /egress/0/credential: a login needs hosts that are named (no **, *, re: or network "
       "in "
       "hosts)"},
      {used_by("allow: {hosts: [a.test]}, tls: passthrough, credential: k"),
       "p:5:67: /egress/0/credential: nothing can be put into a tunnel that is passed through "
       "(tls: "
       "intercept)"},
      {used_by("allow: {hosts: [a.test], schemes: [http, https]}, credential: k"),
       "p:5:73: /egress/0/credential: a login does not go over http (remove http, or plaintext: "
       "true)"},
      {used_by("block: {hosts: [a.test]}, credential: k"),
       "p:5:49: /egress/0/credential: only an allow rule has duties (move it to the allow rule)"},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(first(text) == expected);
}

constexpr std::string_view kAwsPolicy = R"(version: 1
credentials:
  - {id: s3, type: aws_sigv4, service: s3, region: eu-central-1, access_key: {env: ID}, secret_key: {file: k}, session_token: {env: T}}
  - {id: role, type: aws_sigv4, service: bedrock, region: us-east-1, value: {exec: [aws, keys]}, refresh: 5m}
egress:
  - {allow: {hosts: [b.s3.test]}, credential: s3}
  - {allow: {hosts: [llm.test]}, credential: role}
)";

BOOST_AUTO_TEST_CASE(keys_of_aws_are_read_one_by_one_or_together) {
  const auto all = policy(kAwsPolicy)->credentials;
  BOOST_TEST_REQUIRE(all.size() == 2U);
  BOOST_TEST((all[0].type == Credential::Type::aws_sigv4));
  BOOST_TEST(all[0].service == "s3");
  BOOST_TEST(all[0].region == "eu-central-1");
  BOOST_TEST_REQUIRE(all[0].keys.size() == 3U);
  BOOST_TEST(all[0].keys[0].id == "s3.access_key");
  BOOST_TEST(all[0].keys[1].words.front() == "k");
  BOOST_TEST(all[0].keys[2].id == "s3.session_token");
  BOOST_TEST(sources_of(all[0]).size() == 3U);
  BOOST_TEST(all[1].keys.empty());
  BOOST_TEST(sources_of(all[1]).front().words.size() == 2U);
  BOOST_TEST((all[1].refresh == std::chrono::minutes(5)));
  const auto duties = BothEngines(policy(kAwsPolicy)).decide(call("PUT https://b.s3.test/k"));
  BOOST_TEST(duties.obligations.credentials == std::vector<std::string>{"s3"},
             boost::test_tools::per_element());
  BOOST_TEST(!BothEngines(policy(kAwsPolicy)).decide(call("PUT http://b.s3.test/k")).allowed());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_keys_of_aws_is_refused_where_it_stands) {
  const std::string aws = "id: k, type: aws_sigv4, service: s3, region: r";
  const std::string keys = ", access_key: {env: A}, secret_key: {env: B}";
  const std::pair<std::string, std::string_view> rows[] = {
      {credential("id: k, type: aws_sigv4, region: r" + keys),
       "p:2:15: /credentials/0: the key \"service\" is missing"},
      {credential("id: k, type: aws_sigv4, service: s3" + keys),
       "p:2:15: /credentials/0: the key \"region\" is missing"},
      {credential("id: k, type: aws_sigv4, service: a/b, region: r" + keys),
       "p:2:49: /credentials/0/service: expected letters, digits and '-' (as in s3 and "
       "eu-central-1)"},
      {credential("id: k, type: aws_sigv4, service: s3, region: EU" + keys),
       "p:2:61: /credentials/0/region: expected letters, digits and '-' (as in s3 and "
       "eu-central-1)"},
      {credential(aws), "p:2:15: /credentials/0: the key \"access_key\" is missing"},
      {credential(aws + ", access_key: {env: A}"),
       "p:2:15: /credentials/0: the key \"secret_key\" is missing"},
      {credential(aws + ", access_key: {env: A}, secret_key: wJalrXUtnFEMI"),
       "p:2:98: /credentials/0/secret_key: a secret never stands in the file (write secret_key: "
       "{env: NAME} or {file: path})"},
      {credential(aws + keys + ", value: {env: C}"),
       "p:2:76: /credentials/0/access_key: \"access_key\" does not apply here (the document of "
       "value: holds it)"},
      {credential(aws + keys + ", header: x"),
       "p:2:116: /credentials/0/header: \"header\" does not apply here (it belongs to type: "
       "header)"},
      {credential("id: k, type: basic, username: u, value: {env: A}, secret_key: {env: B}"),
       "p:2:78: /credentials/0/secret_key: \"secret_key\" does not apply here (it belongs to type: "
       "aws_sigv4)"},
      {"version: 1\ncredentials:\n  - {" + aws + keys + "}\n" +
           "  - {id: l, type: header, header: Authorization, value: {env: L}}\n"
           "egress: [{allow: {hosts: [a.test]}, credential: [k, l]}]\n",
       "p:5:49: /egress/0/credential: two of them go to the same place"},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(first(text) == expected);
}

BOOST_AUTO_TEST_CASE(a_value_that_stands_there_by_mistake_is_not_quoted) {
  const auto said = first(credential("id: k, type: header, header: x, value: hunter2hunter2"));
  BOOST_TEST(said.find("hunter2") == std::string::npos, said);
  for (const std::string key : {"access_key", "secret_key", "session_token"}) {
    const auto aws = first(credential("id: k, type: aws_sigv4, service: s3, region: r, "
                                      "access_key: {env: A}, " +
                                      (key == "access_key" ? "" : key + ": hunter2hunter2, ") +
                                      "secret_key: {env: [hunter2]}"));
    BOOST_TEST(aws.find("hunter2") == std::string::npos, aws);
  }
}

BOOST_AUTO_TEST_CASE(what_no_rule_uses_is_said) {
  const auto loaded = load("version: 1\ncredentials: [{id: k, type: basic, username: a, value: "
                           "{env: A}}]\negress: [{allow: {hosts: [a.test]}}]\n");
  BOOST_TEST_REQUIRE(loaded.diagnostics.size() == 1U);
  BOOST_TEST(loaded.diagnostics.front().message == "no rule uses the credential k");
}

BOOST_AUTO_TEST_CASE(a_policy_holds_64_of_them) {
  std::string text = "version: 1\ncredentials:\n";
  for (int i = 0; i <= 64; ++i) {
    const auto n = std::to_string(i);
    text += "  - {id: c" + n + ", type: header, header: x-" + n + ", value: {env: A}}\n";
  }
  BOOST_TEST(first(text) == "p:67:5: /credentials/64: the policy has more than 64 credentials");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
