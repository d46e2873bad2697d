// The gate over parsed heads; the many messages it must refuse are in tests/vectors/http1.
#include "proxy/wire/framing.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>

namespace {

using namespace sluice::wire;

RequestHead request(std::initializer_list<Field> fields, Version version = Version::http11) {
  RequestHead head;
  head.method = "POST";
  head.target = "/";
  head.version = version;
  for (const auto& field : fields) head.fields.add(field.name, field.value);
  if (version == Version::http11 && head.fields.count("host") == 0) head.fields.add("Host", "a");
  return head;
}

ResponseHead response(int status, std::initializer_list<Field> fields) {
  ResponseHead head;
  head.status = status;
  for (const auto& field : fields) head.fields.add(field.name, field.value);
  return head;
}

bool accepts(RequestHead head) {
  return !settle_request(head).has_value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(framing)

BOOST_AUTO_TEST_CASE(every_refusal_names_its_rfc) {
  auto head = request({{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}});
  const auto fault = settle_request(head);
  BOOST_REQUIRE(fault.has_value());
  BOOST_TEST((fault->fault == ProtocolFault::framing));
  BOOST_TEST(fault->detail.find("RFC 9112") != std::string::npos);
  BOOST_TEST(fault->detail.find("chunked") == std::string::npos); // no bytes of the message
}

BOOST_AUTO_TEST_CASE(a_second_host_is_named_as_such) {
  auto head = request({{"Host", "a"}, {"host", "a"}});
  const auto fault = settle_request(head);
  BOOST_REQUIRE(fault.has_value());
  BOOST_TEST(fault->detail == "Host repeated (RFC 9112 §3.2)");
}

BOOST_AUTO_TEST_CASE(length_at_the_edge) {
  auto head = request({{"Content-Length", "9223372036854775807"}});
  BOOST_REQUIRE(!settle_request(head).has_value());
  BOOST_TEST(head.content_length == 9223372036854775807U);
  BOOST_TEST(!accepts(request({{"Content-Length", "9223372036854775808"}})));
}

BOOST_AUTO_TEST_CASE(expectation_needs_content_and_http11) {
  auto with_body = request({{"Expect", "100-continue"}, {"Content-Length", "1"}});
  BOOST_REQUIRE(!settle_request(with_body).has_value());
  BOOST_TEST(with_body.expects_continue);
  auto chunked = request({{"Expect", "100-Continue"}, {"Transfer-Encoding", "chunked"}});
  BOOST_REQUIRE(!settle_request(chunked).has_value());
  BOOST_TEST(chunked.expects_continue);
  auto empty = request({{"Expect", "100-continue"}, {"Content-Length", "0"}});
  BOOST_REQUIRE(!settle_request(empty).has_value());
  BOOST_TEST(!empty.expects_continue);
  auto old = request({{"Expect", "100-continue"}, {"Content-Length", "1"}}, Version::http10);
  BOOST_REQUIRE(!settle_request(old).has_value());
  BOOST_TEST(!old.expects_continue);
}

BOOST_AUTO_TEST_CASE(upgrade_needs_its_connection_option_and_http11) {
  auto both = request({{"Upgrade", "websocket"}, {"Connection", "keep-alive, Upgrade"}});
  BOOST_REQUIRE(!settle_request(both).has_value());
  BOOST_TEST(both.wants_upgrade);
  auto alone = request({{"Upgrade", "websocket"}});
  BOOST_REQUIRE(!settle_request(alone).has_value());
  BOOST_TEST(!alone.wants_upgrade);
  auto old = request({{"Upgrade", "x"}, {"Connection", "upgrade"}}, Version::http10);
  BOOST_REQUIRE(!settle_request(old).has_value());
  BOOST_TEST(!old.wants_upgrade);
}

BOOST_AUTO_TEST_CASE(keep_alive) {
  const auto kept = [](RequestHead head) {
    BOOST_REQUIRE(!settle_request(head).has_value());
    return head.keep_alive;
  };
  BOOST_TEST(kept(request({})));
  BOOST_TEST(!kept(request({{"Connection", "close, keep-alive"}})));
  BOOST_TEST(!kept(request({}, Version::http10)));
  BOOST_TEST(kept(request({{"Connection", "Keep-Alive"}}, Version::http10)));
  BOOST_TEST(!kept(request({{"Proxy-Connection", "keep-alive"}}, Version::http10)));
}

BOOST_AUTO_TEST_CASE(responses_that_end_with_their_head) {
  for (const int status : {100, 103, 204, 304}) {
    auto head = response(status, {{"Content-Length", status == 304 ? "5" : "0"}});
    BOOST_REQUIRE(!settle_response(head, "GET").has_value());
    BOOST_TEST((head.framing == BodyFraming::none));
    BOOST_TEST(head.content_length == 0U);
  }
  auto to_head = response(200, {{"Content-Length", "5"}});
  BOOST_REQUIRE(!settle_response(to_head, "HEAD").has_value());
  BOOST_TEST((to_head.framing == BodyFraming::none));
  auto to_get = response(200, {{"Content-Length", "5"}});
  BOOST_REQUIRE(!settle_response(to_get, "GET").has_value());
  BOOST_TEST((to_get.framing == BodyFraming::length));
}

BOOST_AUTO_TEST_CASE(a_body_until_close_closes) {
  auto head = response(200, {});
  BOOST_REQUIRE(!settle_response(head, "GET").has_value());
  BOOST_TEST((head.framing == BodyFraming::until_close));
  BOOST_TEST(!head.keep_alive);
}

BOOST_AUTO_TEST_CASE(fields_that_decide_meaning) {
  for (const auto* name : {"Transfer-Encoding", "content-length", "HOST", "Trailer", "TE",
                           "Content-Encoding", "Content-Type", "Content-Range", "Authorization",
                           "Proxy-Authorization", "Cookie", "Set-Cookie", "WWW-Authenticate",
                           "Cache-Control", "Expect", "Max-Forwards", "Connection", "Upgrade"}) {
    BOOST_TEST(decides_meaning(name), name);
    Fields trailers;
    trailers.add(name, "x");
    BOOST_TEST(check_trailers(trailers).has_value(), name);
  }
  Fields harmless;
  harmless.add("X-Checksum", "1");
  harmless.add("Grpc-Status", "0");
  harmless.add("Server-Timing", "x");
  BOOST_TEST(!check_trailers(harmless).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
