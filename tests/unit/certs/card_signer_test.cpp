// The key of agent cards: which files hold one, and that what it signs can be verified.
#include "certs/card_signer.hpp"

#include "tests/unit/certs/certs_support.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

namespace {

using namespace sluice;
using certs::CardSigner;
using test::TemporaryFolder;

std::string pem_of(EVP_PKEY* key) {
  const certs::BioPtr bio(BIO_new(BIO_s_mem()));
  BOOST_REQUIRE(
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string write(const TemporaryFolder& folder, const std::string& name, const std::string& text,
                  mode_t mode = 0600) {
  const auto path = folder / name;
  test::write_file(path, text);
  ::chmod(path.c_str(), mode);
  return path;
}

std::string why_not(const std::string& path) {
  const auto loaded = CardSigner::load(path);
  return loaded ? "" : loaded.error().code;
}

} // namespace

BOOST_AUTO_TEST_SUITE(card_signer)

BOOST_AUTO_TEST_CASE(what_is_signed_can_be_verified) {
  const TemporaryFolder folder;
  const certs::PkeyPtr key(EVP_EC_gen("P-256"));
  const auto signer = CardSigner::load(write(folder, "key", pem_of(key.get())));
  BOOST_REQUIRE(signer.has_value());
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  BOOST_TEST(signer.value().fingerprint() ==
             to_hex(sha256({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)})));
  OPENSSL_free(der);
  for (int i = 0; i < 300; ++i) { // so that a half begins with a zero, too
    const auto text = "text " + std::to_string(i);
    const auto raw = signer.value().sign(text);
    BOOST_REQUIRE(raw.has_value());
    BOOST_REQUIRE_EQUAL(raw.value().size(), 64U);
    const auto* bytes = reinterpret_cast<const unsigned char*>(raw.value().data());
    ECDSA_SIG* pair = ECDSA_SIG_new();
    ECDSA_SIG_set0(pair, BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
    unsigned char* encoded = nullptr;
    const int length = i2d_ECDSA_SIG(pair, &encoded);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    BOOST_REQUIRE(EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key.get()) == 1);
    BOOST_REQUIRE(EVP_DigestVerify(context, encoded, static_cast<std::size_t>(length),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   text.size()) == 1);
    EVP_MD_CTX_free(context);
    OPENSSL_free(encoded);
    ECDSA_SIG_free(pair);
  }
}

BOOST_AUTO_TEST_CASE(any_other_file_holds_none) {
  const TemporaryFolder folder;
  const certs::PkeyPtr good(EVP_EC_gen("P-256")), other(EVP_EC_gen("P-384")),
      curve(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  BOOST_TEST(why_not(folder / "gone") == "key_unreadable");
  BOOST_TEST(why_not(write(folder, "open", pem_of(good.get()), 0644)) == "key_invalid");
  BOOST_TEST(why_not(write(folder, "p384", pem_of(other.get()))) == "key_invalid");
  BOOST_TEST(why_not(write(folder, "ed25519", pem_of(curve.get()))) == "key_invalid");
  BOOST_TEST(why_not(write(folder, "text", "no key")) == "key_invalid");
  BOOST_TEST(why_not(write(folder, "empty", "")) == "key_invalid");
  BOOST_TEST(why_not(write(folder, "half", pem_of(good.get()).substr(0, 60))) == "key_invalid");
  BOOST_TEST(ERR_peek_error() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
