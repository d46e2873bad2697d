// Windows of time: how they are written, what they hold, and what is none.
#include "policy/engine/time_window.hpp"

#include "policy/base/clock.hpp"
#include "policy/model/egress_call.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using sluice::engine::PatternFault;
using sluice::engine::TimeWindow;

TimeWindow window(std::string_view text) {
  PatternFault fault;
  const auto out = TimeWindow::parse(text, fault);
  BOOST_TEST_REQUIRE(out.has_value(), text << ": " << fault.message);
  return *out;
}

std::int64_t at(const std::string& time) {
  return *sluice::parse_rfc3339_nanos(time) / 1'000'000'000;
}

BOOST_AUTO_TEST_SUITE(time_window)

BOOST_AUTO_TEST_CASE(the_week_begins_on_monday) {
  using sluice::model::minute_of_week;
  BOOST_TEST(minute_of_week(at("2026-06-01T00:00:00Z")) == 0); // a Monday
  BOOST_TEST(minute_of_week(at("2026-06-07T23:59:59Z")) == 7 * 24 * 60 - 1);
  BOOST_TEST(minute_of_week(0) == 3 * 24 * 60); // Thursday, 1970-01-01
  BOOST_TEST(minute_of_week(-60) == 3 * 24 * 60 - 1);
  BOOST_TEST(minute_of_week(-7 * 24 * 3600) == 3 * 24 * 60);
  BOOST_TEST(minute_of_week(at("2024-02-29T12:30:00Z")) == (3 * 24 + 12) * 60 + 30);
  BOOST_TEST(sluice::engine::shown_minute(minute_of_week(at("2026-06-06T07:05:00Z"))) ==
             "sat 07:05");
}

BOOST_AUTO_TEST_CASE(what_it_holds) {
  const struct {
    const char *window, *time;
    bool holds;
  } rows[] = {
      {"mon-fri 08:00-18:00", "2026-06-01T08:00:00Z", true},
      {"mon-fri 08:00-18:00", "2026-06-01T07:59:59Z", false},
      {"mon-fri 08:00-18:00", "2026-06-01T17:59:59Z", true},
      {"mon-fri 08:00-18:00", "2026-06-01T18:00:00Z", false}, // half open
      {"mon-fri 08:00-18:00", "2026-06-06T12:00:00Z", false},
      {"mon-fri 08:00-18:00", "2026-06-01T19:00:00+02:00", true}, // UTC
      {"22:00-06:00", "2026-06-02T23:00:00Z", true},
      {"22:00-06:00", "2026-06-02T05:59:59Z", true},
      {"22:00-06:00", "2026-06-02T06:00:00Z", false},
      {"fri 22:00-06:00", "2026-06-06T05:00:00Z", true}, // belongs to Friday
      {"fri 22:00-06:00", "2026-06-05T05:00:00Z", false},
      {"sun 22:00-06:00", "2026-06-08T05:00:00Z", true}, // over the end of the week
      {"sun 22:00-06:00", "2026-06-07T05:00:00Z", false},
      {"sat,sun 00:00-24:00", "2026-06-07T23:59:59Z", true},
      {"sat,sun 00:00-24:00", "2026-06-08T00:00:00Z", false},
      {"fri-mon 10:00-11:00", "2026-06-07T10:30:00Z", true},
      {"fri-mon 10:00-11:00", "2026-06-09T10:30:00Z", false},
      {"22:00-00:00", "2026-06-07T23:59:00Z", true},
      {"22:00-00:00", "2026-06-07T00:00:00Z", false},
  };
  for (const auto& row : rows)
    BOOST_TEST(window(row.window).contains(at(row.time)) == row.holds,
               row.window << " at " << row.time);
}

BOOST_AUTO_TEST_CASE(one_text_for_each_meaning) {
  const std::pair<const char*, const char*> rows[] = {
      {"mon-fri 08:00-18:00", "mon,tue,wed,thu,fri 08:00-18:00"},
      {"fri,mon 08:00-18:00", "mon,fri 08:00-18:00"},
      {"mon-sun 08:00-18:00", "08:00-18:00"},
      {"22:00-00:00", "22:00-24:00"},
      {"sat,sat 22:00-06:00", "sat 22:00-06:00"},
  };
  for (const auto& [text, expected] : rows) {
    BOOST_TEST(window(text).text() == expected);
    BOOST_TEST((window(expected) == window(text)));
  }
}

BOOST_AUTO_TEST_CASE(what_is_none) {
  for (const std::string_view text : {"",
                                      "mon",
                                      "mon-fri",
                                      "8:00-18:00",
                                      "08:00",
                                      "08:00-",
                                      "-18:00",
                                      "08:00-18:60",
                                      "24:00-01:00",
                                      "08:00-24:01",
                                      "mon  08:00-18:00",
                                      "Mon 08:00-18:00",
                                      "mon, 08:00-18:00",
                                      "mon-fri-sat 08:00-18:00",
                                      "08:00-18:00 ",
                                      "08:00-18:00Z",
                                      "0a:00-18:00",
                                      "08.00-18.00",
                                      "mon,,tue 08:00-18:00",
                                      " 08:00-18:00",
                                      "-mon 08:00-18:00",
                                      "08:00-18:00-20:00"}) {
    PatternFault fault;
    BOOST_TEST(!TimeWindow::parse(text, fault).has_value(), text);
    BOOST_TEST(fault.message == "not a window of time");
  }
  PatternFault fault;
  BOOST_TEST(!TimeWindow::parse("08:00-08:00", fault).has_value());
  BOOST_TEST(fault.message == "this window has no time in it");
}

BOOST_AUTO_TEST_CASE(one_within_another) {
  const struct {
    const char *wide, *narrow;
    int day;
    bool covers;
  } rows[] = {
      {"08:00-18:00", "mon 09:00-17:00", 0, true},
      {"08:00-18:00", "mon 08:00-18:00", 0, true},
      {"08:00-18:00", "mon 07:59-18:00", 0, false},
      {"08:00-18:00", "mon 08:00-18:01", 0, false},
      {"tue 08:00-18:00", "mon 09:00-17:00", 0, false},
      {"22:00-06:00", "mon 23:00-05:00", 0, true},
      {"22:00-06:00", "mon 23:00-24:00", 0, true},
      {"22:00-06:00", "mon 21:00-05:00", 0, false},
      {"08:00-18:00", "mon 09:00-08:30", 0, false},
  };
  for (const auto& row : rows)
    BOOST_TEST(window(row.wide).covers(window(row.narrow), row.day) == row.covers,
               row.wide << " and " << row.narrow);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
