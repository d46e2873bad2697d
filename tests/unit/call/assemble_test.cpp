// Where a call goes must have one answer: every name the agent gave is the same, or it is refused.
#include "proxy/call/assemble.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <variant>

namespace {

using namespace sluice;
using namespace sluice::call;
using model::Reason;

model::Destination destination(model::Scheme scheme, const std::string& host, std::uint16_t port) {
  return {scheme, model::Host::parse(host).value(), port};
}

wire::RequestHead head(std::string method, std::string target, const std::string& host) {
  wire::RequestHead out;
  out.method = std::move(method);
  out.target = std::move(target);
  out.fields.add("Host", host);
  return out;
}

Origination forward() {
  Origination from;
  from.listener = "egress";
  return from;
}

Origination inside_tunnel(const std::string& host, std::uint16_t port, std::string sni) {
  auto from = forward();
  from.fixed = destination(model::Scheme::https, host, port);
  from.sni = std::move(sni);
  return from;
}

Origination reverse() {
  auto from = forward();
  from.kind = ListenerKind::reverse;
  from.fixed = destination(model::Scheme::https, "models.test", 443);
  return from;
}

// "https://host:port /path" or the code of the reason.
std::string answer(const Assembly& assembly) {
  if (const auto* fault = std::get_if<AssemblyFault>(&assembly)) {
    BOOST_TEST(!fault->detail.empty());
    return std::string(model::row(fault->reason).code);
  }
  const auto& facts = std::get<Assembled>(assembly);
  const auto& to = facts.call.to;
  return std::string(model::to_string(to.scheme)) + "://" + to.host_port() + " " +
         facts.upstream_target;
}

std::string asked(const Origination& from, const std::string& target, const std::string& host,
                  const std::string& method = "GET") {
  return answer(assemble(from, head(method, target, host), "call-1"));
}

std::string connected(const Origination& from, const std::string& target, const std::string& host) {
  return answer(assemble_connect(from, head("CONNECT", target, host), "call-1"));
}

} // namespace

BOOST_AUTO_TEST_SUITE(assemble_forward)

BOOST_AUTO_TEST_CASE(the_absolute_target_says_where) {
  BOOST_TEST(asked(forward(), "http://api.test/v1?q=1", "api.test") ==
             "http://api.test:80 /v1?q=1");
  BOOST_TEST(asked(forward(), "http://api.test", "api.test") == "http://api.test:80 /");
  BOOST_TEST(asked(forward(), "http://api.test?q", "api.test") == "http://api.test:80 /?q");
  BOOST_TEST(asked(forward(), "http://api.test/?", "api.test") == "http://api.test:80 /?");
  BOOST_TEST(asked(forward(), "HTTP://API.Test:8080/a/../b", "api.test:8080") ==
             "http://api.test:8080 /b");
}

BOOST_AUTO_TEST_CASE(one_name_in_any_spelling) {
  BOOST_TEST(asked(forward(), "http://api.test/", "API.test.") == "http://api.test:80 /");
  BOOST_TEST(asked(forward(), "http://api.test:80/", "api.test") == "http://api.test:80 /");
  BOOST_TEST(asked(forward(), "http://api.test/", "api.test:80") == "http://api.test:80 /");
  BOOST_TEST(asked(forward(), "http://[::1]/", "[0:0::1]") == "http://[::1]:80 /");
  BOOST_TEST(asked(forward(), "http://127.1/", "127.0.0.1") == "http://127.0.0.1:80 /");
}

BOOST_AUTO_TEST_CASE(host_must_repeat_the_target) {
  for (const auto* host : {"other.test", "api.test.evil.test", "api.test:81", "[::1]", "api",
                           "user@api.test", "api.test,other.test", ""}) {
    BOOST_TEST(asked(forward(), "http://api.test/", host) == "name_mismatch", host);
  }
  BOOST_TEST(asked(forward(), "http://api.test:8080/", "api.test") == "name_mismatch");
  auto twice = head("GET", "http://api.test/", "api.test");
  twice.fields.add("host", "api.test");
  BOOST_TEST(answer(assemble(forward(), twice, "call-1")) == "name_mismatch");
}

// RFC 9112 §3.2: only HTTP/1.0 may leave Host out.
BOOST_AUTO_TEST_CASE(no_host) {
  auto none = head("GET", "http://api.test/", "");
  none.fields.erase("host");
  BOOST_TEST(answer(assemble(forward(), none, "call-1")) == "name_mismatch");
  none.version = wire::Version::http10;
  BOOST_TEST(answer(assemble(forward(), none, "call-1")) == "http://api.test:80 /");
}

BOOST_AUTO_TEST_CASE(a_forward_listener_needs_an_absolute_http_target) {
  BOOST_TEST(asked(forward(), "/v1", "api.test") == "protocol_unsupported");
  BOOST_TEST(asked(forward(), "*", "api.test", "OPTIONS") == "protocol_unsupported");
  BOOST_TEST(asked(forward(), "https://api.test/", "api.test") == "protocol_unsupported");
  BOOST_TEST(asked(forward(), "ftp://api.test/", "api.test") == "protocol_unsupported");
  BOOST_TEST(asked(forward(), "api.test:443", "api.test") == "protocol_unsupported");
}

BOOST_AUTO_TEST_CASE(hosts_and_paths_that_can_be_read_twice) {
  for (const auto* target :
       {"http://user@api.test/", "http://user:password@api.test/", "http:///x", "http://api.test:/",
        "http://api.test:0/", "http://api.test:65536/", "http://api.test:8o/", "http://[::1/",
        "http://::1/", "http://[fe80::1%25eth0]/", "http://api.test\\@evil.test/"}) {
    BOOST_TEST(asked(forward(), target, "api.test") == "host_invalid", target);
  }
  for (const auto* target :
       {"http://api.test/a%5cb", "http://api.test/%2e%2e/x", "http://api.test/a//b",
        "http://api.test/a\\b", "http://api.test/%252e", "http://api.test/#x"}) {
    BOOST_TEST(asked(forward(), target, "api.test") == "path_ambiguous", target);
  }
}

BOOST_AUTO_TEST_CASE(facts_are_canonical_and_hold_no_query_value) {
  const auto assembly = assemble(
      forward(), head("POST", "http://API.test/a/./b?key=value&flag&=x&&key=2", "api.test"), "c-7");
  const auto& facts = std::get<Assembled>(assembly);
  BOOST_TEST(facts.call.call_id == "c-7");
  BOOST_TEST(facts.call.listener == "egress");
  BOOST_TEST(facts.call.method == "POST");
  BOOST_TEST(facts.call.path == "/a/b");
  BOOST_TEST((facts.call.protocol == model::Protocol::http));
  const std::vector<std::string> keys{"key", "flag", "", "key"};
  BOOST_TEST(facts.call.query_keys == keys, boost::test_tools::per_element());
  BOOST_TEST(facts.upstream_target == "/a/b?key=value&flag&=x&&key=2");
}

BOOST_AUTO_TEST_CASE(a_fault_tells_what_could_be_read) {
  const auto mismatch = assemble(forward(), head("GET", "http://api.test/x", "b.test"), "call-1");
  const auto& facts = std::get<AssemblyFault>(mismatch).facts;
  BOOST_REQUIRE(facts.has_value());
  BOOST_TEST(facts->call.to.host_port() == "api.test:80");
  BOOST_TEST(facts->call.path == "/x");
  const auto unreadable =
      assemble(inside_tunnel("api.test", 443, ""), head("GET", "/%2f", "api.test"), "call-1");
  BOOST_TEST(std::get<AssemblyFault>(unreadable).facts->call.to.host_port() == "api.test:443");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(assemble_in_a_tunnel)

BOOST_AUTO_TEST_CASE(every_name_is_the_connect_target) {
  const auto from = inside_tunnel("api.test", 443, "api.test");
  BOOST_TEST(asked(from, "/v1?q", "api.test") == "https://api.test:443 /v1?q");
  BOOST_TEST(asked(from, "/", "Api.Test:443") == "https://api.test:443 /");
  BOOST_TEST(asked(from, "https://api.test/v1", "api.test") == "https://api.test:443 /v1");
  BOOST_TEST(asked(from, "*", "api.test", "OPTIONS") == "https://api.test:443 *");
  BOOST_TEST(asked(inside_tunnel("10.0.0.1", 443, ""), "/", "10.0.0.1") ==
             "https://10.0.0.1:443 /");
}

BOOST_AUTO_TEST_CASE(any_other_name_is_refused) {
  const auto from = inside_tunnel("api.test", 443, "api.test");
  BOOST_TEST(asked(from, "/", "other.test") == "name_mismatch");
  BOOST_TEST(asked(from, "/", "api.test:80") == "name_mismatch");
  BOOST_TEST(asked(from, "/", "") == "name_mismatch");
  BOOST_TEST(asked(from, "https://other.test/", "api.test") == "name_mismatch");
  BOOST_TEST(asked(from, "http://api.test/", "api.test") == "name_mismatch");
  BOOST_TEST(asked(from, "https://api.test:444/", "api.test") == "name_mismatch");
  BOOST_TEST(asked(inside_tunnel("api.test", 443, "other.test"), "/", "api.test") ==
             "name_mismatch");
  BOOST_TEST(asked(inside_tunnel("api.test", 443, "other.test"), "/", "other.test") ==
             "name_mismatch");
}

// RFC 9110 §7.2: the port belongs to Host when it is not the scheme's.
BOOST_AUTO_TEST_CASE(another_port) {
  const auto from = inside_tunnel("api.test", 8443, "api.test");
  BOOST_TEST(asked(from, "/", "api.test:8443") == "https://api.test:8443 /");
  BOOST_TEST(asked(from, "/", "api.test") == "name_mismatch");
}

// RFC 9112 §3.2.4.
Origination captured() {
  auto from = forward();
  from.kind = ListenerKind::transparent;
  from.original = model::IpAddress::v4(0x0A000001);
  from.original_port = 8080;
  return from;
}

BOOST_AUTO_TEST_CASE(a_captured_request_is_for_its_host_at_the_port_connected_to) {
  BOOST_TEST(asked(captured(), "/x", "Models.test:8080") == "http://models.test:8080 /x");
  BOOST_TEST(asked(captured(), "http://models.test:8080/x", "models.test:8080") ==
             "http://models.test:8080 /x");
  BOOST_TEST(asked(captured(), "/x", "10.0.0.1:8080") == "http://10.0.0.1:8080 /x");
  auto assembly = assemble(captured(), head("GET", "/", "models.test:8080"), "c");
  BOOST_TEST((std::get<Assembled>(assembly).call.original == captured().original));
}

BOOST_AUTO_TEST_CASE(a_captured_request_that_names_another_place) {
  BOOST_TEST(asked(captured(), "/x", "models.test") == "name_mismatch"); // means port 80
  BOOST_TEST(asked(captured(), "/x", "models.test:81") == "name_mismatch");
  BOOST_TEST(asked(captured(), "http://other.test:8080/", "models.test:8080") == "name_mismatch");
  BOOST_TEST(asked(captured(), "/x", "bad host:8080") == "host_invalid");
  auto old = head("GET", "/", "a");
  old.fields.erase("host");
  BOOST_TEST(answer(assemble(captured(), old, "c")) == "framing_invalid");
  old.version = wire::Version::http10;
  BOOST_TEST(answer(assemble(captured(), old, "c")) == "http://10.0.0.1:8080 /");
}

BOOST_AUTO_TEST_CASE(asterisk_is_for_options) {
  const auto from = inside_tunnel("api.test", 443, "");
  BOOST_TEST(asked(from, "*", "api.test", "GET") == "framing_invalid");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(assemble_reverse)

BOOST_AUTO_TEST_CASE(the_agent_never_chooses_the_upstream) {
  for (const auto* host : {"localhost:8080", "evil.test", "models.test", "127.0.0.1"}) {
    BOOST_TEST(asked(reverse(), "/v1/chat?x=1", host) == "https://models.test:443 /v1/chat?x=1");
  }
  BOOST_TEST(asked(reverse(), "http://evil.test/v1", "evil.test") == "https://models.test:443 /v1");
  BOOST_TEST(asked(reverse(), "/a%5cb", "localhost") == "path_ambiguous");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(assemble_tunnels)

BOOST_AUTO_TEST_CASE(connect_names_host_and_port) {
  BOOST_TEST(connected(forward(), "api.test:443", "api.test:443") == "https://api.test:443 ");
  BOOST_TEST(connected(forward(), "API.test:8443", "api.test") == "https://api.test:8443 ");
  BOOST_TEST(connected(forward(), "[::1]:443", "[::1]:443") == "https://[::1]:443 ");
  auto without_host = head("CONNECT", "api.test:443", "");
  without_host.fields.erase("host");
  BOOST_TEST(answer(assemble_connect(forward(), without_host, "c")) == "https://api.test:443 ");
  const auto assembly =
      assemble_connect(forward(), head("CONNECT", "api.test:443", "api.test"), "c-9");
  const auto& call = std::get<Assembled>(assembly).call;
  BOOST_TEST((call.protocol == model::Protocol::connect));
  BOOST_TEST(call.call_id == "c-9");
  BOOST_TEST(call.method == "CONNECT");
  BOOST_TEST(call.path == "");
}

BOOST_AUTO_TEST_CASE(connect_without_one_clear_authority) {
  for (const auto* target :
       {"api.test", "api.test:", "api.test:0", "api.test:99999", "api.test:443/", ":443",
        "user@api.test:443", "https://api.test:443", "/", "*", "::1:443", "[::1]", "a b:443"}) {
    BOOST_TEST(connected(forward(), target, "api.test") == "host_invalid", target);
  }
  for (const auto* host : {"other.test", "other.test:443", "api.test:444", "api.test:x", ""}) {
    BOOST_TEST(connected(forward(), "api.test:443", host) == "name_mismatch", host);
  }
}

BOOST_AUTO_TEST_CASE(connect_is_for_forward_listeners_once) {
  BOOST_TEST(connected(reverse(), "api.test:443", "api.test") == "protocol_unsupported");
  BOOST_TEST(connected(inside_tunnel("api.test", 443, ""), "api.test:443", "api.test") ==
             "protocol_unsupported");
}

BOOST_AUTO_TEST_SUITE_END()
