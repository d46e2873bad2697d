// For any policy and any call the two engines give the same decision, in every field: that the
// compiled one is faster is the only difference between them.
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/reference_engine.hpp"
#include "tests/property/random_policy.hpp"
#include "tests/support/engine_parity.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>

namespace {

using namespace sluice;
using engine::CompiledEngine;
using engine::ReferenceEngine;
using testing::RandomPolicy;

// How often each kind of answer came: a property of nothing but refusals would prove little.
using Tally = std::map<std::string, int>;

void count(const model::Decision& decision, Tally& tally) {
  ++tally["decisions"];
  ++tally[std::string(model::row(decision.reason).code)];
  if (!decision.reported.empty()) ++tally["reported"];
  if (!decision.allowed()) return;
  const auto& duties = decision.obligations;
  if (duties.tls == model::TlsMode::passthrough) ++tally["passthrough"];
  if (duties.private_addresses) ++tally["private"];
  if (duties.request_body_limit) ++tally["request_body"];
  if (duties.byte_limit) ++tally["bytes"];
  if (!duties.restore.empty()) ++tally["restore"];
  if (!duties.credentials.empty()) ++tally["credentials"];
  if (!duties.quotas.empty()) ++tally["limits"];
  if (!duties.ask.empty()) ++tally["ask"];
  if (duties.ask.size() > 1) ++tally["ask of several"];
  if (duties.quotas.size() > 1) ++tally["limits of several"];
  if (duties.redact.size() == 2) ++tally["both packs"];
}

void compare(RandomPolicy& random, int rules, int calls, Tally& tally) {
  const std::string text = random.document(rules);
  const auto load = engine::load_policy_text(text, "random");
  BOOST_TEST_REQUIRE(load.snapshot != nullptr, format(load.diagnostics) << text);
  const ReferenceEngine reference(load.snapshot);
  const CompiledEngine compiled(load.snapshot);
  for (int i = 0; i < calls; ++i) {
    const auto call = random.call();
    const auto different = testing::difference(reference, compiled, call, random.addresses(1));
    BOOST_TEST_REQUIRE(different.empty(), different << "\nof " << to_string(call.protocol) << ' '
                                                    << call.method << ' ' << call.to.authority()
                                                    << call.path << "\nof\n"
                                                    << text);
    count(compiled.decide(call), tally);
    if (compiled.could_allow(call.to.host)) ++tally["could_allow"];
  }
}

BOOST_AUTO_TEST_SUITE(engine_parity)

BOOST_AUTO_TEST_CASE(small_policies_are_decided_alike) {
  Tally tally;
  for (std::uint32_t seed = 1; seed <= 1'200; ++seed) {
    RandomPolicy random(seed);
    compare(random, 1 + static_cast<int>(seed % 12), 200, tally);
  }
  const std::pair<const char*, int> least[] = {
      {"decisions", 240'000},
      {"none", 20'000},
      {"rule_block", 8'000},
      {"default_deny", 20'000},
      {"reported", 10'000},
      {"approval_required", 5'000},
      {"address_private", 1'000},
      {"address_metadata", 100},
      {"passthrough", 1'000},
      {"private", 1'000},
      {"request_body", 1'000},
      {"bytes", 1'000},
      {"restore", 500},
      {"credentials", 500},
      {"both packs", 1'000},
      {"could_allow", 50'000},
      {"limits", 2'000},
      {"limits of several", 200},
      {"ask", 2'000},
      {"ask of several", 100},
      {"body_unread", 1'000},
  };
  for (const auto& [kind, wanted] : least)
    BOOST_TEST(tally[kind] >= wanted, kind << ' ' << tally[kind]);
}

// More rules than one word has bits, and more expressions than are asked one by one.
BOOST_AUTO_TEST_CASE(large_policies_are_decided_alike) {
  Tally tally;
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    RandomPolicy random(10'000 + seed);
    compare(random, 60 + static_cast<int>(seed * 7 % 200), 300, tally);
  }
  BOOST_TEST(tally["reported"] > 1'000);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
