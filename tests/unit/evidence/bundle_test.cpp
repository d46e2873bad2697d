#include "policy/evidence/bundle.hpp"

#include "policy/evidence/layout.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <algorithm>

namespace sluice::evidence {
namespace {

using namespace test;

const std::string kHash = "a13a3ed1d9ee67e77e7e817e4d2ff94aff0b2e1088c8a1ebe6e78dbbc2ddf56f";

struct Fixture {
  TempDirectory directory;
  std::string to = directory.path("bundle");

  Fixture() { write_signed_log(directory, 4); }
  SigningKey key() const { return SigningKey::load(directory.path("signing.key")).value(); }
  Result<Manifest> make() const { return export_bundle(directory.log(), key(), to, kStart); }
  std::string inside(std::string_view name) const { return to + '/' + std::string(name); }
  bool passes() const {
    const Verification verification = verify_directory(to);
    if (!verification.passed()) BOOST_TEST_MESSAGE(describe(verification));
    return verification.passed();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(bundle, Fixture)

BOOST_AUTO_TEST_CASE(a_manifest_hashes_as_agentpaas_does) {
  Manifest manifest;
  manifest.exported_at = "2026-01-02T03:04:08Z";
  manifest.records = 3;
  manifest.head = manifest.latest_anchor = {3, kHash};
  manifest.checkpoints = 1;
  manifest.key_fingerprint = "00";
  BOOST_TEST(hash_of(manifest) ==
             "a8f81b1f21f3ba211c5c9e6ff75a85346c758789480ab2dc09034d6c4281b094");
}

BOOST_AUTO_TEST_CASE(a_bundle_holds_the_log_and_verifies_by_itself) {
  const auto made = make();
  BOOST_REQUIRE(made.has_value());
  BOOST_TEST(made.value().records == 7U);
  BOOST_TEST(read_text(inside(kAuditFile)) == read_text(directory.audit()));
  BOOST_TEST(!std::filesystem::exists(inside("signing.key")));
  BOOST_TEST(passes());
  BOOST_TEST(make().error().code == "evidence_exists");
}

BOOST_AUTO_TEST_CASE(every_changed_byte_of_the_manifest_and_the_key_is_found) {
  BOOST_REQUIRE(make().has_value());
  for (const std::string_view name : {kManifestFile, kBundleKeyFile}) {
    const std::string good = read_text(inside(name));
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] ^= 1;
      write_text(inside(name), bad);
      if (verify_directory(to).passed()) BOOST_ERROR(name << " byte " << at);
    }
    write_text(inside(name), good);
  }
  std::filesystem::remove(inside(kBundleKeyFile));
  BOOST_TEST(!passes());
}

BOOST_AUTO_TEST_CASE(a_manifest_of_another_export_is_found) {
  BOOST_REQUIRE(make().has_value());
  const std::string old = read_text(inside(kManifestFile));
  write_signed_log(directory, 1);
  std::filesystem::remove_all(to);
  BOOST_REQUIRE(make().has_value());
  BOOST_TEST(passes());
  write_text(inside(kManifestFile), old);
  BOOST_TEST(!passes());
}

BOOST_AUTO_TEST_CASE(a_log_that_does_not_hold_is_not_exported) {
  std::string audit = read_text(directory.audit());
  audit[audit.size() / 2] ^= 1;
  write_text(directory.audit(), audit);
  BOOST_TEST(make().error().code == "evidence_chain_broken");
  BOOST_TEST(!std::filesystem::exists(to));
}

BOOST_AUTO_TEST_CASE(only_the_key_of_the_log_signs_a_bundle) {
  const auto made = export_bundle(directory.log(), SigningKey::generate(), to, kStart);
  BOOST_TEST(made.error().code == "evidence_key_mismatch");
}

BOOST_AUTO_TEST_CASE(a_log_that_is_written_is_exported_up_to_its_last_checkpoint) {
  ManualClock clock(kStart);
  LogConfig config = signed_config(directory);
  config.segment_bytes = 3000;
  const auto log = open_log(config, clock);
  for (int n = 0; n < 30; ++n) BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
  const auto made = make();
  BOOST_REQUIRE(made.has_value());
  BOOST_TEST(passes()); // though it has no clean stop: the manifest is signed
  BOOST_TEST(lines_of(read_text(inside(kAuditFile))).size() == made.value().records);
  std::filesystem::remove(inside(kManifestFile));
  BOOST_TEST(!passes());
}

BOOST_AUTO_TEST_CASE(policies_go_with_it) {
  const std::string policy = R"({"version":1})";
  ManualClock clock(kStart);
  {
    const auto log = open_log(signed_config(directory), clock);
    BOOST_REQUIRE(log->store_policy(policy_digest(policy), policy).has_value());
    const Record record =
        event_record({}, "policy_loaded", {{"policy_digest", policy_digest(policy)}}, nullptr);
    BOOST_REQUIRE(log->append_and_wait(record).has_value());
  }
  BOOST_REQUIRE(make().has_value());
  BOOST_TEST(passes());
  std::filesystem::remove(policy_path(to, policy_digest(policy)));
  BOOST_TEST(!passes());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
