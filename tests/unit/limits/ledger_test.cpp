#include "policy/limits/ledger.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <thread>

namespace {

using namespace sluice;
using limits::Instant;
using limits::Ledger;
using limits::Meter;
using model::Quota;
using model::Quotas;

using limits::kSecond;

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kStart = 20'000 * kDay + 3'600; // one o'clock
constexpr auto kBinding = Meter::Binding::yes;

std::shared_ptr<const model::RuleQuotas>
rule(std::string name, std::initializer_list<std::pair<Quota, std::uint64_t>> limits) {
  model::RuleQuotas out{"name:" + name, "egress[0]", std::move(name), {}};
  for (const auto& [quota, limit] : limits) out.limits[static_cast<std::size_t>(quota)] = limit;
  return std::make_shared<const model::RuleQuotas>(std::move(out));
}

Instant at(std::int64_t seconds) { // after the start, on both clocks
  return {(kStart + seconds) * kSecond, seconds * kSecond};
}

// Admitted and kept; or what was used up.
std::optional<limits::Exhausted> ask(Ledger& ledger, const Quotas& quotas, Instant now) {
  auto answer = ledger.admit(quotas, now, kBinding);
  if (answer.meter) answer.meter->keep();
  return answer.refused;
}

std::uint64_t used(Ledger& ledger, const Quotas& quotas, std::int64_t seconds) {
  return ledger.uses(quotas, at(seconds)).front().used;
}

BOOST_AUTO_TEST_SUITE(ledger)

BOOST_AUTO_TEST_CASE(without_limits_nothing_is_counted) {
  Ledger ledger("a");
  const auto answer = ledger.admit({}, at(0), kBinding);
  BOOST_TEST(!answer.meter);
  BOOST_TEST(!answer.refused.has_value());
  BOOST_TEST(ledger.changed_text().empty());
}

BOOST_AUTO_TEST_CASE(the_last_place_is_taken_once_and_freed_in_time) {
  Ledger ledger("a");
  const Quotas quotas = {rule("llm", {{Quota::requests_per_minute, 2}})};
  BOOST_TEST(!ask(ledger, quotas, at(0)));
  BOOST_TEST(!ask(ledger, quotas, at(10)));
  const auto over = ask(ledger, quotas, at(20));
  BOOST_TEST_REQUIRE(over.has_value());
  BOOST_TEST(over->text() == "the limit requests_per_minute: 2 of the rule llm is used up");
  BOOST_TEST(over->retry_after == 41);
  BOOST_TEST(ask(ledger, quotas, at(60)).has_value());
  BOOST_TEST(!ask(ledger, quotas, at(61)));
  BOOST_TEST(ask(ledger, quotas, at(62)).has_value());
}

BOOST_AUTO_TEST_CASE(a_refused_call_counts_nowhere) {
  Ledger ledger("a");
  const auto wide = rule("wide", {{Quota::requests_per_day, 9}});
  const auto narrow = rule("narrow", {{Quota::requests_per_day, 1}});
  BOOST_TEST(!ask(ledger, {wide, narrow}, at(0)));
  BOOST_TEST(ask(ledger, {wide, narrow}, at(1))->rule_name == "narrow");
  BOOST_TEST(used(ledger, {wide}, 2) == 1U);
  BOOST_TEST(!ask(ledger, {wide}, at(3))); // the other calls of the wide rule go on
}

BOOST_AUTO_TEST_CASE(the_first_in_order_is_named_and_the_longest_wait_is_told) {
  Ledger ledger("a");
  const Quotas quotas = {
      rule("one", {{Quota::requests_per_minute, 1}, {Quota::requests_per_day, 1}}),
      rule("two", {{Quota::requests_per_hour, 1}})};
  BOOST_TEST(!ask(ledger, quotas, at(0)));
  const auto over = ask(ledger, quotas, at(0));
  BOOST_TEST(over->rule_name == "one");
  BOOST_CHECK(over->quota == Quota::requests_per_minute);
  BOOST_TEST(over->retry_after == kDay - 3'600);
}

BOOST_AUTO_TEST_CASE(a_call_that_was_not_kept_gives_its_place_back) {
  Ledger ledger("a");
  const Quotas quotas = {
      rule("llm", {{Quota::requests_per_minute, 1}, {Quota::requests_per_day, 1}})};
  for (int i = 0; i < 3; ++i) {
    auto answer = ledger.admit(quotas, at(i), kBinding);
    BOOST_TEST_REQUIRE(answer.meter != nullptr);
    BOOST_TEST(ask(ledger, quotas, at(i)).has_value()); // while it is asked about
  }
  BOOST_TEST(!ask(ledger, quotas, at(4)));
}

BOOST_AUTO_TEST_CASE(bytes_stop_before_the_limit_and_close_the_day) {
  Ledger ledger("a");
  const Quotas quotas = {rule("llm", {{Quota::bytes_per_day, 100}})};
  const auto first = ledger.admit(quotas, at(0), kBinding).meter;
  const auto second = ledger.admit(quotas, at(0), kBinding).meter;
  first->keep();
  second->keep();
  BOOST_TEST(!first->spend(60));
  BOOST_TEST(!second->spend(40)); // to the last byte
  BOOST_TEST(!second->spend(0));
  const auto over = second->spend(1);
  BOOST_TEST_REQUIRE(over.has_value());
  BOOST_TEST(over->retry_after == kDay - 3'600);
  BOOST_CHECK(over->quota == Quota::bytes_per_day);
  BOOST_TEST(ask(ledger, quotas, at(1)).has_value());
  BOOST_TEST(!ask(ledger, quotas, at(kDay)));
  BOOST_TEST(!first->spend(100)); // a long call goes on in the next day's window
  BOOST_TEST(first->spend(~std::uint64_t{0}).has_value());
}

BOOST_AUTO_TEST_CASE(bytes_that_were_cut_leave_no_rest_to_try_again) {
  Ledger ledger("a");
  const Quotas quotas = {rule("llm", {{Quota::bytes_per_day, 100}})};
  const auto call = ledger.admit(quotas, at(0), kBinding).meter;
  call->keep();
  BOOST_TEST(call->spend(101).has_value());
  BOOST_TEST(ask(ledger, quotas, at(1)).has_value());
}

BOOST_AUTO_TEST_CASE(tokens_close_the_day_after_the_call) {
  Ledger ledger("a");
  const Quotas quotas = {rule("llm", {{Quota::tokens_per_day, 100}})};
  const auto call = ledger.admit(quotas, at(0), kBinding).meter;
  call->keep();
  BOOST_TEST(call->counts_tokens());
  BOOST_TEST(!call->counts_bytes());
  call->add_tokens(99);
  BOOST_TEST(!ask(ledger, quotas, at(1)));
  call->add_tokens(5'000);
  const auto over = ask(ledger, quotas, at(2));
  BOOST_TEST(over->text() == "the limit tokens_per_day: 100 of the rule llm is used up");
  BOOST_TEST(!ask(ledger, quotas, at(kDay)));
}

BOOST_AUTO_TEST_CASE(what_does_not_bind_is_counted_all_the_same) {
  Ledger ledger("a");
  const Quotas quotas = {rule("llm", {{Quota::bytes_per_day, 10}})};
  const auto call = ledger.admit(quotas, at(0), Meter::Binding::no).meter;
  call->keep();
  BOOST_TEST(!call->spend(1'000));
  BOOST_TEST(used(ledger, quotas, 1) == 1'000U);
  BOOST_TEST(ledger.admit(quotas, at(1), Meter::Binding::no).refused.has_value());
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_opens_nothing) {
  Ledger ledger("a");
  const Quotas quotas = {
      rule("llm", {{Quota::requests_per_minute, 1}, {Quota::requests_per_day, 2}})};
  BOOST_TEST(!ask(ledger, quotas, at(0)));
  for (const std::int64_t back : {-10, -3'600, -86'400, -90'000'000}) {
    const Instant then{(kStart + back) * kSecond, 1 * kSecond};
    BOOST_TEST(ask(ledger, quotas, then).has_value(), back);
  }
  // Its own time goes on: the minute is over when a minute has passed.
  const Instant later{(kStart - 86'400) * kSecond, 62 * kSecond};
  BOOST_TEST(!ask(ledger, quotas, later));
  BOOST_TEST(ask(ledger, quotas, later).has_value());
  const Instant next_day{(kStart - 86'400) * kSecond, kDay * kSecond};
  BOOST_TEST(!ask(ledger, quotas, next_day));
}

BOOST_AUTO_TEST_CASE(counters_survive_a_restart) {
  const Quotas quotas = {
      rule("llm", {{Quota::requests_per_minute, 2}, {Quota::requests_per_hour, 9}}),
      rule("day", {{Quota::requests_per_day, 9}, {Quota::bytes_per_day, 50}}),
      rule("tokens", {{Quota::tokens_per_day, 70}})};
  std::string text;
  {
    Ledger ledger("a");
    const auto call = ledger.admit(quotas, at(0), kBinding).meter;
    call->keep();
    BOOST_TEST(!ask(ledger, quotas, at(7)));
    BOOST_TEST(!call->spend(20));
    call->add_tokens(30);
    text = ledger.changed_text();
    BOOST_TEST(ledger.changed_text().empty()); // nothing new
    ledger.not_saved();
    BOOST_TEST(ledger.changed_text() == text);
  }
  Ledger again("a");
  BOOST_TEST_REQUIRE(!again.restore(text, "f").has_error());
  const Instant now{(kStart + 20) * kSecond, 0}; // the machine was restarted
  const auto uses = again.uses(quotas, now);
  BOOST_TEST_REQUIRE(uses.size() == 5U);
  const std::uint64_t wanted[] = {2, 2, 2, 20, 30};
  for (std::size_t i = 0; i < uses.size(); ++i)
    BOOST_TEST(uses[i].used == wanted[i], to_string(uses[i].quota));
  BOOST_TEST(ask(again, quotas, now)->retry_after == 41);
  again.not_saved();
  Ledger third("a"); // and what was read is written as it was
  BOOST_TEST_REQUIRE(!third.restore(again.changed_text(), "f").has_error());
  BOOST_TEST(third.uses(quotas, now)[3].used == 20U);
  // A clock that was set back while it was down.
  Ledger back("a");
  BOOST_TEST_REQUIRE(!back.restore(text, "f").has_error());
  BOOST_TEST(ask(back, quotas, Instant{(kStart - kDay) * kSecond, 0}).has_value());
}

BOOST_AUTO_TEST_CASE(agents_that_share_a_file_do_not_share_counters) {
  const Quotas quotas = {rule("llm", {{Quota::requests_per_day, 1}})};
  Ledger first("a");
  BOOST_TEST(!ask(first, quotas, at(0)));
  Ledger second("b");
  BOOST_TEST_REQUIRE(!second.restore(first.changed_text(), "f").has_error());
  BOOST_TEST(!ask(second, quotas, at(1)));
  Ledger third("a"); // what the other wrote still has it
  BOOST_TEST_REQUIRE(!third.restore(second.changed_text(), "f").has_error());
  BOOST_TEST(ask(third, quotas, at(2)).has_value());
}

BOOST_AUTO_TEST_CASE(an_agent_may_have_any_name) {
  const Quotas quotas = {rule("a \"rule\": {x}", {{Quota::requests_per_day, 1}})};
  for (const char* name : {"", "5", "true", "null", "a: [b]", "\xc3\xa9\n"}) {
    Ledger ledger(name);
    BOOST_TEST(!ask(ledger, quotas, at(0)));
    Ledger again(name);
    BOOST_TEST_REQUIRE(again.restore(ledger.changed_text(), "f").has_value(), name);
    BOOST_TEST(ask(again, quotas, at(1)).has_value(), name);
  }
}

BOOST_AUTO_TEST_CASE(what_is_over_is_forgotten) {
  const Quotas quotas = {rule("llm", {{Quota::requests_per_hour, 1}})};
  Ledger ledger("a");
  BOOST_TEST(!ask(ledger, quotas, at(0)));
  BOOST_TEST(ledger.changed_text().find("name:llm") != std::string::npos);
  ledger.tick(at(2 * 3'600));
  ledger.not_saved();
  BOOST_TEST(ledger.changed_text().find("name:llm") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_whole_is_not_read) {
  const Quotas quotas = {rule(
      "llm",
      {{Quota::requests_per_minute, 5}, {Quota::requests_per_day, 5}, {Quota::bytes_per_day, 5}})};
  Ledger ledger("a");
  BOOST_TEST(!ask(ledger, quotas, at(0)));
  const std::string text = ledger.changed_text();
  const auto refuses = [](const std::string& bad) {
    Ledger fresh("a");
    const auto read = fresh.restore(bad, "limits.json");
    if (!read.has_error()) return false;
    BOOST_TEST(read.error().code == "limits_unreadable");
    BOOST_TEST(read.error().detail.starts_with("limits.json:"), read.error().detail);
    return true;
  };
  for (std::size_t size = 0; size + 2 < text.size(); ++size) { // cut anywhere
    BOOST_TEST_REQUIRE(refuses(text.substr(0, size)), text.substr(0, size));
  }
  const std::pair<std::string_view, std::string_view> edits[] = {
      {"\"schema_version\":\"1\"", "\"schema_version\":\"2\""},
      {"\"agent\":\"a\",", ""},
      {"requests_per_day\":[20000,1]", "requests_per_day\":[20000,-1]"},
      {"requests_per_day\":[20000,1]", "requests_per_day\":[20000]"},
      {"requests_per_day\":[20000,1]", "requests_per_day\":\"1\""},
      {"requests_per_day", "requests_per_year"},
      {" 0 0 0", " 0 0"},
      {" 0 0 0", " 0 0 0 0"},
      {" 0 0 0", " 0 x 0"},
  };
  for (const auto& [from, to] : edits) {
    std::string bad = text;
    const auto place = bad.find(from);
    BOOST_TEST_REQUIRE(place != std::string::npos, from << " in " << text);
    BOOST_TEST(refuses(bad.replace(place, from.size(), to)), to);
  }
  BOOST_TEST(!refuses(text));
}

// As many pass as there are places, however many ask at once.
BOOST_AUTO_TEST_CASE(two_calls_never_take_one_last_place, *boost::unit_test::label("concurrent")) {
  constexpr int kThreads = 4, kEach = 2'000, kPlaces = 1'000;
  Ledger ledger("a");
  const Quotas quotas = {rule("one", {{Quota::requests_per_day, kPlaces}}),
                         rule("two", {{Quota::requests_per_minute, kPlaces + 100},
                                      {Quota::bytes_per_day, 700},
                                      {Quota::tokens_per_day, 1'000'000}})};
  std::atomic<int> passed{0}, bytes{0}, dropped{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        auto answer = ledger.admit({quotas[0]}, at(i / 1'000), kBinding);
        if (!answer.meter) continue;
        if ((i + t) % 7 == 0) { // refused after all: the place goes to another
          ++dropped;
          continue;
        }
        answer.meter->keep();
        ++passed;
        auto other = ledger.admit({quotas[1]}, at(0), kBinding);
        if (!other.meter) continue;
        other.meter->keep();
        other.meter->add_tokens(3);
        if (!other.meter->spend(1)) ++bytes;
      }
    });
  }
  std::atomic<bool> over{false};
  std::thread keeper([&] {
    while (!over) {
      ledger.tick(at(1));
      (void)ledger.changed_text();
    }
  });
  for (auto& one : threads) one.join();
  over = true;
  keeper.join();
  BOOST_TEST(passed.load() == kPlaces);
  BOOST_TEST(dropped.load() > 0);
  BOOST_TEST(bytes.load() == 700);
  BOOST_TEST(ledger.uses({quotas[0]}, at(2)).front().used == static_cast<std::uint64_t>(kPlaces));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
