#include "certs/java_trust_store.hpp"

#include "tests/unit/certs/certs_support.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/pkcs12.h>

#include <cstdlib>
#include <string>

namespace {

using namespace sluice;
using certs::Authority;

struct Fixture {
  ManualClock clock{test::kNow};
  test::TemporaryFolder folder;
  std::string one = Authority::create(folder / "one", clock).value().certificate_pem();
  std::string two = Authority::create(folder / "two", clock).value().certificate_pem();
};

// How many bags carry a certificate and say that it is trusted for anything; -1 for no PKCS #12.
int trusted_in(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<PKCS12, decltype(&PKCS12_free)> store(
      d2i_PKCS12(nullptr, &at, static_cast<long>(der.size())), &PKCS12_free);
  if (!store) return -1;
  int trusted = 0;
  auto* safes = PKCS12_unpack_authsafes(store.get());
  for (int i = 0; i < sk_PKCS7_num(safes); ++i) {
    auto* bags = PKCS12_unpack_p7data(sk_PKCS7_value(safes, i));
    for (int j = 0; j < sk_PKCS12_SAFEBAG_num(bags); ++j) {
      const auto* bag = sk_PKCS12_SAFEBAG_value(bags, j);
      const auto* attributes = PKCS12_SAFEBAG_get0_attrs(bag);
      for (int k = 0; k < sk_X509_ATTRIBUTE_num(attributes); ++k) {
        auto* attribute = sk_X509_ATTRIBUTE_value(attributes, k);
        char oid[64] = "";
        OBJ_obj2txt(oid, sizeof oid, X509_ATTRIBUTE_get0_object(attribute), 1);
        const auto* value = X509_ATTRIBUTE_get0_type(attribute, 0);
        trusted += std::string(oid) == "2.16.840.1.113894.746875.1.1" &&
                   value->type == V_ASN1_OBJECT &&
                   OBJ_obj2nid(value->value.object) == NID_anyExtendedKeyUsage &&
                   PKCS12_SAFEBAG_get_nid(bag) == NID_certBag;
      }
    }
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
  }
  sk_PKCS7_pop_free(safes, PKCS7_free);
  return trusted;
}

boost::test_tools::assertion_result java_is_here(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result here(std::system("command -v keytool >/dev/null") == 0);
  if (!here) here.message() << "no keytool on this machine";
  return here;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(java_trust_store, Fixture)

BOOST_AUTO_TEST_CASE(every_certificate_is_trusted) {
  BOOST_TEST(trusted_in(certs::java_trust_store(one).value()) == 1);
  BOOST_TEST(trusted_in(certs::java_trust_store(one + "# a remark\n" + two).value()) == 2);
  BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(the_same_bundle_gives_the_same_file) {
  BOOST_TEST(certs::java_trust_store(one).value() == certs::java_trust_store(one).value());
}

BOOST_AUTO_TEST_CASE(no_certificate_or_a_damaged_one_is_an_error) {
  const std::string damaged = one.substr(0, 60) + "!!!!" + one.substr(64);
  for (const auto& bundle : {std::string(), std::string("nonsense"), damaged, one + damaged,
                             one.substr(0, one.size() / 2), one + two.substr(0, two.size() / 2)}) {
    const auto store = certs::java_trust_store(bundle);
    BOOST_REQUIRE(store.has_error());
    BOOST_TEST(store.error().code == "bundle_unreadable");
  }
  BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(an_error_left_by_another_is_not_taken_for_ours) {
  ERR_raise(ERR_LIB_X509, X509_R_CERT_ALREADY_IN_HASH_TABLE);
  BOOST_TEST(trusted_in(certs::java_trust_store(one).value()) == 1);
}

BOOST_AUTO_TEST_CASE(paths_are_quoted) {
  BOOST_TEST(certs::java_tool_options("/a b/c") ==
             "-Djavax.net.ssl.trustStore=\"/a b/c\" -Djavax.net.ssl.trustStoreType=PKCS12");
  BOOST_TEST(
      certs::java_tool_options("/a\"b").starts_with("-Djavax.net.ssl.trustStore=\"/a\"'\"'\"b\" "));
}

BOOST_AUTO_TEST_CASE(java_agrees, *boost::unit_test::precondition(java_is_here)) {
  const auto file = folder / "trust.p12";
  const auto listing = folder / "listing";
  test::write_file(file, certs::java_trust_store(one + two).value());
  const auto command = "keytool -list -storetype PKCS12 -storepass changeit -keystore " + file +
                       " >" + listing + " 2>&1";
  BOOST_TEST(std::system(command.c_str()) == 0);
  const auto text = test::content_of(listing);
  BOOST_TEST(text.find("root-1, ") != std::string::npos);
  BOOST_TEST(text.find("root-2, ") != std::string::npos);
  BOOST_TEST(text.find("trustedCertEntry") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
