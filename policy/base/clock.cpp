#include "policy/base/clock.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace sluice {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

// Reads what stands at the beginning of a text, and takes it away.
class TimeText {
 public:
  explicit TimeText(std::string_view text) noexcept : text_(text) {}

  bool sign(char one, char other, char& found) noexcept {
    if (text_.empty() || (text_[0] != one && text_[0] != other)) return false;
    found = text_[0];
    text_.remove_prefix(1);
    return true;
  }
  bool sign(char c) noexcept {
    char found = 0;
    return sign(c, c, found);
  }
  // Exactly so many digits, from `least` to `most`.
  bool number(std::size_t digits, int least, int most, int& value) noexcept {
    if (text_.size() < digits || text_[0] == '-') return false;
    const char* const end = text_.data() + digits;
    const auto [stop, error] = std::from_chars(text_.data(), end, value);
    if (error != std::errc{} || stop != end || value < least || value > most) return false;
    text_.remove_prefix(digits);
    return true;
  }
  bool fraction(std::int64_t& nanos) noexcept {
    if (!sign('.')) return true; // there need not be one
    std::int64_t worth = kNanosPerSecond;
    std::size_t digits = 0;
    for (; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9'; ++digits) {
      worth /= 10; // none for what is finer than a nanosecond
      nanos += worth * (text_[digits] - '0');
    }
    text_.remove_prefix(digits);
    return digits > 0;
  }
  bool done() const noexcept { return text_.empty(); }

 private:
  std::string_view text_;
};

} // namespace

std::int64_t SystemClock::unix_nanos() const {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t SystemClock::monotonic_nanos() const {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

std::string format_rfc3339_nanos(std::int64_t unix_nanos) {
  std::int64_t seconds = unix_nanos / kNanosPerSecond;
  std::int64_t fraction = unix_nanos % kNanosPerSecond;
  if (fraction < 0) {
    fraction += kNanosPerSecond;
    --seconds;
  }
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out(text, n);
  if (fraction != 0) {
    std::snprintf(text, sizeof text, ".%09lld", static_cast<long long>(fraction));
    out += text;
    while (out.back() == '0') out.pop_back();
  }
  out += 'Z';
  return out;
}

std::optional<std::int64_t> parse_rfc3339_nanos(std::string_view text) {
  TimeText in(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::int64_t nanos = 0;
  char mark = 0;
  const bool local = in.number(4, 1970, 2261, year) && in.sign('-') && in.number(2, 1, 12, month) &&
                     in.sign('-') && in.number(2, 1, 31, day) && in.sign('T', 't', mark) &&
                     in.number(2, 0, 23, hour) && in.sign(':') && in.number(2, 0, 59, minute) &&
                     in.sign(':') && in.number(2, 0, 60, second) && in.fraction(nanos);
  if (!local) return std::nullopt;
  int offset_hours = 0, offset_minutes = 0;
  if (in.sign('+', '-', mark)) {
    if (!in.number(2, 0, 23, offset_hours) || !in.sign(':') ||
        !in.number(2, 0, 59, offset_minutes)) {
      return std::nullopt;
    }
  } else if (!in.sign('Z', 'z', mark)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || !in.done()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t east = (mark == '-' ? -1 : 1) * (offset_hours * 60 + offset_minutes);
  const std::int64_t minutes = days * 1440 + hour * 60 + minute - east;
  return (minutes * 60 + second) * kNanosPerSecond + nanos;
}

} // namespace sluice
