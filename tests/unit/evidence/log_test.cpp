#include "policy/evidence/log.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/writer.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <atomic>
#include <future>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

using namespace test;

struct Fixture {
  TempDirectory directory;
  ManualClock clock{kStart};

  std::string fault() const {
    const auto log = EvidenceLog::open(config_for(directory), clock);
    return log ? "" : log.error().code;
  }
  std::vector<RecordView> records() const {
    std::vector<RecordView> all;
    BOOST_REQUIRE(read_records(directory.log(), [&](const RecordView& record) {
      all.push_back(record);
      return true;
    }));
    return all;
  }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

unsigned mode_of(const std::string& path) {
  struct stat info {};
  BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777U;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(log, Fixture, *boost::unit_test::label("concurrent"))

BOOST_AUTO_TEST_CASE(a_receipt_names_the_record) {
  const auto log = open_log(config_for(directory), clock);
  const Receipt first = log->append_and_wait(numbered(1)).value();
  const Receipt second = log->append_and_wait(numbered(2)).value();
  BOOST_TEST(first.seq == 1U);
  BOOST_TEST(second.seq == 2U);
  const auto all = records(); // written before the receipt, the log still open
  BOOST_REQUIRE(all.size() == 2U);
  BOOST_TEST(all[0].record_hash == first.hash);
  BOOST_TEST(all[1].record_hash == second.hash);
  BOOST_TEST(all[0].actor == "sluice");
  BOOST_TEST(all[0].deployment_mode == "local");
  BOOST_TEST(all[0].timestamp == "2026-01-02T03:04:05Z");
  BOOST_TEST(log->healthy());
}

BOOST_AUTO_TEST_CASE(the_log_is_private) {
  const auto log = open_log(config_for(directory), clock);
  BOOST_REQUIRE(log->store_policy(policy_digest("{}"), "{}").has_value());
  BOOST_TEST(mode_of(directory.log()) == 0700U);
  BOOST_TEST(mode_of(directory.audit()) == 0600U);
  BOOST_TEST(mode_of(lock_path(directory.log())) == 0600U);
  BOOST_TEST(mode_of(policies_path(directory.log())) == 0700U);
  BOOST_TEST(mode_of(policy_path(directory.log(), policy_digest("{}"))) == 0600U);
}

BOOST_AUTO_TEST_CASE(a_reopened_log_goes_on_where_it_ended) {
  for (std::uint64_t n = 1; n <= 4; ++n) {
    const auto log =
        open_log(config_for(directory, n % 2 ? Commit::synced : Commit::written), clock);
    BOOST_TEST(log->append_and_wait(numbered(n)).value().seq == n);
  }
  check_passes(directory.log(), 4);
}

BOOST_AUTO_TEST_CASE(a_clock_that_goes_back_does_not_stop_the_log) {
  const auto log = open_log(config_for(directory), clock);
  BOOST_TEST(log->append_and_wait(numbered(1)).has_value());
  clock.advance(-3'600'000'000'000);
  BOOST_TEST(log->append_and_wait(numbered(2)).has_value());
  BOOST_TEST(records()[1].timestamp == "2026-01-02T02:04:05Z");
  check_passes(directory.log(), 2);
}

BOOST_AUTO_TEST_CASE(everything_appended_is_answered_before_the_log_is_gone) {
  std::atomic<int> answered{0};
  const std::thread::id here = std::this_thread::get_id();
  {
    const auto log = open_log(config_for(directory), clock);
    for (std::uint64_t n = 0; n < 5000; ++n) {
      log->append(numbered(n), [&](Result<Receipt> receipt) {
        if (receipt && std::this_thread::get_id() != here) ++answered;
      });
    }
    log->append(numbered(0), nullptr); // nobody waits: still written
  }
  BOOST_TEST(answered == 5000);
  check_passes(directory.log(), 5001);
}

BOOST_AUTO_TEST_CASE(eight_threads_write_one_chain) {
  constexpr std::uint64_t kThreads = 8;
  constexpr std::uint64_t kEach = 5000;
  std::vector<std::atomic<int>> seen(kThreads * kEach + 1);
  {
    const auto log = open_log(config_for(directory), clock);
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (std::uint64_t n = 0; n < kEach; ++n) {
          log->append(numbered(n), [&](Result<Receipt> receipt) {
            if (receipt) ++seen[receipt.value().seq];
          });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  for (std::size_t seq = 1; seq < seen.size(); ++seq) {
    if (seen[seq] != 1) BOOST_ERROR("seq " << seq << " was answered " << seen[seq] << " times");
  }
  check_passes(directory.log(), kThreads * kEach);
}

BOOST_AUTO_TEST_CASE(a_second_writer_is_refused_by_name) {
  const auto log = open_log(config_for(directory), clock);
  const auto second = EvidenceLog::open(config_for(directory), clock);
  BOOST_REQUIRE(!second.has_value());
  BOOST_TEST(second.error().code == "evidence_locked");
  BOOST_TEST((second.error().origin == Origin::evidence));
  BOOST_TEST(contains(second.error().detail, lock_path(directory.log())));
  BOOST_TEST(log->append_and_wait(numbered(1)).has_value());
}

BOOST_AUTO_TEST_CASE(a_second_process_is_refused_until_the_first_ends) {
  {
    const auto log = open_log(config_for(directory), clock);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(fault() == "evidence_locked" ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
  }
  BOOST_TEST(fault() == "");
}

BOOST_AUTO_TEST_CASE(a_broken_chain_is_not_written_to) {
  write_log(directory, 4);
  const std::string good = read_text(directory.audit());
  const auto lines = lines_of(good);
  const auto refused = [&](const std::string& text, std::string_view where) {
    write_text(directory.audit(), text);
    const auto log = EvidenceLog::open(config_for(directory), clock);
    BOOST_REQUIRE(!log.has_value());
    BOOST_TEST(log.error().code == "evidence_chain_broken");
    BOOST_TEST(contains(log.error().detail, where), log.error().detail);
    BOOST_TEST(read_text(directory.audit()) == text);
  };
  refused(lines[0] + lines[2] + lines[3], "line 2");
  refused(lines[0] + lines[1] + "\n" + lines[2], "line 3");
  refused(lines[0] + std::string((std::size_t{1} << 20) + 1, 'x') + "\n", "line 2");
  refused(good + "{}\n", "line 5");
  std::string edited = good;
  edited[edited.find("run-1", lines[0].size())] = 'R';
  refused(edited, "line 2");
  write_text(directory.audit(), good);
  BOOST_TEST(fault() == "");
}

BOOST_AUTO_TEST_CASE(a_torn_last_line_is_set_aside_and_told) {
  write_log(directory, 3);
  const std::string good = read_text(directory.audit());
  const std::string whole = lines_of(good)[0] + lines_of(good)[1];
  const std::string torn = lines_of(good)[2].substr(0, 100);
  write_text(directory.audit(), whole + torn);
  {
    const auto log = open_log(config_for(directory), clock);
    BOOST_TEST(log->append_and_wait(numbered(9)).value().seq == 4U);
  }
  check_passes(directory.log(), 4);
  BOOST_TEST(read_text(directory.log() + "/audit.jsonl.torn-3") == torn);
  const RecordView told = records()[2];
  BOOST_TEST(told.event_type == "log_recovered");
  BOOST_TEST(contains(told.payload, R"("cause":"torn_line")"));
  BOOST_TEST(contains(told.payload, R"("file":"audit.jsonl.torn-3")"));
  BOOST_TEST(contains(told.payload, R"("size":"100")"));
  BOOST_TEST(contains(told.payload, to_hex(sha256(torn))));
}

BOOST_AUTO_TEST_CASE(a_line_torn_at_any_byte_is_recovered) {
  write_log(directory, 2);
  const std::string good = read_text(directory.audit());
  const std::size_t first = good.find('\n') + 1;
  for (std::size_t size = first + 1; size < good.size(); size += 7) {
    std::filesystem::remove_all(directory.log());
    write_text(directory.audit(), good.substr(0, size));
    BOOST_REQUIRE_EQUAL(fault(), "");
    check_passes(directory.log(), 2);
  }
}

BOOST_AUTO_TEST_CASE(a_recovery_that_was_itself_interrupted_is_told_later) {
  write_log(directory, 2);
  // The process died after it had moved the tail and before it could write about it; and once
  // more, with another tail, before it could cut the log.
  write_text(directory.log() + "/audit.jsonl.torn-3", "first tail");
  write_text(directory.audit(), read_text(directory.audit()) + "second tail");
  BOOST_TEST(fault() == "");
  check_passes(directory.log(), 4);
  BOOST_TEST(contains(records()[2].payload, to_hex(sha256("first tail"))));
  BOOST_TEST(contains(records()[3].payload, to_hex(sha256("second tail"))));
  BOOST_TEST(read_text(directory.log() + "/audit.jsonl.torn-3.1") == "second tail");
  BOOST_TEST(fault() == "");
  check_passes(directory.log(), 4); // told once
}

BOOST_AUTO_TEST_CASE(a_log_that_was_emptied_says_so) {
  write_text(directory.audit(), "");
  BOOST_TEST(fault() == "");
  check_passes(directory.log(), 1);
  BOOST_TEST(contains(records()[0].payload, R"("cause":"empty_log")"));
}

BOOST_AUTO_TEST_CASE(a_directory_that_cannot_be_used_is_an_error) {
  write_text(directory.log(), "a file");
  BOOST_TEST(fault() == "evidence_unavailable");
  std::filesystem::remove(directory.log());
  std::filesystem::create_directories(directory.audit());
  BOOST_TEST(fault() == "evidence_unavailable");
  std::filesystem::remove(directory.audit());
  BOOST_REQUIRE(::mkfifo(directory.audit().c_str(), 0600) == 0);
  BOOST_TEST(fault() == "evidence_unavailable");
  std::filesystem::remove(directory.audit());
  BOOST_REQUIRE(::symlink("/dev/null", directory.audit().c_str()) == 0);
  BOOST_TEST(fault() == "evidence_unavailable");
  std::filesystem::remove(directory.audit());
  BOOST_TEST(fault() == "");
}

BOOST_AUTO_TEST_CASE(records_that_cannot_stand_in_the_log_are_refused) {
  {
    const auto log = open_log(config_for(directory), clock);
    const auto refused = [&log](std::string payload) {
      const auto receipt = log->append_and_wait({"e", std::move(payload)});
      return !receipt && receipt.error().code == "evidence_unavailable";
    };
    BOOST_TEST(refused(""));
    BOOST_TEST(refused("{"));
    BOOST_TEST(refused("null"));
    BOOST_TEST(refused("{\"a\":\n1}"));
    BOOST_TEST(refused(R"({"a":")" + std::string(kMaxRecordBytes, 'x') + R"("})"));
    BOOST_TEST(!log->append_and_wait({std::string(65, 'e'), "{}"}).has_value());
    BOOST_TEST(
        log->append_and_wait({"e", R"({"a":")" + std::string(250'000, 'x') + R"("})"}).has_value());
    BOOST_TEST(log->healthy());
  }
  check_passes(directory.log(), 7); // each refusal is told, then the one that fits
  for (std::size_t i = 0; i < 6; ++i) {
    BOOST_TEST(contains(records()[i].payload, R"("refused_count":"1")"));
  }
}

BOOST_AUTO_TEST_CASE(a_batch_has_one_answer_for_each_record_in_order) {
  std::vector<Result<Receipt>> answers;
  {
    const auto log = open_log(config_for(directory), clock);
    std::vector<Record> batch{numbered(1), {"e", "not an object"}, numbered(2)};
    log->append(std::move(batch), [&](std::vector<Result<Receipt>> results) { answers = results; });
    log->append(std::vector<Record>(),
                [&](std::vector<Result<Receipt>>) { BOOST_ERROR("nothing was asked"); });
  }
  BOOST_REQUIRE(answers.size() == 3U);
  BOOST_REQUIRE((answers[0].has_value() && answers[2].has_value()));
  BOOST_TEST(answers[2].value().seq == answers[0].value().seq + 1);
  BOOST_TEST(answers[1].error().code == "evidence_unavailable");
  const auto kept = records();
  BOOST_TEST(kept.back().record_hash == answers[2].value().hash);
  check_passes(directory.log(), 3); // the two and log_recovered, which counts the third
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_at_once) {
  std::promise<void> hold;
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> refused{0};
  const auto count = [&](Result<Receipt> receipt) { ++(receipt ? written : refused); };
  {
    const auto log = open_log(config_for(directory), clock);
    std::promise<void> held;
    log->append(numbered(0), [&](Result<Receipt>) { // the writer is busy from here on
      held.set_value();
      hold.get_future().wait();
    });
    held.get_future().wait();
    for (std::uint64_t n = 0; n < kMaxQueuedRecords + 10; ++n) log->append({"e", "{}"}, count);
    BOOST_TEST(written == 0U);
    hold.set_value();
  }
  BOOST_TEST(written == kMaxQueuedRecords);
  BOOST_TEST(refused == 10U);
  check_passes(directory.log(), kMaxQueuedRecords + 2);
  std::string told;
  for (const RecordView& record : records()) {
    if (record.event_type == "log_recovered") told += record.payload;
  }
  BOOST_TEST(contains(told, R"("refused_count":"10")"), told);
}

BOOST_AUTO_TEST_CASE(a_queue_is_full_by_bytes_too) {
  std::promise<void> hold;
  std::atomic<std::uint64_t> refused{0};
  const std::string payload = R"({"a":")" + std::string(200'000, 'x') + R"("})";
  {
    const auto log = open_log(config_for(directory), clock);
    std::promise<void> held;
    log->append(numbered(0), [&](Result<Receipt>) {
      held.set_value();
      hold.get_future().wait();
    });
    held.get_future().wait();
    for (std::size_t n = 0; n < kMaxQueuedBytes / payload.size() + 5; ++n) {
      log->append({"e", payload}, [&](Result<Receipt> receipt) {
        if (!receipt) ++refused;
      });
    }
    hold.set_value();
  }
  BOOST_TEST(refused == 5U);
  BOOST_TEST(verify_chain(directory.log()).passed());
}

BOOST_AUTO_TEST_CASE(policies_are_stored_once_and_never_repaired) {
  const std::string policy = R"({"version":1})";
  const std::string digest = policy_digest(policy);
  const auto log = open_log(config_for(directory), clock);
  BOOST_TEST(log->store_policy(digest, policy).has_value());
  BOOST_TEST(log->store_policy(digest, policy).has_value());
  const std::string path = policy_path(directory.log(), digest);
  BOOST_TEST(contains(path, "/policies/sha256-"));
  BOOST_TEST(read_text(path) == policy);
  for (const std::string& bad : {std::string(), std::string("sha256:"), std::string("../x"),
                                 policy_digest("other"), digest.substr(7)}) {
    BOOST_TEST(log->store_policy(bad, policy).error().code == "policy_digest_mismatch");
  }
  write_text(path, "changed");
  BOOST_TEST(log->store_policy(digest, policy).error().code == "evidence_policy_changed");
  BOOST_TEST(read_text(path) == "changed");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
