#include "proxy/call/open_calls.hpp"

namespace sluice::call {

OpenCalls::Link OpenCalls::link(std::string_view named) const {
  const std::lock_guard lock(lock_);
  if (open_.empty()) return {};
  auto parent = open_.find(named);
  if (parent == open_.end() && open_.size() == 1) parent = open_.begin();
  if (parent != open_.end()) return {parent->first, parent->second + 1};
  return {"", by_hops_.rbegin()->first + 1};
}

void OpenCalls::open(const std::string& call_id, std::uint32_t hops) {
  const std::lock_guard lock(lock_);
  if (open_.emplace(call_id, hops).second) ++by_hops_[hops];
}

void OpenCalls::close(const std::string& call_id) {
  const std::lock_guard lock(lock_);
  const auto at = open_.find(call_id);
  if (at == open_.end()) return;
  const auto count = by_hops_.find(at->second);
  if (--count->second == 0) by_hops_.erase(count);
  open_.erase(at);
}

std::size_t OpenCalls::size() const {
  const std::lock_guard lock(lock_);
  return open_.size();
}

} // namespace sluice::call
