// A signed log while it is written: what it says about itself at its start, at each heartbeat and
// at its end, and after a crash.
#include "policy/evidence/layout.hpp"
#include "policy/evidence/seal_record.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <chrono>
#include <thread>

#include <csignal>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

using namespace test;
using namespace std::chrono_literals;

struct Fixture {
  TempDirectory directory;
  ManualClock clock{kStart};
  LogConfig config = signed_config(directory);
  std::string checkpoints = checkpoint_path(directory.log());

  std::vector<std::string> types() const {
    std::vector<std::string> all;
    read_records(directory.log(), [&](const RecordView& record) {
      all.push_back(record.event_type);
      return true;
    });
    return all;
  }
  std::string payload(std::uint64_t seq) const {
    std::string found;
    read_records(directory.log(), [&](const RecordView& record) {
      if (record.seq == seq) found = record.payload;
      return record.seq != seq;
    });
    return found;
  }
  std::string recoveries() const {
    std::string all;
    read_records(directory.log(), [&](const RecordView& record) {
      if (record.event_type == kLogRecovered) all += record.payload;
      return true;
    });
    return all;
  }
  std::string fault() const {
    const auto log = EvidenceLog::open(config, clock);
    return log ? "" : log.error().code;
  }
  void append(int count) const {
    const auto log = open_log(config, clock);
    for (int n = 0; n < count; ++n) BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
  }
  void check(std::uint64_t records) const {
    const Verification verification = verify_directory(directory.log());
    BOOST_TEST(verification.passed(), describe(verification));
    BOOST_TEST(verification.audit_record_count == records);
    BOOST_TEST(verification.signed_up_to == records);
  }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

template <class Condition> bool soon(const Condition& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

using Types = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(seal, Fixture, *boost::unit_test::label("concurrent"))

BOOST_AUTO_TEST_CASE(a_log_is_signed_from_its_first_record_to_its_last) {
  append(2);
  BOOST_TEST(types() == (Types{"log_key_created", "log_checkpoint", "run_start", "run_start",
                               "log_checkpoint"}),
             boost::test_tools::per_element());
  BOOST_TEST(contains(payload(2), R"("cause":"start")"));
  BOOST_TEST(contains(payload(5), R"("cause":"stop")"));
  BOOST_TEST(lines_of(read_text(checkpoints)).size() == 2U);
  check(5);
  append(1);
  BOOST_TEST(types().size() == 8U); // start, the record, stop
  BOOST_TEST(recoveries() == "");
  check(8);
}

BOOST_AUTO_TEST_CASE(the_key_is_private_and_on_record) {
  append(0);
  struct stat info {};
  BOOST_REQUIRE(::stat(config.key_file.c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 0777U) == 0600U);
  BOOST_REQUIRE(::stat(checkpoints.c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 0777U) == 0600U);
  const std::string fingerprint =
      SigningKey::load(config.key_file).value().public_key().fingerprint();
  BOOST_TEST(contains(payload(1), fingerprint));
  BOOST_TEST(read_key(payload(1))->fingerprint == fingerprint);
  BOOST_TEST(verify_directory(directory.log()).key_fingerprint == fingerprint);
}

BOOST_AUTO_TEST_CASE(a_receipt_still_names_the_record) {
  const auto log = open_log(config, clock);
  BOOST_TEST(log->found().seq == 0U);
  const Receipt receipt = log->append_and_wait(numbered(1)).value();
  BOOST_TEST(receipt.seq == 3U);
  BOOST_TEST(log->head().hash == receipt.hash);
  BOOST_TEST(verify_directory(directory.log()).being_written);
  BOOST_TEST(verify_directory(directory.log()).passed());
}

BOOST_AUTO_TEST_CASE(an_idle_log_beats) {
  config.heartbeat = 20ms;
  config.counts = [] { return std::vector<Count>{{"outcomes", 2}, {"decisions", 3}}; };
  const SystemClock real;
  {
    const auto log = open_log(config, real);
    BOOST_TEST(soon([&] { return types().size() >= 8; }));
  }
  BOOST_TEST(types()[2] == "heartbeat");
  BOOST_TEST(types()[3] == "log_checkpoint");
  BOOST_TEST(contains(payload(3), R"("counts":{"decisions":3,"outcomes":2})"));
  BOOST_TEST(contains(payload(4), R"("cause":"heartbeat")"));
  check(types().size());
}

BOOST_AUTO_TEST_CASE(a_busy_log_beats_too) {
  config.heartbeat = 10ms;
  const SystemClock real;
  {
    const auto log = open_log(config, real);
    const auto until = real.monotonic_nanos() + 300'000'000;
    while (real.monotonic_nanos() < until) log->append(numbered(1), nullptr);
  }
  BOOST_TEST(lines_of(read_text(checkpoints)).size() > 5U);
  check(types().size());
}

BOOST_AUTO_TEST_CASE(a_log_that_has_checkpoints_is_not_written_without_them) {
  append(1);
  LogConfig without = config;
  without.key_file.clear();
  BOOST_TEST(EvidenceLog::open(without, clock).error().code == "evidence_key_missing");
}

BOOST_AUTO_TEST_CASE(a_log_that_was_not_signed_is_from_here_on) {
  write_log(directory, 3);
  append(1);
  BOOST_TEST(contains(recoveries(), "log_was_not_signed"));
  check(8); // three, what is told, key, start, one, stop
}

BOOST_AUTO_TEST_CASE(a_lost_or_foreign_key_is_not_replaced) {
  append(1);
  const std::string key = read_text(config.key_file);
  std::filesystem::remove(config.key_file);
  BOOST_TEST(fault() == "evidence_key_missing");
  BOOST_REQUIRE(SigningKey::generate().store(config.key_file).has_value());
  BOOST_TEST(fault() == "evidence_key_mismatch");
  write_text(config.key_file, key);
  BOOST_TEST(fault() == "");
  check(6);
}

BOOST_AUTO_TEST_CASE(a_new_log_under_an_old_key_says_so) {
  append(1);
  std::filesystem::remove_all(directory.log());
  append(1);
  BOOST_TEST(contains(recoveries(), "key_without_log"));
}

BOOST_AUTO_TEST_CASE(a_new_key_is_vouched_for_by_the_old_one) {
  append(1);
  const std::string old = verify_directory(directory.log()).key_fingerprint;
  config.rotate_key = true;
  append(1);
  config.rotate_key = false;
  append(1);
  const Verification verification = verify_directory(directory.log());
  BOOST_TEST(verification.passed(), describe(verification));
  BOOST_TEST(verification.key_fingerprint != old);
  for (const std::string& pinned : {old, verification.key_fingerprint}) {
    VerifyOptions options;
    options.pin.fingerprint = pinned;
    BOOST_TEST(verify_directory(directory.log(), options).passed());
  }
  BOOST_TEST(!std::filesystem::exists(config.key_file + ".next"));
}

BOOST_AUTO_TEST_CASE(a_rotation_that_was_interrupted_is_finished) {
  append(1);
  const std::string old_key = read_text(config.key_file);
  config.rotate_key = true;
  append(1);
  config.rotate_key = false;
  // As if the process had died before the new key was put in its place.
  std::filesystem::rename(config.key_file, config.key_file + ".next");
  write_text(config.key_file, old_key);
  BOOST_TEST(fault() == "");
  BOOST_TEST(verify_directory(directory.log()).passed());
  // A key that never came on record is forgotten.
  write_text(config.key_file + ".next", old_key);
  BOOST_TEST(fault() == "");
  BOOST_TEST(verify_directory(directory.log()).passed());
}

BOOST_AUTO_TEST_CASE(a_writer_that_died_is_told) {
  append(1);
  const auto audit = lines_of(read_text(directory.audit()));
  const auto signed_lines = lines_of(read_text(checkpoints));
  // Died with a record behind its last checkpoint.
  write_text(directory.audit(), audit[0] + audit[1] + audit[2]);
  write_text(checkpoints, signed_lines[0]);
  BOOST_TEST(fault() == "");
  BOOST_TEST(contains(recoveries(), R"("cause":"no_clean_stop")"));
  BOOST_TEST(contains(recoveries(), R"("unsigned_from":"3","unsigned_to":"3")"));
  check(6);
}

BOOST_AUTO_TEST_CASE(a_writer_that_died_before_a_checkpoint_was_written_is_told) {
  append(1);
  const auto signed_lines = lines_of(read_text(checkpoints));
  write_text(checkpoints, signed_lines[0]);
  BOOST_TEST(fault() == "");
  BOOST_TEST(contains(recoveries(), R"("cause":"checkpoint_missing")"));
  check(7); // four, what is told, start, stop
  append(0);
  check(9);
}

BOOST_AUTO_TEST_CASE(a_torn_checkpoint_is_set_aside_and_told) {
  append(1);
  const auto signed_lines = lines_of(read_text(checkpoints));
  write_text(checkpoints, signed_lines[0] + signed_lines[1].substr(0, 50));
  BOOST_TEST(fault() == "");
  BOOST_TEST(read_text(directory.log() + "/audit.checkpoints.torn-5") ==
             signed_lines[1].substr(0, 50));
  BOOST_TEST(contains(recoveries(), "audit.checkpoints.torn-5"));
  BOOST_TEST(verify_directory(directory.log()).passed());
}

BOOST_AUTO_TEST_CASE(a_log_that_contradicts_its_checkpoints_is_not_written_to) {
  append(2);
  append(2);
  const std::string audit = read_text(directory.audit());
  const std::string signed_text = read_text(checkpoints);
  const auto lines = lines_of(audit);
  const auto marks = lines_of(signed_text);
  const auto refused = [&](const std::string& log, const std::string& seals) {
    write_text(directory.audit(), log);
    write_text(checkpoints, seals);
    BOOST_TEST(fault() == "evidence_chain_broken");
    BOOST_TEST(read_text(directory.audit()) == log);
    BOOST_TEST(read_text(checkpoints) == seals);
  };
  refused(join({lines.begin(), lines.end() - 2}), signed_text); // the tail is gone
  refused(audit, marks[0] + marks[1]);                          // the last checkpoints are
  refused(audit, "");
  refused("", signed_text);
  refused(audit, marks[1] + marks[2] + marks[3]);
  std::string forged = audit;
  write_text(directory.audit(), audit);
  write_text(checkpoints, signed_text);
  const Verification whole = verify_directory(directory.log());
  ChainWriter forger({whole.audit_head_seq, whole.audit_head_hash}, "sluice");
  forger.append(forged, kStart, numbered(1));
  refused(forged, signed_text); // added after a clean stop
}

namespace {} // namespace

BOOST_AUTO_TEST_CASE(nothing_is_written_behind_a_checkpoint_that_could_not_be) {
  config.heartbeat = 20ms;
  const SystemClock real;
  {
    const auto log = open_log(config, real);
    // Room for records, none for the checkpoints: their file is moved away.
    std::filesystem::rename(checkpoints, checkpoints + ".away");
    BOOST_TEST(soon([&] { return !log->healthy(); }));
    const std::size_t size = types().size();
    BOOST_TEST(types().back() == "log_checkpoint");
    BOOST_TEST(!log->append_and_wait(numbered(1)).has_value());
    BOOST_TEST(types().size() == size);
    std::filesystem::rename(checkpoints + ".away", checkpoints);
    BOOST_TEST(soon([&] { return log->append_and_wait(numbered(2)).has_value(); }));
    BOOST_TEST(soon([&] { return log->healthy(); }));
  }
  BOOST_TEST(contains(recoveries(), "records_refused"));
  check(types().size());
}

BOOST_AUTO_TEST_CASE(a_full_disk_stops_heartbeats_and_records_alike_and_both_heal) {
  config.heartbeat = 20ms;
  const SystemClock real;
  {
    const auto log = open_log(config, real);
    {
      const FullDisk disk(1);
      BOOST_TEST(soon([&] { return !log->healthy(); }));
      BOOST_TEST(!log->append_and_wait(numbered(1)).has_value());
    }
    BOOST_TEST(soon([&] { return log->append_and_wait(numbered(2)).has_value(); }));
  }
  check(types().size());
}

BOOST_AUTO_TEST_CASE(a_killed_writer_leaves_a_log_that_goes_on) {
  for (unsigned round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      const SystemClock real;
      config.heartbeat = std::chrono::microseconds(200); // most kills hit a checkpoint
      auto log = EvidenceLog::open(config, real);
      if (!log) ::_exit(1);
      for (;;) log.value()->append(numbered(1), nullptr);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20'000 + round * 1777));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_REQUIRE_MESSAGE(WIFSIGNALED(status), "round " << round << ": " << status);
    BOOST_REQUIRE_EQUAL(fault(), "");
    const Verification verification = verify_directory(directory.log());
    BOOST_REQUIRE_MESSAGE(verification.passed(), describe(verification));
    if (verification.audit_record_count > 200'000) std::filesystem::remove_all(directory.log());
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
