// The calls by which the evidence changes files, at the linker's hand (--wrap): each is counted,
// one can be made to fail, and what the disk would have kept at any moment can be laid out as a
// directory. What was not synced is lost in that: bytes since a file's last fdatasync, names since
// the last fsync of their directory. Only for one test at a time, only below one directory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace sluice::faults {

struct Fault {
  std::uint64_t at = 0; // the number of the call that fails, from 1; 0: none does
  int error = 0;
  bool goes_on = false; // all calls behind it fail too, until stop_faults()
  bool half = false;    // a write writes half before it fails
};

// Counts, and forgets what is recorded, from here on.
void watch(const std::string& directory, Fault fault = {});
void stop_faults();
void stop_watching();
std::uint64_t calls();

// Runs in a call before it takes effect: the moment at which the power may go.
void before_each_call(std::function<void(std::uint64_t number)> run);
// What would be found in `directory` after a power cut now, as `to`. `torn`: of bytes that were not
// synced some got to the disk.
void lay_out(const std::string& to, bool torn);

} // namespace sluice::faults
