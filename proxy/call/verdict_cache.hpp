// Verdicts of decision points, for as long as their rule says, the least recently used of many
// going first. Only clean verdicts are put in: a failure is never remembered. Time is an input.
// Tested by tests/unit/call/verdict_cache_test.cpp.
#pragma once

#include "proxy/call/point_answer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::call {

class VerdictCache { // of one worker
 public:
  static constexpr std::size_t kMost = 4096;

  std::optional<PointVerdict> find(std::string_view key, std::int64_t now_ns);
  void put(std::string key, PointVerdict verdict, std::chrono::milliseconds held,
           std::int64_t now_ns);
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    PointVerdict verdict;
    std::int64_t until_ns = 0;
  };
  using Entries = std::list<Entry>;
  void erase(Entries::iterator entry);

  Entries entries_; // the latest used first; the map's keys are views of these
  std::unordered_map<std::string_view, Entries::iterator> places_;
};

} // namespace sluice::call
