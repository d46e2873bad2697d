#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

namespace {

using sluice::to_hex;

BOOST_AUTO_TEST_SUITE(digest)

BOOST_AUTO_TEST_CASE(sha256_of_known_inputs) {
  BOOST_TEST(to_hex(sluice::sha256("abc")) ==
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_TEST(to_hex(sluice::sha256("")) ==
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

BOOST_AUTO_TEST_CASE(sha1_of_a_known_input) {
  BOOST_TEST(to_hex(sluice::sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
}

BOOST_AUTO_TEST_CASE(pieces_are_the_whole_and_the_hasher_is_reusable) {
  sluice::Sha256 hasher;
  for (int i = 0; i < 2; ++i) {
    hasher.update("a");
    hasher.update("bc");
    BOOST_TEST(hasher.finish() == sluice::sha256("abc"));
  }
}

BOOST_AUTO_TEST_CASE(hmac_of_rfc_4231_case_2) {
  BOOST_TEST(to_hex(sluice::hmac_sha256("Jefe", "what do ya want for nothing?")) ==
             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

BOOST_AUTO_TEST_CASE(ids_are_unique_and_sort_by_time) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(sluice::new_id(1'000'000'000));
  BOOST_TEST(ids.size() == 1000U);
  BOOST_TEST(ids.begin()->size() == 26U);
  BOOST_TEST(sluice::new_id(2'000'000'000'000) > sluice::new_id(1'000'000'000'000));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
