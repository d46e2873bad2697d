#include "proxy/io/endpoint.hpp"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace sluice::io {
namespace {

Endpoint v6(const char* text, std::uint16_t port) {
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  at.sin6_port = htons(port);
  BOOST_REQUIRE(::inet_pton(AF_INET6, text, &at.sin6_addr) == 1);
  return endpoint_of(reinterpret_cast<const sockaddr*>(&at)).value();
}

BOOST_AUTO_TEST_SUITE(endpoint)

BOOST_AUTO_TEST_CASE(texts_and_families) {
  BOOST_TEST(v6("2001:db8::1", 443).text() == "[2001:db8::1]:443");
  BOOST_TEST(v6("::ffff:10.0.0.1", 80).text() == "10.0.0.1:80");
  BOOST_TEST((Endpoint{model::IpAddress::v4(0x7F000001), 1}.text() == "127.0.0.1:1"));
}

BOOST_AUTO_TEST_CASE(there_and_back) {
  for (const Endpoint& one :
       {Endpoint{model::IpAddress::v4(0x0A010203), 7}, v6("fd00::9", 65535)}) {
    BOOST_TEST((endpoint_of(to_asio(one)) == one));
  }
}

BOOST_AUTO_TEST_CASE(other_families_are_nothing) {
  sockaddr other{};
  other.sa_family = AF_UNIX;
  BOOST_TEST(!endpoint_of(&other).has_value());
  BOOST_TEST(!endpoint_of(static_cast<const sockaddr*>(nullptr)).has_value());
}

BOOST_AUTO_TEST_CASE(without_a_redirect_the_original_destination_is_the_listener) {
  net::io_context context(1);
  Acceptor acceptor(context.get_executor(), Tcp::endpoint(net::ip::address_v4::loopback(), 0));
  Socket client(context.get_executor());
  client.connect(acceptor.local_endpoint());
  Socket accepted = acceptor.accept();
  const auto found = original_destination(accepted);
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((*found == endpoint_of(acceptor.local_endpoint())));
  accepted.close();
  BOOST_TEST(!original_destination(accepted).has_value());
}

BOOST_AUTO_TEST_CASE(who_cannot_listen_beside_whom) {
  const auto at = [](const char* address, std::uint16_t port) {
    return Endpoint{*model::IpAddress::parse_strict(address), port};
  };
  const struct {
    const char *a, *b;
    bool overlap;
  } rows[] = {{"127.0.0.1", "127.0.0.1", true},
              {"127.0.0.1", "127.0.0.2", false},
              {"0.0.0.0", "127.0.0.1", true},
              {"0.0.0.0", "::1", false},
              {"::", "::1", true},
              {"::", "127.0.0.1", true},
              {"::", "0.0.0.0", true},
              {"::1", "127.0.0.1", false}};
  for (const auto& row : rows) {
    BOOST_TEST_CONTEXT(row.a << " " << row.b) {
      BOOST_TEST(overlap(at(row.a, 1), at(row.b, 1)) == row.overlap);
      BOOST_TEST(overlap(at(row.b, 1), at(row.a, 1)) == row.overlap);
      BOOST_TEST(!overlap(at(row.a, 1), at(row.b, 2)));
      BOOST_TEST(!overlap(at(row.a, 0), at(row.b, 0)));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace sluice::io
