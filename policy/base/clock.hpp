// Time as an input. Nothing outside this file asks the system for the time (a lint says so), so a
// test decides what time it is. Wall time is for records and certificates, never for deadlines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t unix_nanos() const = 0;      // wall clock, may jump
  virtual std::int64_t monotonic_nanos() const = 0; // never goes back
};

class SystemClock final : public Clock {
 public:
  std::int64_t unix_nanos() const override;
  std::int64_t monotonic_nanos() const override;
};

class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t start_unix_nanos) : now_(start_unix_nanos) {}
  std::int64_t unix_nanos() const override { return now_; }
  std::int64_t monotonic_nanos() const override { return now_; }
  void advance(std::int64_t nanos) { now_ += nanos; }

 private:
  std::int64_t now_;
};

// "2026-01-02T03:04:06.123456789Z"; trailing zeros of the fraction are dropped as Go's
// RFC3339Nano does, because the record format is Go's.
std::string format_rfc3339_nanos(std::int64_t unix_nanos);
// RFC 3339 with any offset, from 1970 to 2261; nullopt for anything else.
std::optional<std::int64_t> parse_rfc3339_nanos(std::string_view text);

} // namespace sluice
