// What the log does when the world under it fails: full disks, vanished files, killed processes.
#include "policy/evidence/log.hpp"

#include "tests/unit/evidence/evidence_support.hpp"

#include <chrono>
#include <thread>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

using namespace test;

struct Fixture {
  TempDirectory directory;
  ManualClock clock{kStart};

  std::string last_recovery() const {
    std::string payload;
    read_records(directory.log(), [&](const RecordView& record) {
      if (record.event_type == "log_recovered") payload = record.payload;
      return true;
    });
    return payload;
  }
  static bool refused(EvidenceLog& log, std::uint64_t n) {
    const auto receipt = log.append_and_wait(numbered(n, std::string(2000, 'x')));
    return !receipt && receipt.error().code == "evidence_unavailable" && !log.healthy();
  }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

template <class Condition> bool soon(const Condition& condition) {
  for (int i = 0; i < 100 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return condition();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(log_fault, Fixture, *boost::unit_test::label("concurrent"))

BOOST_AUTO_TEST_CASE(a_full_disk_refuses_until_there_is_room_and_the_log_says_so) {
  for (const Commit commit : {Commit::written, Commit::synced}) {
    std::filesystem::remove_all(directory.log());
    const auto log = open_log(config_for(directory, commit), clock);
    BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
    const std::string before = read_text(directory.audit());
    {
      const FullDisk disk(before.size() + 700); // part of the next line fits
      for (std::uint64_t n = 0; n < 3; ++n) BOOST_TEST(refused(*log, n));
      BOOST_TEST(read_text(directory.audit()) == before); // and no part of it stays
    }
    const Receipt receipt = log->append_and_wait(numbered(5)).value();
    BOOST_TEST(receipt.seq == 3U); // behind the record that tells
    BOOST_TEST(log->healthy());
    check_passes(directory.log(), 3);
    const std::string told = last_recovery();
    BOOST_TEST(contains(told, R"("cause":"records_refused")"));
    BOOST_TEST(contains(told, R"("refused_count":"3")"));
    BOOST_TEST(contains(told, R"("refused_since":"2026-01-02T03:04:05Z")"));
    BOOST_TEST(contains(told, "File too large"));
  }
}

BOOST_AUTO_TEST_CASE(all_of_a_batch_is_refused_with_its_last_record) {
  int refused_count = 0;
  std::string before;
  {
    const auto log = open_log(config_for(directory), clock);
    BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
    before = read_text(directory.audit());
    const FullDisk disk(before.size() + 5000);
    for (std::uint64_t n = 0; n < 200; ++n) {
      log->append(numbered(n, std::string(500, 'x')), [&](Result<Receipt> receipt) {
        if (!receipt) ++refused_count;
      });
    }
    static_cast<void>(log->append_and_wait(numbered(2)));
  }
  const Verification verification = verify_chain(directory.log());
  BOOST_TEST(verification.passed(), describe(verification));
  BOOST_TEST(refused_count > 190);
}

BOOST_AUTO_TEST_CASE(an_idle_log_heals_by_itself) {
  const auto log = open_log(config_for(directory), clock);
  BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
  {
    const FullDisk disk(1);
    BOOST_TEST(refused(*log, 2));
  }
  BOOST_TEST(soon([&] { return log->healthy(); }));
  check_passes(directory.log(), 2);
  BOOST_TEST(contains(last_recovery(), R"("refused_count":"1")"));
}

BOOST_AUTO_TEST_CASE(refusals_are_told_at_the_end_when_not_before) {
  {
    const auto log = open_log(config_for(directory), clock);
    const FullDisk disk(1);
    BOOST_TEST(refused(*log, 1));
  }
  check_passes(directory.log(), 1);
  BOOST_TEST(contains(last_recovery(), R"("refused_count":"1")"));
}

BOOST_AUTO_TEST_CASE(a_log_that_was_deleted_moved_replaced_or_touched_refuses) {
  const auto log = open_log(config_for(directory), clock);
  BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
  const std::string moved = directory.path("moved");
  const std::string good = read_text(directory.audit());

  std::filesystem::rename(directory.audit(), moved);
  BOOST_TEST(refused(*log, 2));
  write_text(directory.audit(), good); // the same bytes in another file
  BOOST_TEST(refused(*log, 3));
  std::filesystem::rename(moved, directory.audit()); // the very file again
  BOOST_TEST(log->append_and_wait(numbered(4)).has_value());
  check_passes(directory.log(), 3);

  const std::string longer = read_text(directory.audit());
  std::filesystem::resize_file(directory.audit(), longer.size() - 1);
  BOOST_TEST(refused(*log, 5));
  BOOST_TEST(read_text(directory.audit()).size() == longer.size() - 1); // not repaired
  write_text(directory.audit(), longer + "foreign\n");
  BOOST_TEST(refused(*log, 6));
  std::filesystem::resize_file(directory.audit(), longer.size());
  BOOST_TEST(log->append_and_wait(numbered(7)).has_value());
  check_passes(directory.log(), 5);

  std::filesystem::remove(directory.audit());
  BOOST_TEST(refused(*log, 8));
}

BOOST_AUTO_TEST_CASE(a_directory_that_was_moved_refuses) {
  const auto log = open_log(config_for(directory), clock);
  BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
  std::filesystem::rename(directory.log(), directory.path("moved"));
  BOOST_TEST(refused(*log, 2));
  std::filesystem::rename(directory.path("moved"), directory.log());
  BOOST_TEST(log->append_and_wait(numbered(3)).has_value());
}

namespace {

// Appends until it is killed; each receipt goes to the pipe, which outlives the process.
[[noreturn]] void append_forever(const LogConfig& config, int pipe) {
  const SystemClock clock;
  auto log = EvidenceLog::open(config, clock);
  if (!log) ::_exit(1);
  for (std::uint64_t n = 0;; ++n) {
    const bool wait = n % 50 == 49; // bursts, and pauses in which the queue runs dry
    const auto done = [pipe](Result<Receipt> receipt) {
      if (!receipt) ::_exit(2);
      const std::string line =
          std::to_string(receipt.value().seq) + " " + receipt.value().hash + "\n";
      if (::write(pipe, line.data(), line.size()) < 0) ::_exit(3);
    };
    log.value()->append(numbered(n, std::string(n % 700, 'x')), done);
    if (wait) static_cast<void>(log.value()->append_and_wait(numbered(n)));
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_killed_process_loses_nothing_it_was_told_is_kept) {
  for (unsigned round = 0; round < 20; ++round) {
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      append_forever(config_for(directory, round % 4 == 3 ? Commit::synced : Commit::written),
                     ends[1]);
    }
    ::close(ends[1]);
    std::string told;
    char chunk[65536];
    const std::size_t enough = 2000 + round * 7919 % 60'000; // another moment in every round
    for (ssize_t n = 1; n > 0;) {
      n = ::read(ends[0], chunk, sizeof chunk);
      if (n > 0) told.append(chunk, static_cast<std::size_t>(n));
      if (told.size() > enough) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_REQUIRE_MESSAGE(WIFSIGNALED(status), "round " << round << ": " << status);

    { const auto log = open_log(config_for(directory), clock); }
    const Verification verification = verify_chain(directory.log());
    BOOST_REQUIRE_MESSAGE(verification.passed(), describe(verification));
    std::vector<std::string> hashes(1);
    read_records(directory.log(), [&](const RecordView& record) {
      hashes.push_back(record.record_hash);
      return true;
    });
    std::size_t checked = 0;
    for (const std::string& line : lines_of(told)) {
      if (line.back() != '\n') break; // the pipe was cut there
      const std::size_t seq = std::stoul(line);
      BOOST_REQUIRE_MESSAGE(seq < hashes.size(), "round " << round << ": " << seq << " is lost");
      BOOST_REQUIRE_EQUAL(hashes[seq] + "\n", line.substr(line.find(' ') + 1));
      ++checked;
    }
    BOOST_TEST(checked > 20U);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
