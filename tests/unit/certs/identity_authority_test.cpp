#include "certs/identity_authority.hpp"

#include "tests/unit/certs/identity_support.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <set>

namespace {

using namespace sluice;
using certs::IdentityAuthority;
using certs::mint_identities;
using test::kCaller;
using test::kDomain;
namespace fs = std::filesystem;

struct Fixture {
  ManualClock clock{test::kNow};
  test::TemporaryFolder folder;
  std::string directory = folder / "ids";
};

unsigned permissions_of(const std::string& path) {
  struct stat status {};
  BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(identity_authority, Fixture)

BOOST_AUTO_TEST_CASE(a_leaf_says_one_thing) {
  const auto authority = IdentityAuthority::create(kDomain, 3, clock).value();
  const auto leaf = authority.mint(kCaller).value();
  X509* one = leaf.certificate.get();
  BOOST_TEST(certs::identity_of(one).value() == kCaller);
  BOOST_TEST(X509_check_purpose(one, X509_PURPOSE_SSL_SERVER, 0) == 1);
  BOOST_TEST(X509_check_purpose(one, X509_PURPOSE_SSL_CLIENT, 0) == 1);
  BOOST_TEST(X509_check_ca(one) == 0);
  const auto now = test::kNow / test::kSecondNanos;
  BOOST_TEST(certs::time_seconds(X509_get0_notBefore(one)) == now - certs::kDay);
  BOOST_TEST(certs::time_seconds(X509_get0_notAfter(one)) == now + 3 * certs::kDay);
  BOOST_TEST(leaf.expires_unix_nanos == test::kNow + 3 * test::kDayNanos);
  const auto again = authority.mint(kCaller).value();
  BOOST_TEST(EVP_PKEY_eq(leaf.key.get(), again.key.get()) != 1); // each has a key of its own
}

BOOST_AUTO_TEST_CASE(only_identities_of_its_domain) {
  const auto authority = IdentityAuthority::create(kDomain, 3, clock).value();
  for (const char* id : {"spiffe://scn-2.sluice/a", "spiffe://scn-1.sluice", "caller",
                         "spiffe://scn-1.sluice/a,URI:spiffe://b/c", "spiffe://scn-1.sluicex/a"}) {
    BOOST_TEST(!authority.mint(id).has_value(), id);
  }
  for (const char* domain : {"", "A", "a/b", "a b", "a:1"})
    BOOST_TEST(!IdentityAuthority::create(domain, 3, clock).has_value(), domain);
  BOOST_TEST(!IdentityAuthority::create(kDomain, 0, clock).has_value());
  BOOST_TEST(!IdentityAuthority::create(kDomain, 1'000'000, clock).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_written) {
  const auto made = mint_identities(directory, kDomain, {{"caller", kCaller}}, 30, clock);
  BOOST_REQUIRE(made.has_value());
  const auto& one = made.value().all.at(0);
  BOOST_TEST(made.value().roots_file == directory + "/mesh-ca.pem");
  BOOST_TEST(one.certificate_file == directory + "/caller.pem");
  BOOST_TEST(permissions_of(directory) == 0700U);
  BOOST_TEST(permissions_of(one.key_file) == 0600U);
  BOOST_TEST(permissions_of(one.certificate_file) == 0644U);
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.insert(entry.path().filename().string());
  const std::set<std::string> expected{"caller.key", "caller.pem", "mesh-ca.pem"}; // no key of a CA
  BOOST_TEST(names == expected, boost::test_tools::per_element());
  BOOST_TEST(
      certs::Identity::load({one.certificate_file, one.key_file, made.value().roots_file}, clock)
          .has_value());
}

BOOST_AUTO_TEST_CASE(a_second_time_replaces_all) {
  BOOST_REQUIRE(mint_identities(directory, kDomain, {{"caller", kCaller}}, 30, clock).has_value());
  const auto before = test::content_of(directory + "/caller.key");
  BOOST_REQUIRE(mint_identities(directory, kDomain, {{"caller", kCaller}}, 30, clock).has_value());
  BOOST_TEST(test::content_of(directory + "/caller.key") != before);
}

BOOST_AUTO_TEST_CASE(names_that_are_no_files_of_their_own) {
  for (const char* name : {"", "..", ".a", "a/b", "mesh-ca", "a b"}) {
    const auto made = mint_identities(directory, kDomain, {{name, kCaller}}, 30, clock);
    BOOST_REQUIRE(!made.has_value());
    BOOST_TEST(made.error().code == "identity_failed", name);
  }
  BOOST_TEST(!mint_identities(directory, kDomain, {{"a", kCaller}, {"a", kCaller}}, 30, clock)
                  .has_value());
  BOOST_TEST(!fs::exists(directory)); // found before anything is written
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_written) {
  test::write_file(folder / "file", "x");
  const auto made = mint_identities(folder / "file", kDomain, {{"a", kCaller}}, 30, clock);
  BOOST_REQUIRE(!made.has_value());
  BOOST_TEST(made.error().code == "identity_unwritable");
}

BOOST_AUTO_TEST_SUITE_END()
