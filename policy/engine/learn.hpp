// From calls that were seen to the smallest policy that would have allowed them, for a person to
// read and to tighten. What looks like an identifier in a path becomes `*`, many paths become their
// common beginnings; nothing else is widened. Never opens what no rule can open, and never writes a
// query, a field or a body. Tested by tests/unit/engine/learn_test.cpp.
#pragma once

#include "policy/model/egress_call.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::engine {

class Learner {
 public:
  // `address_class` of where it went, as records say it: one that is not global needs
  // `private: true`, and metadata and its like cannot be had.
  void see(const model::EgressCall& call, const std::string& address_class);
  std::size_t calls() const noexcept { return calls_; }
  std::string policy() const; // YAML, with its comments

 private:
  struct Host {
    std::set<std::pair<std::string, std::uint16_t>> ports; // with the scheme; raw TCP: without
    std::map<std::string, std::set<std::string>> paths;    // by method; patterns
    std::set<std::string> classes;
  };
  using Hosts = std::map<std::string, Host>; // by what a rule writes
  static std::string section(const std::string& name, const Hosts& hosts);

  Hosts http_, tcp_;
  std::set<std::string> tunnels_; // "host port" of a CONNECT
  std::size_t calls_ = 0, odd_methods_ = 0;
};

} // namespace sluice::engine
