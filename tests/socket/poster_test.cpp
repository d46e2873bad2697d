// The URL that checkpoints are posted to: what is refused at load, and never shown.
#include "proxy/io/poster.hpp"
#include "proxy/runtime/config.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace sluice;

namespace {

std::string refusal(std::string_view url) {
  const auto parsed = io::parse_post_url(url);
  if (parsed) return {};
  BOOST_TEST((parsed.error().code == "url_invalid"));
  BOOST_TEST((parsed.error().origin == Origin::config));
  return parsed.error().detail;
}

} // namespace

BOOST_AUTO_TEST_SUITE(poster)

BOOST_AUTO_TEST_CASE(a_url_is_taken_apart) {
  const auto parsed = io::parse_post_url("https://Witness.Example/take/it?key=a%20b").value();
  BOOST_TEST(parsed.to.authority() == "witness.example");
  BOOST_TEST(parsed.to.port == 443);
  BOOST_TEST(parsed.target == "/take/it?key=a%20b");
  BOOST_TEST(io::parse_post_url("https://witness.example").value().target == "/");
  BOOST_TEST(io::parse_post_url("https://[2001:db8::1]:8443/").value().to.port == 8443);
}

BOOST_AUTO_TEST_CASE(without_tls_only_to_this_machine) {
  for (const char* url : {"http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/",
                          "http://127.9.9.9/", "http://LocalHost:1/"}) {
    BOOST_TEST(refusal(url) == "", url);
  }
  for (const char* url : {"http://witness.example/", "http://10.0.0.1/", "http://192.168.1.1/",
                          "http://169.254.169.254/", "http://0.0.0.0/", "http://localhost.example/",
                          "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/"}) {
    BOOST_TEST(refusal(url) == "without TLS only to a loopback address or localhost", url);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_url_to_post_to_is_refused) {
  for (const std::string url : {"",
                                "x",
                                "/path",
                                "*",
                                "ftp://w.test/",
                                "https://",
                                "https:///path",
                                "https://w.test:0/",
                                "https://w.test:65536/",
                                "https://user:pw@w.test/",
                                "https://w.test/#part",
                                "https://w.test/a b",
                                "https://w.test/a\r\nX: y",
                                "https://w.test/?a\nb",
                                "https://w.test\\@x/",
                                "https://w..test/",
                                "https://[::1/",
                                "https://w.test/\xC3\xBC",
                                "https://w.test/?\xC3\xBC",
                                "https://w.test/?\x7f",
                                "wss://w.test/",
                                "https://%77.test/"}) {
    BOOST_TEST(refusal(url) != "", url);
  }
}

BOOST_AUTO_TEST_CASE(a_refusal_has_nothing_of_the_url) {
  BOOST_TEST(refusal("http://witness.example/?key=k-1").find("k-1") == std::string::npos);
  const auto load = runtime::load_config_text(
      "version: 1\nlisteners: [{name: a, kind: forward, bind: \"127.0.0.1:0\"}]\npolicy: p.yaml\n"
      "evidence: {anchor: {url: \"http://witness.example/?key=k-1\"}}\n",
      "s.yaml");
  BOOST_TEST(!load.config.has_value());
  const auto said = format(load.diagnostics);
  BOOST_TEST(said.find("s.yaml:4:") != std::string::npos, said);
  BOOST_TEST(said.find("/evidence/anchor/url") != std::string::npos, said);
  BOOST_TEST(said.find("k-1") == std::string::npos, said);
}

BOOST_AUTO_TEST_SUITE_END()
