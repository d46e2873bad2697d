// The counters on the disk: what is written, when it fails, and what is read at the next start.
#include "proxy/runtime/limit_keeper.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace sluice;
using limits::Instant;
using limits::Ledger;
using runtime::LimitKeeper;

constexpr std::int64_t kNow = 20'000LL * 86'400 * limits::kSecond;

struct Fixture {
  Fixture() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-limits-XXXXXX").string();
    BOOST_TEST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
    model::RuleQuotas rule{"name:llm", "egress[0]", "llm", {}};
    rule.limits[static_cast<std::size_t>(model::Quota::requests_per_day)] = 2;
    quotas.push_back(std::make_shared<const model::RuleQuotas>(std::move(rule)));
  }
  ~Fixture() { std::filesystem::remove_all(folder); }
  std::string file() const { return folder / "limits.json"; }
  bool passes(Ledger& ledger) {
    const auto answer = ledger.admit(quotas, Instant::of(clock), limits::Meter::Binding::yes);
    if (answer.meter) answer.meter->keep();
    return !answer.refused;
  }
  std::filesystem::path folder;
  model::Quotas quotas;
  ManualClock clock{kNow};
};

BOOST_FIXTURE_TEST_SUITE(limit_keeper, Fixture)

BOOST_AUTO_TEST_CASE(what_was_counted_is_there_at_the_next_start) {
  {
    Ledger ledger("a");
    BOOST_TEST_REQUIRE(runtime::read_limits(file(), ledger).has_value()); // there is none yet
    const LimitKeeper keeper(ledger, file(), clock, [](const std::string&) {});
    BOOST_TEST(passes(ledger));
    BOOST_TEST(passes(ledger));
  }
  BOOST_CHECK((std::filesystem::status(file()).permissions() & std::filesystem::perms::all) ==
              (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  Ledger again("a");
  BOOST_TEST_REQUIRE(runtime::read_limits(file(), again).has_value());
  BOOST_TEST(!passes(again));
}

BOOST_AUTO_TEST_CASE(it_is_written_while_it_runs) {
  Ledger ledger("a");
  const LimitKeeper keeper(ledger, file(), clock, [](const std::string&) {});
  BOOST_TEST(passes(ledger));
  for (int i = 0; i < 500 && !std::filesystem::exists(file()); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  Ledger other("a");
  BOOST_TEST_REQUIRE(runtime::read_limits(file(), other).has_value());
  BOOST_TEST(passes(other));
  BOOST_TEST(!passes(other));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_told_once_and_tried_again) {
  std::vector<std::string> told;
  Ledger ledger("a");
  const auto gone = (folder / "gone" / "limits.json").string();
  {
    const LimitKeeper keeper(ledger, gone, clock,
                             [&told](const std::string& error) { told.push_back(error); });
    BOOST_TEST(passes(ledger));
    std::this_thread::sleep_for(std::chrono::milliseconds(2'500)); // two tries
    std::filesystem::create_directory(folder / "gone");
  }
  BOOST_TEST_REQUIRE(told.size() == 2U);
  BOOST_TEST(told[0].find("limits.json") != std::string::npos, told[0]);
  BOOST_TEST(told[1].empty());
  Ledger again("a");
  BOOST_TEST_REQUIRE(runtime::read_limits(gone, again).has_value());
  BOOST_TEST(passes(again));
  BOOST_TEST(!passes(again));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_an_error) {
  const auto refuses = [this] {
    Ledger ledger("a");
    const auto read = runtime::read_limits(file(), ledger);
    return read.has_error() && read.error().code == "limits_unreadable";
  };
  std::ofstream(file()) << "{\"counters\":[";
  BOOST_TEST(refuses());
  std::filesystem::remove(file());
  std::filesystem::create_symlink(folder / "elsewhere", file());
  BOOST_TEST(refuses());
  std::filesystem::remove(file());
  std::filesystem::create_directory(file());
  BOOST_TEST(refuses());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
