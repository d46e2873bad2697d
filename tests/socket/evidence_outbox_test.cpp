// EvidenceOutbox against a real log in a real directory: order, one answer for each record, and an
// end in which nobody is left waiting on a thread that is gone.
#include "policy/evidence/verify.hpp"
#include "proxy/io/evidence_outbox.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

namespace sluice::io {
namespace {

struct Fixture {
  Fixture() {
    char pattern[] = "/tmp/sluice-outbox-XXXXXX";
    config.directory = std::string(::mkdtemp(pattern)) + "/evidence";
    log = std::move(evidence::EvidenceLog::open(config, clock).value());
  }
  ~Fixture() {
    log.reset();
    std::filesystem::remove_all(std::filesystem::path(config.directory).parent_path());
  }
  std::uint64_t records() const {
    return evidence::verify_directory(config.directory).audit_record_count;
  }

  SystemClock clock;
  evidence::LogConfig config;
  std::unique_ptr<evidence::EvidenceLog> log;
};

evidence::Record numbered(int n) {
  return {"e", R"({"n":)" + std::to_string(n) + "}"};
}

Task<> append_some(EvidenceOutbox& outbox, int count, std::vector<std::uint64_t>& seqs) {
  for (int i = 0; i < count; ++i) {
    auto record = numbered(i);
    auto receipt = co_await outbox.append(std::move(record));
    BOOST_REQUIRE(receipt.has_value());
    seqs.push_back(receipt.value().seq);
    auto over = numbered(i);
    outbox.append_unwatched(std::move(over));
  }
}

Task<> expect_refusal(EvidenceOutbox& outbox, bool& refused) {
  evidence::Record record{"e", "not an object"};
  auto receipt = co_await outbox.append(std::move(record));
  refused = !receipt.has_value() && receipt.error().code == "evidence_unavailable";
}

struct Flag {
  bool* destroyed;
  ~Flag() { *destroyed = true; }
};

Task<> wait_for_ever(EvidenceOutbox& outbox, bool& destroyed) {
  const Flag flag{&destroyed};
  auto record = numbered(1);
  const auto never = co_await outbox.append(std::move(record));
  BOOST_ERROR("resumed after the end: " << never.has_value());
}

BOOST_FIXTURE_TEST_SUITE(evidence_outbox, Fixture)

BOOST_AUTO_TEST_CASE(many_coroutines_each_get_their_own_receipt) {
  constexpr int kCoroutines = 50;
  constexpr int kEach = 20;
  std::vector<std::vector<std::uint64_t>> seqs(kCoroutines);
  {
    net::io_context context(1);
    EvidenceOutbox outbox(context.get_executor(), *log);
    for (auto& mine : seqs) {
      net::co_spawn(context, append_some(outbox, kEach, mine), net::detached);
    }
    context.run();
  }
  std::vector<std::uint64_t> all;
  for (const auto& mine : seqs) {
    BOOST_TEST(mine.size() == static_cast<std::size_t>(kEach));
    BOOST_TEST(std::is_sorted(mine.begin(), mine.end()));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::sort(all.begin(), all.end());
  BOOST_TEST((std::adjacent_find(all.begin(), all.end()) == all.end()));
  log.reset();
  BOOST_TEST(records() == 2U * kCoroutines * kEach);
}

BOOST_AUTO_TEST_CASE(a_refused_record_leaves_its_neighbours_alone) {
  net::io_context context(1);
  EvidenceOutbox outbox(context.get_executor(), *log);
  std::vector<std::uint64_t> seqs;
  bool refused = false;
  net::co_spawn(context, append_some(outbox, 1, seqs), net::detached);
  net::co_spawn(context, expect_refusal(outbox, refused), net::detached);
  context.run();
  BOOST_TEST(refused);
  BOOST_TEST(seqs.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_was_not_handed_over_is_written_at_the_end) {
  {
    net::io_context context(1);
    EvidenceOutbox outbox(context.get_executor(), *log);
    outbox.append_unwatched(numbered(1)); // the context never runs
  }
  log.reset();
  BOOST_TEST(records() == 1U);
}

BOOST_AUTO_TEST_CASE(an_abandoned_outbox_destroys_those_who_wait) {
  bool destroyed = false;
  {
    net::io_context context(1);
    EvidenceOutbox outbox(context.get_executor(), *log);
    net::co_spawn(context, wait_for_ever(outbox, destroyed), net::detached);
    context.poll_one(); // up to the append; the answer finds nobody
    outbox.abandon();
  }
  BOOST_TEST(destroyed);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace sluice::io
