#include "policy/evidence/prove.hpp"

#include "policy/evidence/layout.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

namespace sluice::evidence {
namespace {

using namespace test;

struct Fixture {
  TempDirectory directory;

  Fixture() {
    write_signed_log(directory, 5);
    write_signed_log(directory, 6);
  }
  Proof proof(std::uint64_t seq, std::optional<std::uint64_t> from = std::nullopt) const {
    auto made = prove(directory.log(), seq, from);
    if (!made) BOOST_FAIL(made.error().detail);
    return made.value();
  }
  std::string fault(std::uint64_t seq, std::optional<std::uint64_t> from = std::nullopt) const {
    const auto made = prove(directory.log(), seq, from);
    return made ? "" : made.error().code;
  }
};

constexpr std::uint64_t kCovered = 15; // key and start, 5, stop; start, 6: the stop seals them

bool holds(const Proof& proof, const KeyPin& pin = {}) {
  return check_proof(proof, pin).empty();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(prove_a_record, Fixture)

BOOST_AUTO_TEST_CASE(every_covered_record_is_proven_from_every_older_size) {
  const KeyPin pin{std::nullopt, verify_directory(directory.log()).key_fingerprint};
  for (std::uint64_t seq = 1; seq <= kCovered; ++seq) {
    BOOST_TEST(holds(proof(seq), pin));
    for (std::uint64_t from = 1; from <= kCovered; ++from) BOOST_TEST(holds(proof(seq, from), pin));
  }
  BOOST_TEST(fault(0) == "evidence_not_covered");
  BOOST_TEST(fault(kCovered + 1) == "evidence_not_covered"); // the checkpoint itself names it
  BOOST_TEST(fault(1, 0) == "evidence_not_covered");
  BOOST_TEST(fault(1, kCovered + 1) == "evidence_not_covered");
}

BOOST_AUTO_TEST_CASE(a_proof_of_something_else_does_not_hold) {
  const Proof good = proof(7, 9);
  BOOST_REQUIRE(holds(good));
  const auto broken = [&](auto change) {
    Proof bad = good;
    change(bad);
    return !holds(bad);
  };
  for (std::size_t at = 0; at < good.record.size(); ++at) {
    BOOST_REQUIRE(broken([&](Proof& p) { p.record[at] ^= 1; }));
  }
  for (std::size_t at = 0; at < good.checkpoint_record.size(); ++at) {
    BOOST_REQUIRE(broken([&](Proof& p) { p.checkpoint_record[at] ^= 1; }));
  }
  for (std::size_t at = 0; at < good.checkpoint.size(); ++at) {
    BOOST_REQUIRE(broken([&](Proof& p) { p.checkpoint[at] ^= 1; }));
  }
  BOOST_TEST(broken([](Proof& p) { p.seq = 8; }));
  BOOST_TEST(broken([](Proof& p) { p.tree_size -= 1; }));
  BOOST_TEST(broken([](Proof& p) { p.path.pop_back(); }));
  BOOST_TEST(broken([](Proof& p) { p.path[0][0] ^= 1; }));
  BOOST_TEST(broken([](Proof& p) { p.from->size = 8; }));
  BOOST_TEST(broken([](Proof& p) { p.from->root[0] ^= 1; }));
  BOOST_TEST(broken([](Proof& p) { p.from->path[0][0] ^= 1; }));
  BOOST_TEST(broken([&](Proof& p) { p.record = proof(8).record; }));
  BOOST_TEST(broken([](Proof& p) { p.public_key = SigningKey::generate().public_key().pem(); }));
  BOOST_TEST(broken([](Proof& p) { p.public_key.clear(); }));
}

BOOST_AUTO_TEST_CASE(a_key_is_believed_only_when_it_is_pinned) {
  const Proof good = proof(3);
  BOOST_TEST(holds(good));
  const KeyPin other{std::nullopt, SigningKey::generate().public_key().fingerprint()};
  BOOST_TEST(!holds(good, other));
}

BOOST_AUTO_TEST_CASE(a_log_that_does_not_hold_gives_no_proofs) {
  std::string audit = read_text(directory.audit());
  audit[audit.size() / 2] ^= 1;
  write_text(directory.audit(), audit);
  BOOST_TEST(fault(1) == "evidence_chain_broken");
}

BOOST_AUTO_TEST_CASE(a_log_without_checkpoints_gives_no_proofs) {
  std::filesystem::remove_all(directory.log());
  write_log(directory, 3);
  BOOST_TEST(fault(1) == "evidence_not_covered");
}

BOOST_AUTO_TEST_CASE(a_log_that_was_not_closed_is_proven_up_to_its_last_checkpoint) {
  const auto lines = lines_of(read_text(directory.audit()));
  write_text(directory.audit(), join({lines.begin(), lines.begin() + 11}));
  const auto seals = lines_of(read_text(checkpoint_path(directory.log())));
  write_text(checkpoint_path(directory.log()), seals[0] + seals[1] + seals[2]);
  BOOST_TEST(holds(proof(8)));
  BOOST_TEST(fault(9) == "evidence_not_covered");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
