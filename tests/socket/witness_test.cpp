// What is told of a witness that fails: once when it begins, once when it is over, and again as
// long as nobody could put it on record.
#include "proxy/runtime/witness.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

using namespace sluice;

namespace {

// What was told, and how often nobody listened first.
class Listener {
 public:
  explicit Listener(int deaf) : deaf_(deaf) {}
  bool hear(const std::string& error, std::uint64_t missed) {
    const std::lock_guard lock(mutex_);
    const bool heard = deaf_-- <= 0;
    if (heard) told_.emplace_back(error, missed);
    ++times_;
    changed_.notify_all();
    return heard;
  }
  bool waited_for(int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return times_ >= times; });
  }
  std::vector<std::pair<std::string, std::uint64_t>> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int deaf_, times_ = 0;
  std::vector<std::pair<std::string, std::uint64_t>> told_;
};

runtime::Witness witness_of(std::vector<std::string> command, Listener& listener) {
  const auto give = [command = std::move(command)](const std::string& checkpoint) {
    return runtime::feed_command(command, checkpoint);
  };
  return {give, [&](const std::string& error, std::uint64_t missed) {
            return listener.hear(error, missed);
          }};
}

} // namespace

BOOST_AUTO_TEST_SUITE(witness)

BOOST_AUTO_TEST_CASE(a_failure_that_could_not_be_recorded_is_told_again) {
  Listener listener(2);
  runtime::Witness witness = witness_of({"/no/such/program"}, listener);
  for (int times = 1; times <= 3; ++times) {
    witness.hand("checkpoint");
    BOOST_TEST_REQUIRE(listener.waited_for(times));
  }
  witness.hand("checkpoint");
  BOOST_TEST(witness.close().find("No such file") != std::string::npos);
  BOOST_TEST_REQUIRE(listener.told().size() == 1U, "and not once more");
  BOOST_TEST(listener.told()[0].first.find("No such file") != std::string::npos);
  BOOST_TEST(listener.told()[0].second == 3U);
}

BOOST_AUTO_TEST_CASE(that_it_is_over_is_told_until_it_is_recorded) {
  const auto there =
      std::filesystem::temp_directory_path() / ("sluice-witness-" + std::to_string(::getpid()));
  Listener listener(0);
  runtime::Witness witness = witness_of({"/usr/bin/test", "-e", there.string()}, listener);
  witness.hand("one");
  BOOST_TEST_REQUIRE(listener.waited_for(1));
  std::ofstream(there) << "x";
  witness.hand("two");
  BOOST_TEST_REQUIRE(listener.waited_for(2));
  std::filesystem::remove(there);
  BOOST_TEST(witness.close() == "");
  const auto told = listener.told();
  BOOST_TEST_REQUIRE(told.size() == 2U);
  BOOST_TEST(told[1].first == "");
  BOOST_TEST(told[1].second == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
