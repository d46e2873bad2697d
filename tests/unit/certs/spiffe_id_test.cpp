#include "certs/spiffe_id.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using sluice::certs::spiffe_id_fault;

} // namespace

BOOST_AUTO_TEST_SUITE(spiffe_id)

BOOST_AUTO_TEST_CASE(identities) {
  for (const std::string id : {"spiffe://scn-1f2e.sluice/component/caller", "spiffe://a/b",
                               "spiffe://a_b.c-d/X/y.z/...", "spiffe://0/1"}) {
    BOOST_TEST(spiffe_id_fault(id) == "", id);
  }
}

BOOST_AUTO_TEST_CASE(anything_else_is_none) {
  const std::string domain(256, 'a');
  for (const std::string& id : {std::string(),
                                std::string("spiffe:"),
                                std::string("spiffe://"),
                                std::string("spiffe:///a"),
                                std::string("spiffe://a"),
                                std::string("spiffe://a/"),
                                std::string("spiffe://a//b"),
                                std::string("spiffe://a/b/"),
                                std::string("spiffe://a/./b"),
                                std::string("spiffe://a/.."),
                                std::string("SPIFFE://a/b"),
                                std::string("Spiffe://a/b"),
                                std::string("http://a/b"),
                                std::string("spiffe://A/b"),
                                std::string("spiffe://u@a/b"),
                                std::string("spiffe://a:1/b"),
                                std::string("spiffe://a/b?c"),
                                std::string("spiffe://a/b#c"),
                                std::string("spiffe://a/b%2fc"),
                                std::string("spiffe://a/b c"),
                                std::string("spiffe://a/b\n"),
                                std::string("spiffe://a/b\0", 13),
                                std::string("spiffe://a/\xC3\xA9"),
                                std::string(" spiffe://a/b"),
                                std::string("//a/b"),
                                "spiffe://" + domain + "/b"}) {
    BOOST_TEST(spiffe_id_fault(id) != "", id);
  }
}

BOOST_AUTO_TEST_CASE(how_long_one_may_be) {
  const std::string begin = "spiffe://a/";
  BOOST_TEST(spiffe_id_fault(begin + std::string(2048 - begin.size(), 'b')) == "");
  BOOST_TEST(spiffe_id_fault(begin + std::string(2049 - begin.size(), 'b')) != "");
  BOOST_TEST(spiffe_id_fault("spiffe://" + std::string(255, 'a') + "/b") == "");
}

BOOST_AUTO_TEST_SUITE_END()
