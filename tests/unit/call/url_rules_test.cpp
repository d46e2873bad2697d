// In which messages addresses change.
#include "proxy/call/url_rules.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace sluice;

call::UrlRules rules() {
  auto table = std::make_shared<call::UrlTable>();
  BOOST_TEST(table->add("http://a", "http://b") == "");
  call::UrlRules out;
  out.request = out.response = table;
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(url_rules)

BOOST_AUTO_TEST_CASE(text_and_json_hold_addresses) {
  for (const char* type : {"application/json", "Application/JSON ; charset=utf-8",
                           "application/a2a+json", "text/plain", "text/event-stream;x=y",
                           "application/x-ndjson", "application/jsonl", "application/json-seq"})
    BOOST_TEST(call::may_hold_urls(type), type);
  for (const char* type :
       {"", "application/octet-stream", "application/x-www-form-urlencoded", "multipart/mixed",
        "image/svg+xml", "application/jsonp", "json", "text", "text/plain, application/zip"})
    BOOST_TEST(!call::may_hold_urls(type), type);
}

BOOST_AUTO_TEST_CASE(bodies_that_mean_something_change) {
  wire::RequestHead head;
  head.fields.add("Content-Type", "text/plain");
  head.framing = wire::BodyFraming::chunked;
  for (const auto& [method, changes] : {std::pair{"POST", true},
                                        {"PUT", true},
                                        {"DELETE", true},
                                        {"QUERY", true},
                                        {"GET", false},
                                        {"HEAD", false}}) {
    head.method = method;
    BOOST_TEST(call::rewrites_request(rules(), head) == changes, method);
  }
  head.method = "POST";
  BOOST_TEST(!call::rewrites_request({}, head));
  head.framing = wire::BodyFraming::none;
  BOOST_TEST(!call::rewrites_request(rules(), head));

  wire::ResponseHead answer;
  answer.status = 200;
  BOOST_TEST(!call::rewrites_response(rules(), answer));
  answer.status = 304;
  BOOST_TEST(call::rewrites_response(rules(), answer));
  BOOST_TEST(!call::rewrites_response({}, answer));
  answer.fields.add("Content-Type", "image/png");
  BOOST_TEST(!call::rewrites_response(rules(), answer));
}

BOOST_AUTO_TEST_CASE(three_fields_change) {
  wire::Fields fields;
  for (const char* name : {"LOCATION", "Content-Location", "link", "Refresh", "Location-X"})
    fields.add(name, "<http://a/x>");
  const auto before = fields;
  call::rewrite_fields({}, fields);
  BOOST_TEST((fields == before));
  call::rewrite_fields(rules(), fields);
  for (std::size_t i = 0; i < 5; ++i)
    BOOST_TEST(fields.all()[i].value == (i < 3 ? "<http://b/x>" : "<http://a/x>"));
}

BOOST_AUTO_TEST_SUITE_END()
