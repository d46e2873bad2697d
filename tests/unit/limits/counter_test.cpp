#include "policy/limits/counter.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <random>

namespace {

using namespace sluice;
using limits::Counter;
using limits::MinuteWindow;
using model::Quota;

constexpr std::int64_t kDay = 86'400, kStart = 20'000 * kDay;

BOOST_AUTO_TEST_SUITE(counter)

BOOST_AUTO_TEST_CASE(a_minute_slides_second_by_second) {
  MinuteWindow minute;
  minute.advance(kStart);
  minute.add();
  minute.add();
  minute.advance(kStart + 30);
  minute.add();
  BOOST_TEST(minute.used() == 3U);
  BOOST_TEST(minute.seconds_until_free(3) == 31); // the first two leave at +61
  BOOST_TEST(minute.seconds_until_free(2) == 31);
  BOOST_TEST(minute.seconds_until_free(1) == 61);
  minute.advance(kStart + 60);
  BOOST_TEST(minute.used() == 3U);
  minute.advance(kStart + 61);
  BOOST_TEST(minute.used() == 1U);
  minute.advance(kStart + 91);
  BOOST_TEST(minute.used() == 0U);
}

BOOST_AUTO_TEST_CASE(an_earlier_second_changes_nothing) {
  Counter counter;
  counter.advance(kStart);
  for (const Quota quota : {Quota::requests_per_minute, Quota::requests_per_hour,
                            Quota::requests_per_day, Quota::bytes_per_day, Quota::tokens_per_day}) {
    counter.add(quota, 1);
    counter.advance(kStart - 10 * kDay);
    BOOST_TEST(counter.used(quota) == 1U, to_string(quota));
  }
}

BOOST_AUTO_TEST_CASE(hours_and_days_are_those_of_utc) {
  Counter counter;
  counter.advance(kStart + kDay - 10);
  counter.add(Quota::requests_per_hour, 1);
  counter.add(Quota::requests_per_day, 1);
  counter.add(Quota::tokens_per_day, 500);
  BOOST_TEST(counter.seconds_until_free(Quota::requests_per_hour, 1) == 10);
  BOOST_TEST(counter.seconds_until_free(Quota::tokens_per_day, 1) == 10);
  counter.advance(kStart + kDay - 1);
  BOOST_TEST(counter.used(Quota::tokens_per_day) == 500U);
  counter.advance(kStart + kDay);
  BOOST_TEST(counter.used(Quota::requests_per_hour) == 0U);
  BOOST_TEST(counter.used(Quota::tokens_per_day) == 0U);
  BOOST_TEST(counter.stale());
  counter.add(Quota::bytes_per_day, 1);
  BOOST_TEST(counter.seconds_until_free(Quota::bytes_per_day, 1) == kDay);
}

BOOST_AUTO_TEST_CASE(what_is_given_back_is_of_its_own_window) {
  Counter counter;
  counter.advance(kStart + 3'599);
  counter.add(Quota::requests_per_minute, 1);
  counter.add(Quota::requests_per_hour, 1);
  counter.add(Quota::requests_per_day, 1);
  counter.advance(kStart + 3'600);
  counter.add(Quota::requests_per_hour, 1); // another call, in the next hour
  for (const Quota quota :
       {Quota::requests_per_minute, Quota::requests_per_hour, Quota::requests_per_day}) {
    counter.give_back(quota, kStart + 3'599);
  }
  BOOST_TEST(counter.used(Quota::requests_per_minute) == 0U);
  BOOST_TEST(counter.used(Quota::requests_per_hour) == 1U);
  BOOST_TEST(counter.used(Quota::requests_per_day) == 0U);
  counter.give_back(Quota::requests_per_day, kStart + 3'600); // never below zero
  counter.give_back(Quota::requests_per_minute, kStart - 100);
  BOOST_TEST(counter.used(Quota::requests_per_day) == 0U);
  BOOST_TEST(counter.used(Quota::requests_per_minute) == 0U);
}

BOOST_AUTO_TEST_CASE(an_amount_that_does_not_fit_stays_at_the_most) {
  Counter counter;
  counter.add(Quota::bytes_per_day, model::kMaxQuota);
  counter.add(Quota::bytes_per_day, ~std::uint64_t{0});
  BOOST_TEST(counter.used(Quota::bytes_per_day) == model::kMaxQuota);
}

// Against the list of all seconds: used, and how long until one more passes.
BOOST_AUTO_TEST_CASE(the_minute_agrees_with_a_list_of_what_came) {
  std::mt19937 random(1);
  const auto below = [&random](std::uint32_t n) { return random() % n; };
  for (int run = 0; run < 300; ++run) {
    MinuteWindow minute;
    std::deque<std::int64_t> came;
    std::int64_t now = kStart + below(1000);
    const std::uint64_t limit = 1 + below(8);
    for (int step = 0; step < 200; ++step) {
      now += below(3) == 0 ? below(90) : below(3);
      minute.advance(now);
      while (!came.empty() && now - came.front() > 60) came.pop_front();
      BOOST_TEST_REQUIRE(minute.used() == came.size());
      if (came.size() < limit) {
        minute.add();
        came.push_back(now);
        continue;
      }
      const std::int64_t free_at = came[came.size() - limit] + 61;
      BOOST_TEST_REQUIRE(minute.seconds_until_free(limit) == free_at - now);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
