#include "policy/evidence/retention.hpp"

#include "policy/evidence/bundle.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/prove.hpp"
#include "policy/evidence/segments.hpp"
#include "tests/unit/evidence/query_support.hpp"

#include <chrono>
#include <thread>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

using namespace test;
using namespace std::chrono_literals;

struct Fixture : SegmentedLog {
  std::string issues() const {
    std::string text;
    for (const Issue& issue : verify_directory(directory.log()).issues) text += issue.type + " ";
    return text;
  }
  Removal plan(std::uint64_t bytes) const {
    auto removal = plan_removal(directory.log(), {bytes, 0ns}, clock.unix_nanos());
    if (!removal) BOOST_FAIL(removal.error().detail);
    BOOST_REQUIRE(removal.value().has_value());
    return std::move(*removal.value());
  }
  void tell(const Removal& removal) const {
    const auto log = open_log(config, clock);
    BOOST_REQUIRE(log->append_and_wait(removal_record(config.who, removal)).has_value());
  }
  Removal remove(std::uint64_t bytes) const {
    Removal removal = plan(bytes);
    tell(removal);
    BOOST_REQUIRE(remove_segments(directory.log(), removal).has_value());
    return removal;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(retention, Fixture)

BOOST_AUTO_TEST_CASE(a_log_goes_on_behind_what_was_removed) {
  append(60);
  const std::size_t before = closed().size();
  const Removal first = remove(20'000);
  BOOST_TEST(closed().size() + first.files.size() >= before);
  BOOST_TEST(issues() == "");
  append(40);
  BOOST_TEST(issues() == "");
  const Removal second = remove(12'000);
  BOOST_TEST(second.first_seq == first.retained.head.seq + 1);
  append(10);
  const Verification verification = verify_directory(directory.log());
  BOOST_TEST(verification.passed(), describe(verification));
  BOOST_TEST(verification.removed_up_to == second.retained.head.seq);
  BOOST_TEST(verification.audit_record_count + verification.removed_up_to ==
             verification.audit_head_seq);
  VerifyOptions pinned;
  pinned.pin.fingerprint = verification.key_fingerprint; // of the key whose record was removed
  BOOST_TEST(verify_directory(directory.log(), pinned).passed());
  for (const std::string& line : lines_of(read_text(checkpoint_path(directory.log())))) {
    const auto mark = parse_checkpoint(std::string_view(line).substr(0, line.size() - 1));
    pinned.head = mark->anchor; // what a witness was given, of records that are gone too
    BOOST_REQUIRE(verify_directory(directory.log(), pinned).passed());
    pinned.head->hash[0] ^= 1;
    BOOST_REQUIRE(!verify_directory(directory.log(), pinned).passed());
  }
  pinned.head = second.retained.head;
  BOOST_TEST(verify_directory(directory.log(), pinned).passed());
  pinned.head->hash[0] ^= 1;
  BOOST_TEST(!verify_directory(directory.log(), pinned).passed());
}

BOOST_AUTO_TEST_CASE(keys_that_were_rotated_are_still_vouched_for) {
  append(20);
  VerifyOptions pinned;
  pinned.pin.fingerprint = verify_directory(directory.log()).key_fingerprint;
  config.rotate_key = true;
  append(20);
  append(20);
  config.rotate_key = false;
  append(20);
  const Removal removal = remove(4000);
  BOOST_TEST(removal.retained.keys.size() == 3U);
  append(20);
  const Verification verification = verify_directory(directory.log(), pinned);
  BOOST_TEST(verification.passed(), describe(verification));
  const std::string path = retained_path(directory.log());
  const std::string good = read_text(path);
  for (std::size_t line = 0; line < 3; ++line) { // without one of them nothing vouches
    auto lines = lines_of(good);
    lines.erase(lines.begin() + static_cast<long>(line));
    write_text(path, join(lines));
    BOOST_TEST(!verify_directory(directory.log(), pinned).passed());
  }
}

BOOST_AUTO_TEST_CASE(proofs_questions_and_bundles_begin_behind_it_too) {
  append(100);
  const Removal removal = remove(12'000);
  const std::uint64_t gone = removal.retained.head.seq;
  append(7);
  const std::uint64_t end = verify_directory(directory.log()).audit_head_seq;
  for (std::uint64_t seq = 1; seq < end; ++seq) {
    const auto proof = prove(directory.log(), seq, seq);
    BOOST_REQUIRE_EQUAL(proof.has_value(), seq > gone);
    if (!proof) BOOST_TEST(proof.error().code == "evidence_not_covered");
  }
  BOOST_TEST(ask(directory.log(), by(Fact::run, "run-1")).seqs.front() == gone + 1);
  BOOST_TEST(ask(directory.log(), by(Fact::run, "run-1")).issues.empty());
  BOOST_REQUIRE(update_index(directory.log(), Rebuild::no, {}).has_value());
  BOOST_TEST(ask(directory.log(), by(Fact::run, "run-1")).seqs.size() == end - gone);
  const auto key = SigningKey::load(config.key_file);
  const std::string to = directory.path("bundle");
  const auto made = export_bundle(directory.log(), key.value(), to, kStart);
  BOOST_REQUIRE(made.has_value());
  const Verification bundle = verify_directory(to);
  BOOST_TEST(bundle.passed(), describe(bundle));
}

BOOST_AUTO_TEST_CASE(an_index_forgets_what_was_removed) {
  config.segment_bytes = 100'000;
  for (std::uint64_t n = 0; n < 3000; n += 300) write_calls(config, n, n + 300);
  BOOST_REQUIRE(update_index(directory.log(), Rebuild::no, {}).has_value());
  QueryOptions question = by(Fact::decision, "block");
  const std::size_t before = ask(directory.log(), question).seqs.size();
  const Removal some = remove(900'000);
  const Answer answer = ask(directory.log(), question);
  BOOST_TEST(answer.notes.empty());
  BOOST_TEST(answer.seqs.front() > some.retained.head.seq);
  BOOST_TEST(answer.seqs.size() < before);
  question.last = 10'000;
  BOOST_TEST(ask(directory.log(), question).seqs == answer.seqs);
  remove(200'000);
  BOOST_TEST(ask(directory.log(), question).notes.size() == 1U); // most of it: made anew
  BOOST_TEST(ask(directory.log(), question).notes.empty());
}

BOOST_AUTO_TEST_CASE(a_deletion_that_was_not_retention_is_found) {
  append(100);
  const std::vector<std::string> names = closed();
  const Removal removal = plan(12'000); // well made, and nothing on record
  const std::string rest = directory.path("copy");
  std::filesystem::copy(directory.log(), rest, std::filesystem::copy_options::recursive);
  BOOST_REQUIRE(remove_segments(directory.log(), removal).has_value());
  BOOST_TEST(issues() == "missing_segments ");
  BOOST_TEST(fault() == "evidence_chain_broken");

  std::filesystem::remove_all(directory.log());
  std::filesystem::copy(rest, directory.log(), std::filesystem::copy_options::recursive);
  remove(20'000);
  append(5);
  BOOST_TEST(issues() == "");
  const std::string first = closed().front(); // one more, and then with what would be kept of it
  const std::string text = read_text(inside(first));
  const std::string retained = read_text(retained_path(directory.log()));
  std::filesystem::remove(inside(first));
  BOOST_TEST(issues() != "");
  write_text(inside(first), text);
  BOOST_REQUIRE(remove_segments(directory.log(), plan(12'000)).has_value());
  BOOST_TEST(issues() == "missing_segments ");
  write_text(retained_path(directory.log()), retained);
  BOOST_TEST(issues() != "");
  std::filesystem::remove(retained_path(directory.log()));
  BOOST_TEST(issues() != "");
}

BOOST_AUTO_TEST_CASE(any_change_of_what_was_kept_is_found) {
  append(60);
  remove(10'000);
  const std::string path = retained_path(directory.log());
  const std::string good = read_text(path);
  for (std::size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] ^= 1;
    write_text(path, bad);
    BOOST_REQUIRE_NE(issues(), "");
  }
  for (const std::string& bad : {std::string(), good + "\n", good + good, good.substr(1),
                                 good.substr(0, good.size() - 1), lines_of(good).back()}) {
    write_text(path, bad);
    BOOST_TEST(issues() != "");
  }
  write_text(path, good);
  BOOST_TEST(issues() == "");
}

BOOST_AUTO_TEST_CASE(a_process_that_died_while_it_removed_goes_on) {
  append(100);
  const Removal removal = plan(12'000);
  tell(removal);
  BOOST_TEST(issues() == ""); // on record, and nothing is gone yet
  const std::string copy = directory.path("copy");
  std::filesystem::copy(directory.log(), copy, std::filesystem::copy_options::recursive);
  for (std::size_t gone = 0; gone <= removal.files.size(); ++gone) {
    std::filesystem::remove_all(directory.log());
    std::filesystem::copy(copy, directory.log(), std::filesystem::copy_options::recursive);
    write_text(retained_path(directory.log()), text_of(removal.retained));
    for (std::size_t i = 0; i < gone; ++i) std::filesystem::remove(inside(removal.files[i]));
    BOOST_REQUIRE_EQUAL(issues(), "");
    append(1);
    BOOST_REQUIRE_EQUAL(issues(), "");
    BOOST_REQUIRE(!std::filesystem::exists(inside(removal.files.back())));
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_hold_is_not_removed) {
  append(60);
  const std::string name = closed()[1];
  std::string text = read_text(inside(name));
  text[text.size() / 2] ^= 1;
  write_text(inside(name), text);
  const auto removal = plan_removal(directory.log(), {1, 0ns}, clock.unix_nanos());
  BOOST_TEST(removal.error().code == "evidence_chain_broken");
}

BOOST_AUTO_TEST_CASE(age_is_that_of_the_last_record) {
  append(60);
  const std::int64_t now = clock.unix_nanos();
  BOOST_TEST(!plan_removal(directory.log(), {0, 1h}, now).value().has_value());
  const auto later = plan_removal(directory.log(), {0, 1h}, now + 3'600'000'000'000);
  BOOST_TEST(later.value()->files.size() == closed().size());
  BOOST_TEST(later.value()->cause == "age");
}

BOOST_AUTO_TEST_CASE(it_happens_beside_the_writer) {
  config.retention.bytes = 20'000;
  config.heartbeat = 10ms;
  {
    const auto log = open_log(config, clock);
    for (int n = 0; n < 3000 && retained_head(directory.log()).seq < 200; ++n) {
      BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
      if (n % 20 == 0) std::this_thread::sleep_for(2ms);
      if (n % 300 == 0) BOOST_REQUIRE_EQUAL(issues(), "");
    }
  }
  BOOST_TEST(retained_head(directory.log()).seq >= 200U);
  BOOST_TEST(issues() == "");
  BOOST_TEST(fault() == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
