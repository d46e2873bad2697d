// The evidence log on files that fail at each call in turn, on a disk that loses what was not
// synced, and in a process that is killed. Whatever happens: a record that was accepted is there
// afterwards, one that was refused is not, and the log opens, says what happened, and verifies.
#include "policy/evidence/log.hpp"

#include "tests/faults/faulty_files.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

using namespace test;

// How often something is tried: few times in the suite, 1,000 times when it is asked for.
unsigned rounds(unsigned few) {
  const char* const many = std::getenv("SLUICE_FAULT_ROUNDS");
  return many != nullptr ? static_cast<unsigned>(std::stoul(many)) : few;
}

struct Fixture {
  TempDirectory directory;
  LogConfig config = signed_config(directory);
  std::map<std::uint64_t, std::string> accepted; // seq, hash
  std::set<std::string> refused;                 // what the record said
  std::uint64_t appended = 0;
  std::mutex mutex;

  Fixture() {
    config.key_file = directory.log() + "/signing.key";
    config.segment_bytes = 2500;
  }

  Record next(std::string& word) {
    word = "n-" + std::to_string(++appended);
    return event_record(config.who, "run_start", {{"word", word}}, nullptr);
  }
  void append(EvidenceLog& log) {
    std::string word;
    Record record = next(word);
    const Result<Receipt> receipt = log.append_and_wait(std::move(record));
    const std::lock_guard lock(mutex);
    if (receipt) {
      accepted[receipt.value().seq] = receipt.value().hash;
    } else {
      refused.insert(word);
    }
  }
  // Opens, appends one by one and some together, closes segments, stops.
  void work() {
    const ManualClock clock(kStart);
    auto log = EvidenceLog::open(config, clock);
    if (!log) return; // which is how a fault at the start is told
    for (int i = 0; i < 12; ++i) append(*log.value());
  }
  // On files that are good again.
  void check(const std::string& folder, const std::string& what,
             const std::map<std::uint64_t, std::string>& kept) const {
    LogConfig good = config;
    good.directory = folder;
    good.key_file = folder + "/signing.key";
    const ManualClock clock(kStart);
    auto log = EvidenceLog::open(good, clock);
    if (!log) BOOST_FAIL(what << ": " << log.error().code << ": " << log.error().detail);
    log.value().reset();
    const Verification verification = verify_directory(folder);
    BOOST_REQUIRE_MESSAGE(verification.passed(), what << ": " << describe(verification));
    std::map<std::uint64_t, std::string> found;
    read_records(folder, [&](const RecordView& record) {
      found[record.seq] = record.record_hash;
      for (const std::string& word : refused) {
        BOOST_REQUIRE_MESSAGE(record.payload.find('"' + word + '"') == std::string::npos,
                              what << ": " << word << " was refused, and is there");
      }
      return true;
    });
    for (const auto& [seq, hash] : kept) {
      BOOST_REQUIRE_MESSAGE(found[seq] == hash, what << ": record " << seq << " is lost");
    }
  }
  void begin_anew() {
    std::filesystem::remove_all(directory.log());
    accepted.clear();
    refused.clear();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(log_faults, Fixture)

BOOST_AUTO_TEST_CASE(any_call_may_fail_once_or_from_then_on) {
  struct Kind {
    const char* name;
    int error;
    bool goes_on, half;
  };
  for (const Kind& kind : {Kind{"EIO once", EIO, false, false}, Kind{"EIO", EIO, true, true},
                           Kind{"ENOSPC", ENOSPC, true, true}}) {
    for (const Commit commit : {Commit::written, Commit::synced}) {
      config.commit = commit;
      begin_anew();
      faults::watch(directory.log());
      work();
      const std::uint64_t all = faults::calls();
      BOOST_REQUIRE(all > 20U);
      BOOST_REQUIRE_EQUAL(accepted.size(), 12U);
      for (std::uint64_t at = 1; at <= all; at += rounds(0) > 0 ? 1 : 5) {
        begin_anew();
        faults::watch(directory.log(), {at, kind.error, kind.goes_on, kind.half});
        work();
        faults::stop_watching();
        // When a line cannot even be taken back it may stay, though it was refused.
        if (kind.goes_on) refused.clear();
        check(directory.log(), std::string(kind.name) + " at " + std::to_string(at), accepted);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_log_heals_when_the_disk_does) {
  const ManualClock clock(kStart);
  for (const int error : {EIO, ENOSPC}) {
    begin_anew();
    const auto log = open_log(config, clock);
    append(*log);
    faults::watch(directory.log(), {1, error, true, true});
    append(*log);
    append(*log);
    BOOST_TEST(refused.size() == 2U);
    BOOST_TEST(!log->healthy());
    faults::stop_faults();
    append(*log);
    BOOST_TEST(accepted.size() == 2U);
    BOOST_TEST(log->healthy());
    faults::stop_watching();
  }
}

BOOST_AUTO_TEST_CASE(a_power_cut_loses_no_record_that_was_synced) {
  config.commit = Commit::synced;
  const std::string after = directory.path("after");
  faults::watch(directory.log());
  work();
  const std::uint64_t all = faults::calls();
  for (std::uint64_t at = 1; at <= all; at += rounds(0) > 0 ? 1 : 3) {
    begin_anew();
    std::filesystem::create_directory(directory.log()); // what it is in is there already
    std::map<std::uint64_t, std::string> kept;
    faults::watch(directory.log());
    faults::before_each_call([&](std::uint64_t number) {
      if (number != at) return;
      faults::lay_out(after, at % 2 == 0);
      const std::lock_guard lock(mutex);
      kept = accepted;
    });
    work();
    faults::stop_watching();
    check(after, "power cut before call " + std::to_string(at), kept);
  }
}

BOOST_AUTO_TEST_CASE(a_process_killed_at_any_moment_loses_nothing_it_was_told_is_kept) {
  config.segment_bytes = 20'000;
  config.retention.bytes = 200'000;
  config.heartbeat = std::chrono::milliseconds(5);
  std::mt19937 random(20261121);
  std::uint64_t receipts = 0;
  const unsigned all = rounds(25);
  for (unsigned round = 0; round < all; ++round) {
    if (round % 40 == 39) begin_anew(); // or opening it is most of what is done
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    config.commit = round % 4 == 3 ? Commit::synced : Commit::written;
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      const SystemClock clock;
      auto log = EvidenceLog::open(config, clock);
      if (!log) ::_exit(1);
      const auto done = [fd = ends[1]](Result<Receipt> receipt) {
        if (!receipt) ::_exit(2);
        const std::string line =
            std::to_string(receipt.value().seq) + " " + receipt.value().hash + "\n";
        if (::write(fd, line.data(), line.size()) < 0) ::_exit(3);
      };
      for (std::uint64_t n = 0;; ++n) {
        log.value()->append(numbered(n, std::string(n % 700, 'x')), done);
        if (n % 40 == 39) static_cast<void>(log.value()->append_and_wait(numbered(n)));
      }
    }
    ::close(ends[1]);
    if (round % 5 != 0) { // else also while it opens
      pollfd first{ends[0], POLLIN, 0};
      BOOST_REQUIRE(::poll(&first, 1, 30'000) == 1);
    }
    ::usleep(static_cast<useconds_t>(random() % 20'000));
    ::kill(child, SIGKILL);
    std::string told;
    char chunk[65536];
    for (ssize_t n = 1; n > 0;) {
      n = ::read(ends[0], chunk, sizeof chunk);
      if (n > 0) told.append(chunk, static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_REQUIRE_MESSAGE(WIFSIGNALED(status), "round " << round << ": " << status);
    std::map<std::uint64_t, std::string> kept;
    for (const std::string& line : lines_of(told)) {
      if (line.back() == '\n') kept[std::stoull(line)] = line.substr(line.find(' ') + 1, 64);
    }
    receipts += kept.size();
    std::uint64_t removed = 0;
    {
      const SystemClock clock;
      LogConfig quiet = config;
      quiet.retention = {};
      auto log = EvidenceLog::open(quiet, clock);
      if (!log) BOOST_FAIL("round " << round << ": " << log.error().detail);
    }
    const Verification verification = verify_directory(directory.log());
    BOOST_REQUIRE_MESSAGE(verification.passed(),
                          "round " << round << ": " << describe(verification));
    removed = verification.removed_up_to;
    read_records(directory.log(), [&](const RecordView& record) {
      const auto at = kept.find(record.seq);
      if (at != kept.end() && at->second == record.record_hash) kept.erase(at);
      return true;
    });
    for (const auto& [seq, hash] : kept) {
      BOOST_REQUIRE_MESSAGE(seq <= removed, "round " << round << ": " << seq << " is lost");
    }
  }
  BOOST_TEST_MESSAGE(all << " kills, " << receipts << " receipts");
  BOOST_TEST(receipts > all * 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
