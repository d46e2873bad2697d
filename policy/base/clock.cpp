#include "policy/base/clock.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace sluice {

std::int64_t SystemClock::unix_nanos() const {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t SystemClock::monotonic_nanos() const {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

std::string format_rfc3339_nanos(std::int64_t unix_nanos) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = unix_nanos / kSecond;
  std::int64_t fraction = unix_nanos % kSecond;
  if (fraction < 0) {
    fraction += kSecond;
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

} // namespace sluice
