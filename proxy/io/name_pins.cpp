#include "proxy/io/name_pins.hpp"

#include <algorithm>

namespace sluice::io {

void NamePins::remember(const std::string& name, const std::vector<model::IpAddress>& addresses,
                        std::chrono::seconds ttl) {
  const std::chrono::nanoseconds kept = std::clamp(ttl, kLeastTtl, kMostTtl);
  const std::lock_guard lock(mutex_);
  const std::int64_t until = clock_.monotonic_nanos() + kept.count();
  for (const auto& address : addresses) {
    const auto [at, added] = pins_.try_emplace(address.text());
    auto& [names, place] = at->second;
    if (added) place = order_.insert(order_.end(), at->first);
    touch(at->second);
    std::erase_if(names, [&name](const Name& one) { return one.text == name; });
    names.push_back({name, until});
    if (names.size() > kMaxNames) names.erase(names.begin());
    if (order_.size() <= kMaxAddresses) continue;
    pins_.erase(order_.front());
    order_.pop_front();
  }
}

bool NamePins::holds(std::string_view name, const model::IpAddress& address) {
  const std::lock_guard lock(mutex_);
  const auto* names = use(address);
  return names != nullptr && std::any_of(names->begin(), names->end(),
                                         [name](const Name& one) { return one.text == name; });
}

std::vector<std::string> NamePins::names_of(const model::IpAddress& address) {
  const std::lock_guard lock(mutex_);
  const auto* names = use(address);
  std::vector<std::string> out;
  if (names == nullptr) return out;
  for (auto at = names->rbegin(); at != names->rend(); ++at) out.push_back(at->text);
  return out;
}

const std::vector<NamePins::Name>* NamePins::use(const model::IpAddress& address) {
  const auto at = pins_.find(address.text());
  if (at == pins_.end()) return nullptr;
  const auto now = clock_.monotonic_nanos();
  auto& [names, place] = at->second;
  std::erase_if(names, [now](const Name& one) { return one.until <= now; });
  if (names.empty()) {
    order_.erase(place);
    pins_.erase(at);
    return nullptr;
  }
  touch(at->second);
  return &names;
}

void NamePins::touch(Pin& pin) {
  order_.splice(order_.end(), order_, pin.place);
}

} // namespace sluice::io
