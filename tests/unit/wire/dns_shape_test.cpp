#include "proxy/wire/dns_shape.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace {

using namespace sluice::wire;

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
// In lower case, as names are compared.
constexpr std::string_view kBase64url =
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789-_";

bool tunnels(std::string_view name) {
  DnsQuery query;
  query.name = name;
  query.name_is_plain = true;
  return looks_like_tunnelling(query);
}

DnsTypeClass class_of(unsigned type) {
  return classify(static_cast<std::uint16_t>(type));
}

class Random {
 public:
  std::string text(std::string_view alphabet, std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += alphabet[engine_() % alphabet.size()];
    return out;
  }

 private:
  std::mt19937 engine_{7}; // its sequence is fixed by the standard
};

// Of 1,000 random names `label`.example.com, those that are seen.
int seen_of_1000(std::string_view alphabet, std::size_t size) {
  Random random;
  int seen = 0;
  for (int i = 0; i < 1000; ++i) seen += tunnels(random.text(alphabet, size) + ".example.com");
  return seen;
}

} // namespace

BOOST_AUTO_TEST_SUITE(dns_shape)

BOOST_AUTO_TEST_CASE(ordinary_names) {
  for (const auto* name : {
           "",
           "localhost",
           "api.openai.com",
           "d111111abcdef8.cloudfront.net",
           "r3---sn-4g5e6nez.googlevideo.com",
           "ec2-52-95-110-1.us-west-2.compute.amazonaws.com",
           "a1b2c3d4e5f67890a1b2c3d4e5f67890.eu-west-1.elb.amazonaws.com",
           "internal-a1b2c3d4e5f67890a1b2c3d4e5f67890-1234567890.us-east-1.elb.amazonaws.com",
           "a0123456789abcdef0123456789abcde-0123456789abcdef.elb.us-east-1.amazonaws.com",
           "k8s-default-nginxing-0a1b2c3d4e-0123456789abcdef.elb.us-east-1.amazonaws.com",
           "vpce-0a1b2c3d4e5f67890-k3j9x2qm-us-east-1a.ec2.us-east-1.vpce.amazonaws.com",
           "search-my-domain-vsskvtywppbtgvcfs7w5pwnsbu.us-east-1.es.amazonaws.com",
           "my-company-production-data-lake-artifacts-us-west-2.s3.us-west-2.amazonaws.com",
           "01234567-89ab-4cde-8123-456789abcdef.region.example.com",
           "xn--80ak6aa92e.com",
           "a3qj468example-ats.iot.us-west-2.amazonaws.com",
           "adb-1234567890123456.7.azuredatabricks.net",
           "productionresultssa19.blob.core.windows.net",
           "pipelinesghubeus13.actions.githubusercontent.com",
           "service-name-abc123xyz-uc.a.run.app",
           "gentle-sea-0a1b2c3d4.2.azurestaticapps.net",
           "_http._tcp.deb.debian.org",
           "_acme-challenge.example.com",
           "service.namespace.deployment.cluster.region.internal.company.example.com",
           "collector.observability.svc.cluster.local.us-east-1.staging.example.com",
           "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
       }) {
    BOOST_TEST(!tunnels(name), name);
  }
}

BOOST_AUTO_TEST_CASE(encoded_chunks) {
  for (const auto* name : {
           "6162636465666768696a6b6c6d6e6f707172737475.t.example.com",
           "nbswy3dpeb3w64tmmqxcaytvoqqhi2djomqgs4zb.t.example.com",
           "c2stcHJvai1hYmNkZWZnaGlqa2xtbm9wcXJzdHV2.t.example.com",
           "da39a3ee5e6b4b0d3255bfef95601890afd80709.example.com",
       }) {
    BOOST_TEST(tunnels(name), name);
  }
  for (const std::size_t size : {40U, 44U, 48U, 50U, 51U, 63U}) {
    BOOST_TEST(seen_of_1000(kHex, size) == 1000, size);
    BOOST_TEST(seen_of_1000(kBase32, size) == 1000, size);
    BOOST_TEST(seen_of_1000(kBase64url, size) >= 990, size);
  }
}

BOOST_AUTO_TEST_CASE(many_coded_labels) {
  Random random;
  for (int i = 0; i < 1000; ++i) {
    std::string name, seven;
    for (int label = 0; label < 8; ++label) {
      if (label == 7) seven = name + "example.com";
      name += random.text(kHex, 9) + "a.";
    }
    BOOST_TEST(tunnels(name + "example.com"));
    BOOST_TEST(!tunnels(seven));
  }
}

BOOST_AUTO_TEST_CASE(over_long) {
  const std::string label(50, 'a');
  BOOST_TEST(!tunnels(label + ".example.com"));
  BOOST_TEST(tunnels(label + "a.example.com"));
  BOOST_TEST(!tunnels("a-" + label.substr(1) + ".example.com"));
  std::string name = "abcde";
  while (name.size() < 120) name = "abcd." + name;
  BOOST_TEST(name.size() == 120U);
  BOOST_TEST(!tunnels(name));
  BOOST_TEST(tunnels("a" + name));
}

BOOST_AUTO_TEST_CASE(names_that_are_not_plain) {
  DnsQuery query;
  query.name = "a\\000b.example.com";
  BOOST_TEST(looks_like_tunnelling(query));
}

BOOST_AUTO_TEST_CASE(types) {
  for (const unsigned type : {1U, 28U}) {
    BOOST_TEST((class_of(type) == DnsTypeClass::address), type);
  }
  for (const unsigned type : {2U, 5U, 6U, 12U, 15U, 33U, 43U, 48U, 64U, 65U}) {
    BOOST_TEST((class_of(type) == DnsTypeClass::empty), type);
  }
  for (const unsigned type :
       {0U, 10U, 16U, 41U, 99U, 251U, 252U, 255U, 4711U, 65280U, 65399U, 65535U}) {
    BOOST_TEST((class_of(type) == DnsTypeClass::refused), type);
  }
}

BOOST_AUTO_TEST_SUITE_END()
