#include "certs/leaf_store.hpp"

#include "tests/unit/certs/certs_support.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace {

using namespace sluice;
using certs::Authority;
using certs::LeafStore;
using certs::UpstreamRoots;

struct Fixture {
  ManualClock clock{test::kNow};
  test::TemporaryFolder folder;
  Authority authority = Authority::create(folder / "ca", clock).value();
  LeafStore store{authority, clock, 3};
  certs::SslCtxPtr client =
      certs::make_upstream_context(UpstreamRoots::none, {folder / "ca/ca.pem"}).value();

  SSL_CTX* context(const std::string& host) { return store.context_for(host).value(); }
  test::Handshake shake(const std::string& expected, const std::string& served,
                        bool is_address = false) {
    return test::handshake(test::client_for(client.get(), expected, is_address), context(served),
                           clock);
  }
};

std::string alpn_of(SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(leaf_store, Fixture)

BOOST_AUTO_TEST_CASE(a_client_that_trusts_the_ca_is_content) {
  const auto done = shake("a.test", "a.test");
  BOOST_TEST(done.done);
  BOOST_TEST(SSL_version(done.client.get()) == TLS1_3_VERSION);
  BOOST_TEST(alpn_of(done.client.get()) == "http/1.1");
  BOOST_TEST(certs::verification_failure(done.client.get()) == "");
  BOOST_TEST(sk_X509_num(SSL_get_peer_cert_chain(done.client.get())) == 2); // leaf and CA
}

BOOST_AUTO_TEST_CASE(addresses) {
  BOOST_TEST(shake("10.1.2.3", "10.1.2.3", true).done);
  BOOST_TEST(shake("2001:db8::1", "2001:db8::1", true).done);
  BOOST_TEST(!shake("10.1.2.4", "10.1.2.3", true).done);
  BOOST_TEST(!shake("10.1.2.3", "10.1.2.3", false).done); // an address is not a name
}

BOOST_AUTO_TEST_CASE(the_wrong_name) {
  const auto done = shake("b.test", "a.test");
  BOOST_TEST(!done.done);
  BOOST_TEST(certs::verification_failure(done.client.get()) == "hostname mismatch");
}

BOOST_AUTO_TEST_CASE(a_leaf_that_has_expired) {
  auto* served = context("a.test");
  clock.advance(3 * test::kDayNanos);
  const auto done = test::handshake(test::client_for(client.get(), "a.test"), served, clock);
  BOOST_TEST(!done.done);
  BOOST_TEST(certs::verification_failure(done.client.get()) == "certificate has expired");
}

BOOST_AUTO_TEST_CASE(a_client_whose_clock_is_behind) {
  auto* served = context("a.test");
  clock.advance(-test::kDayNanos / 2);
  BOOST_TEST(test::handshake(test::client_for(client.get(), "a.test"), served, clock).done);
}

BOOST_AUTO_TEST_CASE(another_ca_is_not_trusted) {
  BOOST_REQUIRE(Authority::create(folder / "other", clock).has_value());
  const auto other = certs::make_upstream_context(UpstreamRoots::none, {folder / "other/ca.pem"});
  const auto done =
      test::handshake(test::client_for(other.value().get(), "a.test"), context("a.test"), clock);
  BOOST_TEST(!done.done);
  BOOST_TEST(certs::verification_failure(done.client.get()) != "");
}

BOOST_AUTO_TEST_CASE(old_tls_is_refused) {
  auto* served = context("a.test");
  BOOST_TEST(SSL_CTX_get_min_proto_version(served) == TLS1_2_VERSION);
  // OpenSSL's security level alone would refuse them; here it is our own floor that must.
  SSL_CTX_set_security_level(served, 0);
  const auto works_with = [&](int version) {
    auto ssl = test::client_for(client.get(), "a.test");
    SSL_set_security_level(ssl.get(), 0);
    SSL_set_min_proto_version(ssl.get(), version);
    SSL_set_max_proto_version(ssl.get(), version);
    return test::handshake(std::move(ssl), served, clock).done;
  };
  BOOST_TEST(!works_with(TLS1_VERSION));
  BOOST_TEST(!works_with(TLS1_1_VERSION));
  BOOST_TEST(works_with(TLS1_2_VERSION));
}

BOOST_AUTO_TEST_CASE(only_http11_is_chosen) {
  auto both = test::client_for(client.get(), "a.test");
  const std::vector<unsigned char> offer{2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_set_alpn_protos(both.get(), offer.data(), static_cast<unsigned>(offer.size()));
  const auto done = test::handshake(std::move(both), context("a.test"), clock);
  BOOST_TEST(alpn_of(done.client.get()) == "http/1.1");
  auto h2 = test::client_for(client.get(), "a.test");
  SSL_set_alpn_protos(h2.get(), offer.data(), 3);
  const auto without = test::handshake(std::move(h2), context("a.test"), clock);
  BOOST_TEST(alpn_of(without.client.get()) == "");
}

BOOST_AUTO_TEST_CASE(tickets_resume) {
  auto first = test::client_for(client.get(), "a.test");
  SSL_set_max_proto_version(first.get(), TLS1_2_VERSION); // the ticket comes in the handshake
  const auto done = test::handshake(std::move(first), context("a.test"), clock);
  SSL_SESSION* session = SSL_get1_session(done.client.get());
  auto second = test::client_for(client.get(), "a.test");
  SSL_set_max_proto_version(second.get(), TLS1_2_VERSION);
  SSL_set_session(second.get(), session);
  const auto again = test::handshake(std::move(second), context("a.test"), clock);
  BOOST_TEST(again.done);
  BOOST_TEST(SSL_session_reused(again.client.get()) == 1);
  SSL_SESSION_free(session);
}

BOOST_AUTO_TEST_CASE(the_least_recently_used_goes_first) {
  auto* a = context("a.test");
  SSL_CTX_up_ref(a); // so that its address cannot be given to another
  context("b.test");
  context("c.test");
  BOOST_TEST(context("a.test") == a); // used again
  context("d.test");                  // b goes
  BOOST_TEST(store.size() == 3U);
  BOOST_TEST(context("a.test") == a);
  context("b.test"); // made again: c goes
  BOOST_TEST(store.size() == 3U);
  BOOST_TEST(context("a.test") == a);
  context("c.test");
  context("d.test");
  context("b.test");
  BOOST_TEST(context("a.test") != a);
  SSL_CTX_free(a);
}

BOOST_AUTO_TEST_CASE(an_evicted_context_serves_whom_it_has) {
  test::SslPtr server(SSL_new(context("a.test")));
  for (const auto* host : {"b.test", "c.test", "d.test"}) context(host);
  BOOST_TEST(SSL_get_certificate(server.get()) != nullptr);
}

BOOST_AUTO_TEST_CASE(renewed_at_half_its_life) {
  auto* first = context("a.test");
  SSL_CTX_up_ref(first);
  clock.advance(test::kDayNanos - 1);
  BOOST_TEST(context("a.test") == first);
  clock.advance(1);
  auto* second = context("a.test");
  BOOST_TEST(second != first);
  BOOST_TEST(store.size() == 1U);
  BOOST_TEST(test::handshake(test::client_for(client.get(), "a.test"), second, clock).done);
  SSL_CTX_free(first);
}

BOOST_AUTO_TEST_CASE(a_name_without_a_leaf_is_an_error_and_not_kept) {
  BOOST_TEST(store.context_for("*").error().code == "leaf_failed");
  BOOST_TEST(store.size() == 0U);
  LeafStore smallest(authority, clock, 0);
  BOOST_TEST(smallest.context_for("a.test").has_value());
  BOOST_TEST(smallest.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_error_queue_stays_empty) {
  context("a.test");
  context("10.0.0.1");
  BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
