#include "certs/trust.hpp"

#include "certs/java_trust_store.hpp"
#include "tests/unit/certs/certs_support.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>

#include <algorithm>
#include <set>
#include <string>

namespace {

using namespace sluice;
using certs::Authority;
using certs::UpstreamRoots;

struct Fixture {
  ManualClock clock{test::kNow};
  test::TemporaryFolder folder;
  Authority authority = Authority::create(folder / "ca", clock).value();
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(trust, Fixture)

BOOST_AUTO_TEST_CASE(verification_is_on) {
  for (const auto roots : {UpstreamRoots::system, UpstreamRoots::none}) {
    const auto context = certs::make_upstream_context(roots, {});
    BOOST_REQUIRE(context.has_value());
    BOOST_TEST(SSL_CTX_get_verify_mode(context.value().get()) == SSL_VERIFY_PEER);
    BOOST_TEST(SSL_CTX_get_min_proto_version(context.value().get()) == TLS1_2_VERSION);
  }
}

BOOST_AUTO_TEST_CASE(nobody_is_trusted_by_default) {
  const auto context = certs::make_upstream_context(UpstreamRoots::none, {});
  certs::LeafStore store(authority, clock);
  const auto done = test::handshake(test::client_for(context.value().get(), "a.test"),
                                    store.context_for("a.test").value(), clock);
  BOOST_TEST(!done.done);
  BOOST_TEST(certs::verification_failure(done.client.get()) != "");
}

BOOST_AUTO_TEST_CASE(a_root_that_cannot_be_read_is_an_error) {
  test::write_file(folder / "empty", "");
  test::write_file(folder / "nonsense", "-----BEGIN CERTIFICATE-----\nnonsense\n");
  for (const auto* name : {"missing", "empty", "nonsense"}) {
    const auto context = certs::make_upstream_context(UpstreamRoots::none, {folder / name});
    BOOST_REQUIRE(context.has_error());
    BOOST_TEST(context.error().code == "root_unreadable");
    BOOST_TEST((context.error().origin == Origin::config));
  }
  BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(sni_is_for_names_only) {
  const auto context = certs::make_upstream_context(UpstreamRoots::none, {});
  const auto by_name = test::client_for(context.value().get(), "a.test");
  BOOST_TEST(SSL_get_servername(by_name.get(), TLSEXT_NAMETYPE_host_name) ==
             std::string_view("a.test"));
  const auto by_address = test::client_for(context.value().get(), "10.0.0.1", true);
  BOOST_TEST(SSL_get_servername(by_address.get(), TLSEXT_NAMETYPE_host_name) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_peer_without_a_name_is_never_accepted) {
  const auto context = certs::make_upstream_context(UpstreamRoots::none, {});
  const test::SslPtr ssl(SSL_new(context.value().get()));
  BOOST_TEST(certs::expect_peer(ssl.get(), "", false).has_error());
  BOOST_TEST(certs::expect_peer(ssl.get(), "", true).has_error());
  BOOST_TEST(certs::expect_peer(ssl.get(), "not an address", true).has_error());
  BOOST_TEST(certs::expect_peer(ssl.get(), std::string(300, 'a'), false).has_error());
}

// RFC 9110 §4.3.4: a certificate that names the host in its common name only proves nothing.
BOOST_AUTO_TEST_CASE(the_common_name_does_not_count) {
  const certs::PkeyPtr key(EVP_EC_gen("P-256"));
  const certs::X509Ptr certificate(X509_new());
  auto* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("a.test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), test::kNow / test::kSecondNanos - 10);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), test::kNow / test::kSecondNanos + 10);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const certs::SslCtxPtr server(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(server.get(), certificate.get());
  SSL_CTX_use_PrivateKey(server.get(), key.get());
  const auto client = certs::make_upstream_context(UpstreamRoots::none, {}).value();
  X509_STORE_add_cert(SSL_CTX_get_cert_store(client.get()), certificate.get());
  const auto done = test::handshake(test::client_for(client.get(), "a.test"), server.get(), clock);
  BOOST_TEST(!done.done);
  BOOST_TEST(certs::verification_failure(done.client.get()) == "hostname mismatch");
}

BOOST_AUTO_TEST_CASE(the_bundle_holds_ours_and_every_variable_names_it) {
  const auto file = folder / "bundle.pem";
  test::write_file(file, "what was there before");
  const auto variables = certs::write_trust_bundle(authority, file);
  BOOST_REQUIRE(variables.has_value());
  const auto content = test::content_of(file);
  BOOST_TEST(content.ends_with(authority.certificate_pem()));
  BOOST_TEST(content.find("what was there before") == std::string::npos);
  BOOST_TEST(content.find("PRIVATE") == std::string::npos);
  std::set<std::string> names;
  for (const auto& variable : variables.value()) {
    names.insert(variable.name);
    const bool java = variable.name == "JAVA_TOOL_OPTIONS";
    BOOST_TEST(variable.value == (java ? certs::java_tool_options(file + ".p12") : file));
  }
  for (const auto* name :
       {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "GIT_SSL_CAINFO", "DENO_CERT", "AWS_CA_BUNDLE",
        "PIP_CERT", "CARGO_HTTP_CAINFO", "NPM_CONFIG_CAFILE", "JAVA_TOOL_OPTIONS"}) {
    BOOST_TEST(names.contains(name), name);
  }
  BOOST_TEST(test::content_of(file + ".p12") == certs::java_trust_store(content).value());
  // It works as a root file, and makes our leaves believed.
  const auto client = certs::make_upstream_context(UpstreamRoots::none, {file});
  BOOST_REQUIRE(client.has_value());
  certs::LeafStore store(authority, clock);
  BOOST_TEST(test::handshake(test::client_for(client.value().get(), "a.test"),
                             store.context_for("a.test").value(), clock)
                 .done);
}

BOOST_AUTO_TEST_CASE(a_bundle_that_cannot_be_written) {
  const auto variables = certs::write_trust_bundle(authority, folder / "no/such/bundle.pem");
  BOOST_REQUIRE(variables.has_error());
  BOOST_TEST(variables.error().code == "bundle_unwritable");
}

BOOST_AUTO_TEST_SUITE_END()
