// Which names were answered with which addresses: what ties a captured connection's address to the
// name its client gives. Shared by all workers. Bounded: the address that was neither answered nor
// asked about for longest goes first; and a pin ends with time, used or not, because an address is
// given to somebody else one day. Tested by tests/socket/name_pins_test.cpp.
#pragma once

#include "policy/base/clock.hpp"
#include "policy/model/address.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
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
  // Clients keep answers for longer than they may: browsers and JVMs for a minute, a connection
  // pool for as long as it does not fail. Who asked within the hour is believed.
  static constexpr std::chrono::seconds kLeastTtl = std::chrono::hours(1);
  // Where resolvers cap what they are told (unbound's cache-max-ttl, RFC 8767 §4 for stale ones):
  // beyond it an answer says nothing about who has the address.
  static constexpr std::chrono::seconds kMostTtl = std::chrono::hours(24);

  explicit NamePins(const Clock& clock) : clock_(clock) {}

  // `ttl` as it was answered; a pin lasts that long, but within the two bounds above.
  void remember(const std::string& name, const std::vector<model::IpAddress>& addresses,
                std::chrono::seconds ttl);
  bool holds(std::string_view name, const model::IpAddress& address);
  std::vector<std::string> names_of(const model::IpAddress& address); // the latest first

 private:
  struct Name {
    std::string text;
    std::int64_t until = 0; // monotonic ns
  };
  struct Pin {
    std::vector<Name> names; // the latest last
    std::list<std::string>::iterator place;
  };
  const std::vector<Name>* use(const model::IpAddress& address); // null: none, or none any more
  void touch(Pin& pin);

  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Pin> pins_; // by address
  std::list<std::string> order_;              // addresses, the one used last at the end
};

} // namespace sluice::io
