#include "policy/evidence/segments.hpp"

#include "policy/evidence/layout.hpp"
#include "policy/evidence/prove.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <atomic>
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
  Verification verify() const { return verify_directory(directory.log()); }
  bool passes() const {
    const Verification verification = verify();
    if (!verification.passed()) BOOST_TEST_MESSAGE(describe(verification));
    return verification.passed();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(segments, Fixture, *boost::unit_test::label("concurrent"))

BOOST_AUTO_TEST_CASE(names_sort_as_records_do) {
  BOOST_TEST(segment_name(1) == "audit-00000000000000000001.jsonl");
  BOOST_TEST(segment_name(9) < segment_name(10));
  BOOST_TEST(first_seq_of(segment_name(18446744073709551615U)).value() == 18446744073709551615U);
  for (const char* other : {"audit.jsonl", "audit-1.jsonl", "audit-00000000000000000001.jsonl.bak",
                            "audit-0000000000000000000x.jsonl", "audit--0000000000000000001.jsonl",
                            "audit-99999999999999999999.jsonl"}) {
    BOOST_TEST(!first_seq_of(other).has_value(), other);
  }
  BOOST_TEST((segment_name(1) < std::string(kAuditFile)));
}

BOOST_AUTO_TEST_CASE(one_chain_goes_through_all_segments) {
  append(40);
  append(40);
  BOOST_TEST(closed().size() > 5U);
  const Verification verification = verify();
  BOOST_TEST(verification.passed(), describe(verification));
  BOOST_TEST(verification.audit_record_count == verification.audit_head_seq);
  std::uint64_t seq = 0;
  std::size_t lines = 0;
  read_records(directory.log(), [&](const RecordView& record) { return record.seq == ++seq; });
  BOOST_TEST(seq == verification.audit_head_seq);
  for (const std::string& name : closed()) {
    const auto text = lines_of(read_text(inside(name)));
    BOOST_TEST(text.back().find(R"("cause":"segment_closed")") != std::string::npos);
    lines += text.size();
  }
  BOOST_TEST(lines + lines_of(read_text(directory.audit())).size() == seq);
  for (std::uint64_t n = 1; n < seq; n += 7) {
    BOOST_TEST(prove(directory.log(), n, n).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_segment_is_closed_by_age) {
  config.segment_bytes = 0;
  config.segment_age = 1ms;
  config.heartbeat = 5ms;
  {
    const auto log = open_log(config, clock);
    for (int i = 0; i < 500 && closed().size() < 3; ++i) std::this_thread::sleep_for(10ms);
  }
  BOOST_TEST(closed().size() >= 3U);
  BOOST_TEST(passes());
}

BOOST_AUTO_TEST_CASE(a_missing_renamed_swapped_or_cut_segment_is_found) {
  append(60);
  const auto names = closed();
  BOOST_REQUIRE(names.size() > 3U);
  for (const std::string& name : names) {
    const std::string text = read_text(inside(name));
    std::filesystem::remove(inside(name));
    BOOST_TEST(!verify().passed(), "without " << name);
    BOOST_TEST(fault() == "evidence_chain_broken");
    write_text(inside(segment_name(*first_seq_of(name) + 1)), text);
    BOOST_TEST(!verify().passed(), "renamed " << name);
    std::filesystem::remove(inside(segment_name(*first_seq_of(name) + 1)));
    write_text(inside(name), text.substr(0, text.size() - 1));
    BOOST_TEST(!verify().passed(), "torn " << name);
    write_text(inside(name), "");
    BOOST_TEST(!verify().passed(), "emptied " << name);
    write_text(inside(name), text);
  }
  const std::string first = read_text(inside(names[0]));
  write_text(inside(names[0]), read_text(inside(names[1])));
  write_text(inside(names[1]), first);
  BOOST_TEST(!verify().passed());
  write_text(inside(names[1]), read_text(inside(names[0])));
  write_text(inside(names[0]), first);
  BOOST_TEST(passes());
  std::filesystem::remove(directory.audit());
  BOOST_TEST(!verify().passed());
  write_text(directory.audit(), "");
  BOOST_TEST(!verify().passed());
}

BOOST_AUTO_TEST_CASE(an_issue_names_its_file) {
  append(60);
  const std::string name = closed()[1];
  std::string text = read_text(inside(name));
  text[text.size() / 2] ^= 1;
  write_text(inside(name), text);
  const Verification verification = verify();
  BOOST_REQUIRE(!verification.passed());
  BOOST_TEST(verification.issues[0].file == name);
}

BOOST_AUTO_TEST_CASE(a_writer_that_died_between_two_segments_goes_on) {
  append(60);
  // Died after the rename: the next file was not made, or was and is empty.
  const auto names = closed();
  const std::string last = names.back();
  const auto tail = lines_of(read_text(directory.audit()));
  const std::string seals = read_text(checkpoint_path(directory.log()));
  std::size_t kept = 0;
  for (const std::string& line : lines_of(seals)) {
    const auto mark = parse_checkpoint(std::string_view(line).substr(0, line.size() - 1));
    if (mark->anchor.seq < verify().audit_head_seq - tail.size() + 1) kept += line.size();
  }
  for (const bool made : {false, true}) {
    std::filesystem::remove(directory.audit());
    if (made) write_text(directory.audit(), "");
    write_text(checkpoint_path(directory.log()), seals.substr(0, kept));
    append(1);
    BOOST_TEST(passes());
  }
}

BOOST_AUTO_TEST_CASE(a_segment_that_cannot_be_closed_is_written_on) {
  {
    const auto log = open_log(config, clock);
    write_text(inside(segment_name(1)), "in the way\n");
    for (int n = 0; n < 60; ++n) BOOST_REQUIRE(log->append_and_wait(numbered(1)).has_value());
    BOOST_TEST(log->healthy());
    std::filesystem::remove(inside(segment_name(1)));
  }
  BOOST_TEST(passes());
}

BOOST_AUTO_TEST_CASE(a_log_is_read_while_its_segments_are_closed) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    const auto log = open_log(config, clock);
    while (!stop) { // not faster than a sanitizer reads
      static_cast<void>(log->append_and_wait(numbered(1)));
      std::this_thread::sleep_for(200us);
    }
  });
  while (closed().empty()) std::this_thread::sleep_for(1ms);
  for (int round = 0; round < 10; ++round) {
    const Verification verification = verify();
    if (!verification.passed()) BOOST_ERROR(describe(verification));
  }
  stop = true;
  writer.join();
  BOOST_TEST(passes());
}

BOOST_AUTO_TEST_CASE(a_writer_that_is_killed_while_it_closes_segments_loses_nothing) {
  for (unsigned round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto log = EvidenceLog::open(config, clock);
      if (!log) ::_exit(1);
      for (;;) log.value()->append(numbered(1), nullptr);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20'000 + round * 1777));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_REQUIRE_MESSAGE(WIFSIGNALED(status), "round " << round << ": " << status);
    BOOST_REQUIRE_EQUAL(fault(), "");
    BOOST_REQUIRE(passes());
    if (verify().audit_record_count > 50'000) std::filesystem::remove_all(directory.log());
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
