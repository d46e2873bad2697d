// Which names were answered with which addresses: what ties a captured connection's address to the
// name its client gives. Shared by all workers. Never forgets a name because time passed (clients
// keep answers for longer than they may), only because too many others came after it.
// Tested by tests/socket/name_pins_test.cpp.
#pragma once

#include "policy/model/address.hpp"

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::io {

class NamePins {
 public:
  static constexpr std::size_t kMaxAddresses = 65'536;
  static constexpr std::size_t kMaxNames = 32; // of one address: the latest stay

  void remember(const std::string& name, const std::vector<model::IpAddress>& addresses);
  bool holds(std::string_view name, const model::IpAddress& address) const;
  std::vector<std::string> names_of(const model::IpAddress& address) const; // the latest first

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::string>> names_; // by address; the latest last
  std::deque<std::string> order_;                                   // addresses, the oldest first
};

} // namespace sluice::io
