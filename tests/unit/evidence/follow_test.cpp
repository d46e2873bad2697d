#include "policy/evidence/follow.hpp"

#include "tests/unit/evidence/query_support.hpp"

#include <atomic>
#include <thread>

namespace sluice::evidence {
namespace {

using namespace test;

struct Fixture {
  TempDirectory directory;
  std::vector<std::uint64_t> seqs;
  std::vector<std::string> issues;

  bool read(Follower& follower) {
    return follower.read(
        [this](std::string_view, const Line& line) {
          seqs.push_back(line.seq);
          return true;
        },
        [this](const Issue& issue) { issues.push_back(issue.type); });
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(follow, Fixture, *boost::unit_test::label("concurrent"))

BOOST_AUTO_TEST_CASE(a_line_is_handed_out_once_and_whole) {
  write_calls(config_for(directory), 0, 3);
  const std::string text = read_text(directory.audit());
  write_text(directory.audit(), "");
  Follower follower(directory.log());
  for (std::size_t size = 0; size <= text.size(); size += 7) {
    write_text(directory.audit(), text.substr(0, size));
    BOOST_REQUIRE(read(follower));
    const auto lines = std::count(text.begin(), text.begin() + static_cast<long>(size), '\n');
    BOOST_REQUIRE_EQUAL(seqs.size(), static_cast<std::size_t>(lines));
  }
  write_text(directory.audit(), text);
  BOOST_TEST(read(follower));
  BOOST_TEST(seqs == (std::vector<std::uint64_t>{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(issues.empty());
}

BOOST_AUTO_TEST_CASE(it_goes_on_through_the_closing_of_segments) {
  LogConfig config = signed_config(directory);
  config.segment_bytes = 3000;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    const SystemClock clock;
    const auto log = open_log(config, clock);
    for (std::uint64_t n = 0; !stop; ++n) static_cast<void>(log->append_and_wait(call_record(n)));
  });
  while (closed_segments(directory.log()).empty()) std::this_thread::yield();
  Follower follower(directory.log());
  while (closed_segments(directory.log()).size() < 30U && read(follower)) std::this_thread::yield();
  stop = true;
  writer.join();
  BOOST_TEST(read(follower));
  BOOST_TEST(issues.empty());
  BOOST_TEST(seqs.size() == verify_directory(directory.log()).audit_head_seq);
  for (std::size_t i = 0; i < seqs.size(); ++i) BOOST_REQUIRE_EQUAL(seqs[i], i + 1);
}

BOOST_AUTO_TEST_CASE(a_log_that_is_changed_or_cut_is_noticed) {
  write_calls(config_for(directory), 0, 3);
  Follower follower(directory.log());
  BOOST_TEST(read(follower));
  const std::string text = read_text(directory.audit());
  write_text(directory.audit(), text + "no record\n");
  BOOST_TEST(read(follower));
  BOOST_TEST(issues == std::vector<std::string>{"malformed"}, boost::test_tools::per_element());
  write_text(directory.audit(), text);
  BOOST_TEST(!read(follower));
  BOOST_TEST(issues.back() == "tail_truncation");
  Follower other(directory.log());
  BOOST_TEST(read(other));
  write_text(directory.audit(), text + lines_of(text)[1]);
  BOOST_TEST(read(other));
  BOOST_TEST(issues.back() == "reorder");
}

BOOST_AUTO_TEST_CASE(no_log_is_said) {
  Follower follower(directory.path("nowhere"));
  BOOST_TEST(!read(follower));
  BOOST_TEST(issues.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
