// What the loader accepts, the schema accepts: over random policies.
#include "policy/engine/snapshot.hpp"
#include "random_policy.hpp"
#include "tests/support/schema_check.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(schema_property)

BOOST_AUTO_TEST_CASE(policies_that_load_fit) {
  const sluice::testing::SchemaCheck check(sluice::engine::policy_schema());
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const auto text = sluice::testing::RandomPolicy(seed).document(20);
    sluice::Diagnostics problems;
    const auto document = sluice::parse_document(text, "p", problems);
    BOOST_REQUIRE(document.has_value());
    BOOST_TEST(check.fault(document->root) == "", "seed " << seed);
  }
}

BOOST_AUTO_TEST_SUITE_END()
