#include "policy/engine/time_window.hpp"

#include "policy/model/egress_call.hpp"

#include <algorithm>
#include <array>

namespace sluice::engine {
namespace {

constexpr int kDays = 7;
constexpr std::uint8_t kEveryDay = 0x7f;
constexpr std::array<std::string_view, kDays> kDayNames = {"mon", "tue", "wed", "thu",
                                                           "fri", "sat", "sun"};

std::uint8_t bit_of_day(int day) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(day % kDays));
}

std::optional<int> day_named(std::string_view word) {
  const auto* at = std::find(kDayNames.begin(), kDayNames.end(), word);
  if (at == kDayNames.end()) return std::nullopt;
  return static_cast<int>(at - kDayNames.begin());
}

// "mon", or "fri-mon", which goes over the end of the week.
std::uint8_t days_of(std::string_view part) {
  const auto dash = part.find('-');
  const auto first = day_named(part.substr(0, dash));
  const auto last = dash == part.npos ? first : day_named(part.substr(dash + 1));
  if (!first || !last) return 0;
  std::uint8_t out = 0;
  for (int day = *first;; ++day) {
    out |= bit_of_day(day);
    if (day % kDays == *last) return out;
  }
}

// "mon,wed-fri"; 0: it is none.
std::uint8_t all_days_of(std::string_view text) {
  std::uint8_t out = 0;
  for (;;) {
    const auto comma = text.find(',');
    const auto some = days_of(text.substr(0, comma));
    if (some == 0) return 0;
    out |= some;
    if (comma == text.npos) return out;
    text.remove_prefix(comma + 1);
  }
}

// "08:00"; 24:00 is the end of the day.
std::optional<std::uint16_t> minute_of_day(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] - '0'; };
  const auto is_digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t at : {0, 1, 3, 4}) {
    if (!is_digit(at)) return std::nullopt;
  }
  const int minutes = digit(3) * 10 + digit(4);
  const int all = (digit(0) * 10 + digit(1)) * 60 + minutes;
  if (minutes > 59 || all > model::kMinutesOfDay) return std::nullopt;
  return static_cast<std::uint16_t>(all);
}

std::string shown_time(int minute) {
  std::string out = "00:00";
  out[0] = static_cast<char>('0' + minute / 600);
  out[1] = static_cast<char>('0' + minute / 60 % 10);
  out[3] = static_cast<char>('0' + minute % 60 / 10);
  out[4] = static_cast<char>('0' + minute % 10);
  return out;
}

} // namespace

std::optional<TimeWindow> TimeWindow::parse(std::string_view text, PatternFault& fault) {
  TimeWindow out;
  const auto space = text.find(' ');
  out.days = space == text.npos ? kEveryDay : all_days_of(text.substr(0, space));
  const auto times = space == text.npos ? text : text.substr(space + 1);
  const auto dash = times.find('-');
  const auto begin = minute_of_day(times.substr(0, dash));
  const auto end = dash == times.npos ? std::nullopt : minute_of_day(times.substr(dash + 1));
  if (out.days == 0 || !begin || !end || *begin == model::kMinutesOfDay) {
    fault = {"not a window of time", "write mon-fri 08:00-18:00, in UTC"};
    return std::nullopt;
  }
  if (*begin == *end) {
    fault = {"this window has no time in it", "write 00:00-24:00 for the whole day"};
    return std::nullopt;
  }
  out.begin = *begin;
  out.end = *end == 0 ? model::kMinutesOfDay : *end;
  return out;
}

bool TimeWindow::contains(std::int64_t unix_seconds) const noexcept {
  const int week = model::minute_of_week(unix_seconds);
  const int today = week / model::kMinutesOfDay, minute = week % model::kMinutesOfDay;
  const auto begins_on = [this](int day) { return (days & bit_of_day(day)) != 0; };
  if (begin < end) return begins_on(today) && begin <= minute && minute < end;
  return (begins_on(today) && begin <= minute) || (begins_on(today + kDays - 1) && minute < end);
}

std::uint16_t TimeWindow::minutes() const noexcept {
  return static_cast<std::uint16_t>(end > begin ? end - begin : end + model::kMinutesOfDay - begin);
}

bool TimeWindow::covers(const TimeWindow& other, int day) const noexcept {
  return (days & bit_of_day(day)) != 0 && begin <= other.begin &&
         other.begin + other.minutes() <= begin + minutes();
}

std::string TimeWindow::text() const {
  std::string out;
  for (int day = 0; day < kDays && days != kEveryDay; ++day) {
    if ((days & bit_of_day(day)) == 0) continue;
    out.append(out.empty() ? "" : ",").append(kDayNames[static_cast<std::size_t>(day)]);
  }
  return out + (out.empty() ? "" : " ") + shown_time(begin) + '-' + shown_time(end);
}

std::string shown_minute(std::uint16_t minute_of_week) {
  return std::string(kDayNames[minute_of_week / model::kMinutesOfDay % kDays]) + ' ' +
         shown_time(minute_of_week % model::kMinutesOfDay);
}

} // namespace sluice::engine
