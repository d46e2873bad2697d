// Somebody outside who is asked about a call that an allow rule matches: whom, how, and for how
// long the answer holds. Only the words; who asks is proxy/io. A failure of any kind is a no.
// Tested by tests/unit/engine/ask_test.cpp.
#pragma once

#include "policy/model/service_url.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::model {

struct DecisionPoint { // of one allow rule of one snapshot
  enum class Kind : std::uint8_t { opa = 0, authzen, ext_authz_http };
  Kind kind = Kind::opa;
  ServiceUrl where; // without a query
  std::chrono::milliseconds deadline{500};
  std::chrono::milliseconds cache{10'000}; // 0: asked each time
  std::string rule_id, rule_name;          // whose question it is
  std::string text() const;                // for people: kind and URL
};
std::string_view to_string(DecisionPoint::Kind kind) noexcept; // as the policy writes it

// Of all matching allow rules that have one, in source order. Two are equal when they are of the
// same rule of the same snapshot.
using DecisionPoints = std::vector<std::shared_ptr<const DecisionPoint>>;

} // namespace sluice::model
