#include "certs/identity.hpp"

#include "tests/unit/certs/identity_support.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

namespace {

using namespace sluice;
using certs::Identity;
using certs::IdentityFiles;
using test::kCaller;
using test::kResponder;
namespace fs = std::filesystem;

struct Fixture {
  SystemClock clock; // what a server end verifies by
  test::TemporaryFolder folder;
  std::vector<IdentityFiles> files = test::minted(folder / "ids", clock);
  test::AnyAuthority other{clock.unix_nanos()};

  Identity load(const IdentityFiles& what) {
    return std::move(Identity::load(what, clock).value());
  }
  std::string fault(const IdentityFiles& what) {
    auto loaded = Identity::load(what, clock);
    BOOST_REQUIRE(!loaded.has_value());
    BOOST_CHECK(loaded.error().origin == Origin::config);
    return loaded.error().code + ": " + loaded.error().detail;
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What either end believes of the other; "" when it does not.
std::string believed(SSL* ssl) {
  const auto id = certs::peer_identity(ssl);
  return id ? id.value() : std::string();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(identity, Fixture)

BOOST_AUTO_TEST_CASE(both_ends_prove_who_they_are) {
  const auto caller = load(files.at(0)), responder = load(files.at(1));
  BOOST_TEST(caller.id() == kCaller);
  const auto made = test::mesh_handshake(caller.to_connect(), responder.to_accept(), clock);
  BOOST_REQUIRE(made.done);
  BOOST_TEST(believed(made.server.get()) == kCaller);
  BOOST_TEST(believed(made.client.get()) == kResponder);
  BOOST_TEST(SSL_version(made.server.get()) == TLS1_3_VERSION);
  BOOST_TEST(SSL_SESSION_is_resumable(SSL_get_session(made.client.get())) == 0);
}

BOOST_AUTO_TEST_CASE(nobody_without_a_certificate_or_with_an_older_protocol) {
  const auto responder = load(files.at(1));
  const certs::SslCtxPtr plain(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_load_verify_file(plain.get(), files.at(0).roots.c_str());
  auto made = test::mesh_handshake(plain.get(), responder.to_accept(), clock);
  BOOST_TEST(!made.done);
  BOOST_TEST(believed(made.server.get()) == "");
  SSL_CTX_use_certificate_file(plain.get(), files.at(0).certificate.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(plain.get(), files.at(0).key.c_str(), SSL_FILETYPE_PEM);
  BOOST_TEST(test::mesh_handshake(plain.get(), responder.to_accept(), clock).done);
  SSL_CTX_set_max_proto_version(plain.get(), TLS1_2_VERSION);
  BOOST_TEST(!test::mesh_handshake(plain.get(), responder.to_accept(), clock).done);
}

BOOST_AUTO_TEST_CASE(nobody_that_another_ca_signed) {
  const auto responder = load(files.at(1));
  const auto stranger = load(other.write(folder / "stranger", {}));
  const auto to_us = test::mesh_handshake(stranger.to_connect(), responder.to_accept(), clock);
  BOOST_TEST(!to_us.done);
  BOOST_TEST(believed(to_us.server.get()) == "");
  const auto to_them = test::mesh_handshake(responder.to_connect(), stranger.to_accept(), clock);
  BOOST_TEST(!to_them.done);
  BOOST_TEST(believed(to_them.client.get()) == "");
}

// Of the same CA, made in memory, so that a good one beside it works.
BOOST_AUTO_TEST_CASE(what_a_good_ca_signed_for_something_else) {
  const auto good = load(other.write(folder / "good", {}));
  const auto load_bad = [&](const test::BadLeaf& how) { return other.write(folder / "bad", how); };
  const auto one_way = load(load_bad({.usage = "serverAuth"}));
  BOOST_TEST(!test::mesh_handshake(one_way.to_connect(), good.to_accept(), clock).done);
  BOOST_TEST(test::mesh_handshake(good.to_connect(), one_way.to_accept(), clock).done);
  const auto other_way = load(load_bad({.usage = "clientAuth"}));
  BOOST_TEST(!test::mesh_handshake(good.to_connect(), other_way.to_accept(), clock).done);
  BOOST_TEST(test::mesh_handshake(other_way.to_connect(), good.to_accept(), clock).done);
}

BOOST_AUTO_TEST_CASE(a_verified_peer_without_exactly_one_identity) {
  const auto good = load(other.write(folder / "good", {}));
  const std::string uri = std::string("URI:") + kCaller;
  for (const std::string& names :
       {uri + ",URI:" + kResponder, uri + "," + uri, std::string("DNS:caller.test"), std::string(),
        std::string("URI:https://scn-1.sluice/component/caller"),
        std::string("URI:spiffe://scn-1.sluice/")}) {
    const auto bad = other.write(folder / "bad", {.names = names});
    const certs::SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_use_certificate_file(context.get(), bad.certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context.get(), bad.key.c_str(), SSL_FILETYPE_PEM);
    const auto made = test::mesh_handshake(context.get(), good.to_accept(), clock);
    BOOST_TEST(made.done, names);
    BOOST_TEST(believed(made.server.get()) == "", names);
    BOOST_TEST(has(fault(bad), "certificate: "), names); // and it is nobody's own
  }
  // Other names beside it do not matter.
  BOOST_TEST(load(other.write(folder / "two", {.names = uri + ",DNS:caller.test"})).id() ==
             kCaller);
}

BOOST_AUTO_TEST_CASE(files_that_are_no_identity) {
  const auto& good = files.at(0);
  const auto with = [&](auto change) {
    IdentityFiles out = good;
    change(out);
    return out;
  };
  test::write_file(folder / "empty", "");
  const auto nowhere = folder / "nowhere";
  BOOST_TEST(has(fault(with([&](auto& f) { f.certificate = nowhere; })), "certificate: no cert"));
  BOOST_TEST(has(fault(with([&](auto& f) { f.key = nowhere; })), "key: "));
  BOOST_TEST(has(fault(with([&](auto& f) { f.roots = nowhere; })), "roots: "));
  BOOST_TEST(has(fault(with([&](auto& f) { f.roots = folder / "empty"; })), "roots: "));
  BOOST_TEST(has(fault(with([&](auto& f) { f.key = files.at(1).key; })), "does not belong to"));
  BOOST_TEST(has(fault(with([&](auto& f) { f.certificate = good.roots; })), "of a CA"));
  fs::permissions(good.key, static_cast<fs::perms>(0640));
  BOOST_TEST(has(fault(good), "key: "));
  BOOST_TEST(has(fault(good), "chmod 600"));
}

BOOST_AUTO_TEST_CASE(our_own_out_of_its_time) {
  BOOST_TEST(
      has(fault(other.write(folder / "old", {.from = -7200, .to = -3600})), "not valid now"));
  BOOST_TEST(has(fault(other.write(folder / "new", {.from = 3600, .to = 7200})), "not valid now"));
}

BOOST_AUTO_TEST_SUITE_END()
