// Keyed digests of what comes in pieces: the same as of the whole, and a copy goes on by itself.
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/base/hmac.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using sluice::HmacSha256;

BOOST_AUTO_TEST_SUITE(hmac)

BOOST_AUTO_TEST_CASE(pieces_are_the_whole_for_keys_of_any_length) {
  const std::string text(200, 'x');
  for (const std::size_t length : {0U, 1U, 4U, 32U, 63U, 64U, 65U, 200U}) { // 64: a block
    const std::string key(length, 'k');
    HmacSha256 running(key);
    for (std::size_t at = 0; at < text.size(); at += 7) running.update(text.substr(at, 7));
    BOOST_TEST(sluice::to_hex(running.finish()) ==
               sluice::to_hex(sluice::hmac_sha256(key, text))); // OpenSSL's, RFC 4231 tested
  }
}

BOOST_AUTO_TEST_CASE(a_copy_goes_on_by_itself) {
  HmacSha256 one("key");
  one.update("begin ");
  HmacSha256 other = one;
  one.update("one");
  other.update("other");
  BOOST_TEST(one.finish() == sluice::hmac_sha256("key", "begin one"));
  BOOST_TEST(other.finish() == sluice::hmac_sha256("key", "begin other"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
