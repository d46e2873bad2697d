#include "proxy/io/name_pins.hpp"

#include <algorithm>

namespace sluice::io {

void NamePins::remember(const std::string& name, const std::vector<model::IpAddress>& addresses) {
  const std::lock_guard lock(mutex_);
  for (const auto& address : addresses) {
    const auto [at, added] = names_.try_emplace(address.text());
    if (added) order_.push_back(at->first);
    auto& names = at->second;
    std::erase(names, name);
    names.push_back(name);
    if (names.size() > kMaxNames) names.erase(names.begin());
    if (order_.size() <= kMaxAddresses) continue;
    names_.erase(order_.front());
    order_.pop_front();
  }
}

bool NamePins::holds(std::string_view name, const model::IpAddress& address) const {
  const std::lock_guard lock(mutex_);
  const auto at = names_.find(address.text());
  return at != names_.end() &&
         std::find(at->second.begin(), at->second.end(), name) != at->second.end();
}

std::vector<std::string> NamePins::names_of(const model::IpAddress& address) const {
  const std::lock_guard lock(mutex_);
  const auto at = names_.find(address.text());
  if (at == names_.end()) return {};
  return {at->second.rbegin(), at->second.rend()};
}

} // namespace sluice::io
