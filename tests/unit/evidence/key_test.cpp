#include "policy/evidence/key.hpp"

#include "policy/base/bytes.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <sys/stat.h>

namespace sluice::evidence {
namespace {

using namespace test;

// Ed25519, from RFC 8410 §10.1.
constexpr std::string_view kOtherKind =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n";

} // namespace

BOOST_AUTO_TEST_SUITE(key)

BOOST_AUTO_TEST_CASE(signs_what_only_its_public_half_accepts) {
  const SigningKey key = SigningKey::generate();
  const std::string signature = key.sign("text");
  BOOST_TEST(key.public_key().verifies("text", signature));
  BOOST_TEST(!key.public_key().verifies("texT", signature));
  BOOST_TEST(!SigningKey::generate().public_key().verifies("text", signature));
  BOOST_TEST(!key.public_key().verifies("text", ""));
  BOOST_TEST(!key.public_key().verifies("text", "not base64"));
  const std::string raw = from_base64(signature).value();
  for (std::size_t at = 0; at < raw.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = raw;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      if (key.public_key().verifies("text", to_base64(bad))) BOOST_ERROR("byte " << at);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_key_survives_its_file) {
  const TempDirectory directory;
  const std::string path = directory.path("a.key");
  const SigningKey key = SigningKey::generate();
  BOOST_REQUIRE(key.store(path).has_value());
  struct stat info {};
  BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 0777U) == 0600U);
  const auto loaded = SigningKey::load(path);
  BOOST_REQUIRE(loaded.has_value());
  BOOST_TEST(loaded.value().public_key().fingerprint() == key.public_key().fingerprint());
  BOOST_TEST(key.public_key().verifies("x", loaded.value().sign("x")));
  BOOST_TEST(!SigningKey::generate().store(path).has_value()); // never over another key
  BOOST_TEST(SigningKey::load(path).value().public_key().fingerprint() ==
             key.public_key().fingerprint());
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_key_or_not_private_is_refused) {
  const TempDirectory directory;
  const std::string path = directory.path("a.key");
  BOOST_TEST(SigningKey::load(path).error().code == "evidence_unavailable");
  write_text(path, "no key");
  BOOST_REQUIRE(::chmod(path.c_str(), 0600) == 0);
  BOOST_TEST(SigningKey::load(path).error().code == "evidence_key_invalid");
  std::filesystem::remove(path);
  BOOST_REQUIRE(SigningKey::generate().store(path).has_value());
  for (const mode_t mode : {0640U, 0604U, 0660U}) {
    BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
    BOOST_TEST(SigningKey::load(path).error().code == "evidence_key_invalid");
  }
}

BOOST_AUTO_TEST_CASE(a_public_key_has_one_spelling) {
  const PublicKey key = SigningKey::generate().public_key();
  BOOST_TEST(PublicKey::from_der(key.der())->fingerprint() == key.fingerprint());
  BOOST_TEST(PublicKey::from_pem(key.pem())->fingerprint() == key.fingerprint());
  BOOST_TEST(key.fingerprint() == to_hex(sha256(key.der())));
  BOOST_TEST(!PublicKey::from_der(key.der() + "x").has_value());
  BOOST_TEST(!PublicKey::from_der(key.der().substr(1)).has_value());
  BOOST_TEST(!PublicKey::from_der("").has_value());
  BOOST_TEST(!PublicKey::from_pem(kOtherKind).has_value());
  BOOST_TEST(!PublicKey::from_pem("").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
