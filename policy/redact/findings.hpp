// What redaction found: which rule, how often, and a keyed fingerprint so that two leaks of one
// secret can be correlated. Never the matched bytes.
#pragma once

#include "policy/redact/scope.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

struct Finding {
  std::string rule;
  std::uint64_t count = 0;
  std::string fingerprint; // hex, first 16 of HMAC-SHA-256; "" without a key
  Action action = Action::mask;
  bool operator==(const Finding&) const = default;
};

// One entry per (rule, fingerprint, action), sorted: the order found would depend on how a text was
// cut.
class Findings {
 public:
  void add(std::string_view rule, std::string_view fingerprint, std::uint64_t count = 1,
           Action action = Action::mask);
  void merge(const Findings& other);
  bool empty() const noexcept { return all_.empty(); }
  // Whether any of it changed the bytes: what is only reported does not.
  bool changed() const noexcept;
  std::uint64_t total() const noexcept;
  const std::vector<Finding>& all() const noexcept { return all_; }
  bool operator==(const Findings&) const = default;

 private:
  std::vector<Finding> all_;
};

} // namespace sluice::redact
