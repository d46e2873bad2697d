#include "proxy/call/verdict_cache.hpp"

#include <iterator>
#include <utility>

namespace sluice::call {

void VerdictCache::erase(Entries::iterator entry) {
  places_.erase(entry->key);
  entries_.erase(entry);
}

std::optional<PointVerdict> VerdictCache::find(std::string_view key, std::int64_t now_ns) {
  const auto place = places_.find(key);
  if (place == places_.end()) return std::nullopt;
  const auto entry = place->second;
  if (entry->until_ns <= now_ns) {
    erase(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->verdict;
}

void VerdictCache::put(std::string key, PointVerdict verdict, std::chrono::milliseconds held,
                       std::int64_t now_ns) {
  if (held.count() <= 0) return;
  if (const auto there = places_.find(key); there != places_.end()) erase(there->second);
  if (entries_.size() >= kMost) erase(std::prev(entries_.end()));
  const std::int64_t until = now_ns + std::chrono::nanoseconds(held).count();
  entries_.push_front({std::move(key), std::move(verdict), until});
  places_.emplace(entries_.front().key, entries_.begin());
}

} // namespace sluice::call
