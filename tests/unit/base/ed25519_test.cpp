#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/base/ed25519.hpp"
#include "policy/base/key_file.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>

namespace sluice {
namespace {

// RFC 8410 §10.1 and §10.3.
constexpr std::string_view kPublic =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kPrivate =
    "-----BEGIN PRIVATE "
    "KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";
// An EC P-256 key, which signs other things.
constexpr std::string_view kOtherKind =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVPy2pBC72PMS/yyW9+RFXiAmy4uI\n"
    "SL74/Q0PPZDAaBfALplmA5MydmamCML62LjxXchGSaWlfcDLvajgTg7hvA==\n"
    "-----END PUBLIC KEY-----\n";

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-key-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string write(std::string_view name, std::string_view text, mode_t mode) const {
    const std::string file = path_ + '/' + std::string(name);
    std::ofstream(file, std::ios::binary) << text;
    BOOST_REQUIRE(::chmod(file.c_str(), mode) == 0);
    return file;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The code of the error, or "" when it loads.
std::string why_not(const std::string& file) {
  const auto loaded = Ed25519Private::load(file);
  return loaded ? "" : loaded.error().code;
}

BOOST_AUTO_TEST_SUITE(ed25519)

BOOST_AUTO_TEST_CASE(signs_as_rfc_8032_says) { // §7.1, test 1
  const auto der = from_hex("302a300506032b6570032100"
                            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const auto key = Ed25519Public::from_der(der.value());
  BOOST_REQUIRE(key.has_value());
  const auto signature =
      from_hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
               "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  BOOST_TEST(key->verifies("", signature.value()));
  BOOST_TEST(!key->verifies("x", signature.value()));
}

BOOST_AUTO_TEST_CASE(only_its_public_half_accepts_it) {
  const auto key = Ed25519Private::generate();
  const std::string signature = key.sign("text");
  BOOST_TEST(key.public_key().verifies("text", signature));
  BOOST_TEST(!key.public_key().verifies("texT", signature));
  BOOST_TEST(!Ed25519Private::generate().public_key().verifies("text", signature));
  for (std::size_t at = 0; at < signature.size(); ++at) {
    BOOST_TEST(!key.public_key().verifies("text", signature.substr(0, at)));
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = signature;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      if (key.public_key().verifies("text", bad)) BOOST_ERROR("byte " << at);
    }
  }
  BOOST_TEST(!key.public_key().verifies("text", signature + '\0'));
}

BOOST_AUTO_TEST_CASE(a_key_survives_its_file) {
  const Folder folder;
  const auto key = Ed25519Private::generate();
  const auto loaded = Ed25519Private::load(folder.write("a", key.pem().reveal(), 0600));
  BOOST_REQUIRE(loaded.has_value());
  BOOST_TEST(key.public_key().verifies("x", loaded.value().sign("x")));
  BOOST_TEST(loaded.value().public_key().fingerprint() == key.public_key().fingerprint());
  const auto theirs = Ed25519Private::load(folder.write("b", kPrivate, 0400));
  BOOST_REQUIRE(theirs.has_value());
  BOOST_TEST(theirs.value().public_key().pem() == kPublic);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_private_key_is_refused) {
  const Folder folder;
  const std::string pem(Ed25519Private::generate().pem().reveal());
  BOOST_TEST(why_not(folder.path() + "/gone") == "key_unreadable");
  BOOST_TEST(why_not(folder.path()) == "key_invalid");
  for (const mode_t mode : {0640U, 0604U, 0660U, 0620U}) {
    BOOST_TEST(why_not(folder.write("exposed", pem, mode)) == "key_invalid");
  }
  BOOST_TEST(why_not(folder.write("none", "no key", 0600)) == "key_invalid");
  BOOST_TEST(why_not(folder.write("empty", "", 0600)) == "key_invalid");
  BOOST_TEST(why_not(folder.write("public", kPublic, 0600)) == "key_invalid");
  BOOST_TEST(why_not(folder.write("huge", std::string(1 << 20, 'x'), 0600)) == "key_invalid");
  BOOST_TEST(why_not(folder.write("late", std::string(kMaxKeyFile, '\n') + pem, 0600)) ==
             "key_invalid");
  for (std::size_t cut = 1; cut + 30 < pem.size(); ++cut) {
    if (why_not(folder.write("cut", pem.substr(0, cut), 0600)).empty()) BOOST_ERROR(cut);
  }
}

// Nobody is asked for the passphrase: the test would wait for ever.
BOOST_AUTO_TEST_CASE(an_encrypted_key_is_refused) {
  const Folder folder;
  const auto file =
      folder.write("locked",
                   "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                   "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjF7Lw1144V6wICCAAw\n"
                   "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEFwcWmcnGDXR3N2wySfY3hQEQBTA\n"
                   "mi/kGKwpt48h9sKiyr9B/Vft5q9d+a1W2IGxjY0W45NpHHH0/yKp7oEHJViViUEW\n"
                   "Kc3S6H6MFTo32RgkD5Q=\n-----END ENCRYPTED PRIVATE KEY-----\n",
                   0600);
  BOOST_TEST(why_not(file) == "key_invalid");
}

BOOST_AUTO_TEST_CASE(a_public_key_has_one_spelling) {
  const auto key = Ed25519Public::from_pem(kPublic).value();
  BOOST_TEST(key.pem() == kPublic);
  BOOST_TEST(key.fingerprint() == to_hex(sha256(key.der())));
  BOOST_TEST(Ed25519Public::from_der(key.der())->fingerprint() == key.fingerprint());
  BOOST_TEST(!Ed25519Public::from_der(key.der() + "x").has_value());
  BOOST_TEST(!Ed25519Public::from_der(key.der().substr(1)).has_value());
  BOOST_TEST(!Ed25519Public::from_der(key.der().substr(0, 40)).has_value());
  BOOST_TEST(!Ed25519Public::from_der("").has_value());
  BOOST_TEST(!Ed25519Public::from_pem(kOtherKind).has_value());
  BOOST_TEST(!Ed25519Public::from_pem(kPrivate).has_value());
  BOOST_TEST(!Ed25519Public::from_pem("").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace sluice
