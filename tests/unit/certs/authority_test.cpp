#include "certs/authority.hpp"

#include "certs/files.hpp"
#include "tests/unit/certs/certs_support.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>
#include <sys/stat.h>

#include <cstdlib>
#include <set>
#include <string>

namespace {

using namespace sluice;
using certs::Authority;
namespace fs = std::filesystem;

struct Fixture {
  ManualClock clock{test::kNow};
  test::TemporaryFolder folder;
  std::string directory = folder / "ca";
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string text_of(X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  X509_print(bio.get(), certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(bio.get(), certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string serial_of(X509* certificate) {
  const auto* serial = X509_get0_serialNumber(certificate);
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
          static_cast<std::size_t>(ASN1_STRING_length(serial))};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The openssl program, as a second opinion.
bool openssl_verifies(const Fixture& f, const std::string& leaf_pem, const std::string& options) {
  const auto leaf = f.folder / "leaf.pem";
  test::write_file(leaf, leaf_pem);
  const auto at = std::to_string(f.clock.unix_nanos() / test::kSecondNanos);
  const auto command = "openssl verify -x509_strict -purpose sslserver -attime " + at +
                       " -CAfile " + f.directory + "/ca.pem " + options + " " + leaf + " >" +
                       (f.folder / "openssl.log") + " 2>&1";
  return std::system(command.c_str()) == 0;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(authority, Fixture)

BOOST_AUTO_TEST_CASE(made_once_and_loaded_again) {
  const auto made = Authority::create(directory, clock);
  BOOST_REQUIRE(made.has_value());
  BOOST_TEST(mode_of(directory + "/ca.key") == 0600U);
  BOOST_TEST(mode_of(directory + "/ca.pem") == 0644U);
  BOOST_TEST(made.value().info().subject.starts_with("Sluice interception CA "));
  BOOST_TEST(made.value().info().fingerprint.size() == 64U);
  const auto loaded = Authority::load(directory, clock);
  BOOST_REQUIRE(loaded.has_value());
  BOOST_TEST(loaded.value().info().fingerprint == made.value().info().fingerprint);
  BOOST_TEST(loaded.value().info().not_after == made.value().info().not_after);
  BOOST_TEST(loaded.value().certificate_pem() == test::content_of(directory + "/ca.pem"));
}

BOOST_AUTO_TEST_CASE(a_folder_of_our_own_is_for_nobody_else) {
  const auto before = ::umask(0);
  const auto plain = Authority::create(folder / "deep/one", clock);
  const auto slash = Authority::create(folder / "two/", clock);
  ::umask(before);
  BOOST_REQUIRE((plain.has_value() && slash.has_value()));
  BOOST_TEST(mode_of(folder / "deep/one") == 0700U);
  BOOST_TEST(mode_of(folder / "two") == 0700U);
}

BOOST_AUTO_TEST_CASE(never_overwritten) {
  BOOST_REQUIRE(Authority::create(directory, clock).has_value());
  const auto key = test::content_of(directory + "/ca.key");
  BOOST_TEST(Authority::create(directory, clock).error().code == "ca_exists");
  fs::remove(directory + "/ca.pem");
  BOOST_TEST(Authority::create(directory, clock).error().code == "ca_exists");
  BOOST_TEST(test::content_of(directory + "/ca.key") == key);
}

BOOST_AUTO_TEST_CASE(both_files_or_neither) {
  fs::create_directories(directory);
  fs::create_symlink(folder / "elsewhere", directory + "/ca.pem"); // dangling: does not "exist"
  BOOST_TEST(Authority::create(directory, clock).error().code == "ca_exists");
  BOOST_TEST(!fs::exists(directory + "/ca.key"));
  BOOST_TEST(!fs::exists(folder / "elsewhere"));
}

BOOST_AUTO_TEST_CASE(an_existing_folder_keeps_its_mode) {
  fs::create_directories(directory);
  fs::permissions(directory, static_cast<fs::perms>(0750));
  BOOST_REQUIRE(Authority::create(directory, clock).has_value());
  BOOST_TEST(mode_of(directory) == 0750U);
}

BOOST_AUTO_TEST_CASE(the_umask_does_not_matter) {
  const auto before = ::umask(0777);
  const auto written = certs::write_new_file(folder / "file", "x", 0644);
  ::umask(before);
  BOOST_REQUIRE(written.has_value());
  BOOST_TEST(mode_of(folder / "file") == 0644U);
}

BOOST_AUTO_TEST_CASE(what_the_ca_says) {
  const auto ca = Authority::create(directory, clock).value().certificate_pem();
  test::write_file(folder / "copy.pem", ca);
  const auto loaded = Authority::load(directory, clock);
  const auto text = text_of(loaded.value().certificate());
  BOOST_TEST(contains(text, "CA:TRUE, pathlen:0"));
  BOOST_TEST(contains(text, "Certificate Sign, CRL Sign"));
  BOOST_TEST(contains(text, "prime256v1"));
  BOOST_TEST(contains(text, "ecdsa-with-SHA256"));
  BOOST_TEST(contains(text, "Subject Key Identifier"));
}

BOOST_AUTO_TEST_CASE(refusals_to_load) {
  BOOST_TEST(Authority::load(directory, clock).error().code == "ca_missing");
  BOOST_REQUIRE(Authority::create(directory, clock).has_value());
  const auto key = directory + "/ca.key";
  for (const unsigned mode : {0640U, 0604U, 0660U, 0610U}) {
    fs::permissions(key, static_cast<fs::perms>(mode));
    BOOST_TEST(Authority::load(directory, clock).error().code == "ca_key_exposed", mode);
  }
  fs::permissions(key, static_cast<fs::perms>(0600));
  BOOST_REQUIRE(Authority::load(directory, clock).has_value());

  BOOST_REQUIRE(Authority::create(folder / "other", clock).has_value());
  const auto ours = test::content_of(key);
  test::write_file(key, test::content_of(folder / "other/ca.key"));
  BOOST_TEST(Authority::load(directory, clock).error().code == "ca_mismatch");
  test::write_file(key, "not a key");
  BOOST_TEST(Authority::load(directory, clock).error().code == "ca_unreadable");
  test::write_file(key, ours.substr(0, ours.size() / 2));
  BOOST_TEST(Authority::load(directory, clock).error().code == "ca_unreadable");
  test::write_file(key, ours);
  BOOST_REQUIRE(Authority::load(directory, clock).has_value());
  test::write_file(directory + "/ca.pem", "");
  BOOST_TEST(Authority::load(directory, clock).error().code == "ca_unreadable");
  BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(an_encrypted_key_is_an_error_and_not_a_question) {
  BOOST_REQUIRE(Authority::create(directory, clock).has_value());
  const auto command = "openssl pkcs8 -topk8 -passout pass:x -in " + directory + "/ca.key -out " +
                       (folder / "encrypted") + " 2>/dev/null";
  BOOST_REQUIRE(std::system(command.c_str()) == 0);
  test::write_file(directory + "/ca.key", test::content_of(folder / "encrypted"));
  BOOST_TEST(Authority::load(directory, clock).error().code == "ca_unreadable");
}

BOOST_AUTO_TEST_CASE(a_leaf_is_not_a_ca) {
  const auto ca = Authority::create(directory, clock);
  const auto leaf = ca.value().mint("a.test", clock);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(bio.get(), leaf.value().key.get(), nullptr, nullptr, 0, nullptr,
                           nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  test::write_file(directory + "/ca.key", {data, static_cast<std::size_t>(size)});
  test::write_file(directory + "/ca.pem", pem_of(leaf.value().certificate.get()));
  BOOST_TEST(Authority::load(directory, clock).error().code == "ca_mismatch");
}

BOOST_AUTO_TEST_CASE(expired_or_from_the_future) {
  const auto ca = Authority::create(directory, clock);
  ManualClock late(test::kNow + 730 * test::kDayNanos);
  BOOST_TEST(Authority::load(directory, late).error().code == "ca_expired");
  BOOST_TEST(ca.value().mint("a.test", late).error().code == "ca_expired");
  ManualClock early(test::kNow - 2 * test::kDayNanos);
  BOOST_TEST(Authority::load(directory, early).error().code == "ca_expired");
  ManualClock last_day(test::kNow + 729 * test::kDayNanos);
  BOOST_REQUIRE(Authority::load(directory, last_day).has_value());
  // A leaf does not outlive its issuer.
  BOOST_TEST(ca.value().mint("a.test", last_day).value().expires_unix_nanos ==
             test::kNow + 730 * test::kDayNanos);
}

BOOST_AUTO_TEST_CASE(what_a_leaf_says) {
  const auto ca = Authority::create(directory, clock);
  const auto leaf = ca.value().mint("a.example.test", clock);
  BOOST_REQUIRE(leaf.has_value());
  const auto text = text_of(leaf.value().certificate.get());
  BOOST_TEST(contains(text, "DNS:a.example.test"));
  BOOST_TEST(contains(text, "CA:FALSE"));
  BOOST_TEST(contains(text, "TLS Web Server Authentication"));
  BOOST_TEST(contains(text, "Digital Signature"));
  BOOST_TEST(contains(text, "Authority Key Identifier"));
  BOOST_TEST(contains(text, "Subject Key Identifier"));
  BOOST_TEST(leaf.value().expires_unix_nanos == test::kNow + 2 * test::kDayNanos);
  for (const auto* address : {"10.1.2.3", "2001:db8::1"}) {
    const auto by_address = ca.value().mint(address, clock);
    BOOST_REQUIRE(by_address.has_value());
    BOOST_TEST(contains(text_of(by_address.value().certificate.get()), "IP Address:"), address);
    BOOST_TEST(X509_check_ip_asc(by_address.value().certificate.get(), address, 0) == 1);
  }
  BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_CASE(serials_are_random) {
  const auto ca = Authority::create(directory, clock);
  std::set<std::string> serials;
  for (int i = 0; i < 50; ++i) {
    const auto leaf = ca.value().mint("a.test", clock);
    serials.insert(serial_of(leaf.value().certificate.get()));
  }
  BOOST_TEST(serials.size() == 50U);
  for (const auto& serial : serials) BOOST_TEST(serial.size() == 16U);
}

BOOST_AUTO_TEST_CASE(names_that_are_not_canonical_get_no_leaf) {
  const auto ca = Authority::create(directory, clock);
  for (const std::string host : {"", "a.test,DNS:evil.test", "a test", "A.test", "a\n", "*.test",
                                 "a/b", "@section", "\xc3\xa4.test"}) {
    BOOST_TEST(ca.value().mint(host, clock).error().code == "leaf_failed", host);
  }
  BOOST_TEST(ca.value().mint(std::string(254, 'a'), clock).error().code == "leaf_failed");
  BOOST_TEST(ca.value().mint(std::string("a\0b", 3), clock).error().code == "leaf_failed");
  const std::string long_label = std::string(63, 'a') + "." + std::string(63, 'b') + ".test";
  BOOST_TEST(ca.value().mint(long_label, clock).has_value()); // longer than a common name may be
}

BOOST_AUTO_TEST_CASE(the_openssl_program_agrees) {
  const auto ca = Authority::create(directory, clock);
  const auto by_name = ca.value().mint("a.test", clock);
  const auto pem = pem_of(by_name.value().certificate.get());
  BOOST_TEST(openssl_verifies(*this, pem, "-verify_hostname a.test"));
  BOOST_TEST(!openssl_verifies(*this, pem, "-verify_hostname b.test"));
  const auto by_address = ca.value().mint("2001:db8::1", clock);
  const auto address_pem = pem_of(by_address.value().certificate.get());
  BOOST_TEST(openssl_verifies(*this, address_pem, "-verify_ip 2001:db8::1"));
  BOOST_TEST(!openssl_verifies(*this, address_pem, "-verify_ip 2001:db8::2"));
  clock.advance(3 * test::kDayNanos);
  BOOST_TEST(!openssl_verifies(*this, pem, "-verify_hostname a.test"));
}

BOOST_AUTO_TEST_CASE(files_are_replaced_whole) {
  const auto path = folder / "file";
  BOOST_REQUIRE(certs::replace_file(path, "one", 0644).has_value());
  BOOST_REQUIRE(certs::replace_file(path, "two", 0600).has_value());
  BOOST_TEST(test::content_of(path) == "two");
  BOOST_TEST(mode_of(path) == 0600U);
  BOOST_TEST(certs::write_new_file(path, "three", 0600).error().code == "file_exists");
  BOOST_TEST(certs::replace_file(folder / "no/such", "x", 0600).error().code == "file_unwritable");
  const auto left = std::distance(fs::directory_iterator(fs::path(path).parent_path()), {});
  BOOST_TEST(left == 1);
}

BOOST_AUTO_TEST_SUITE_END()
