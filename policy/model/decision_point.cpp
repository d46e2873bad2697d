#include "policy/model/decision_point.hpp"

namespace sluice::model {

std::string_view to_string(DecisionPoint::Kind kind) noexcept {
  switch (kind) {
  case DecisionPoint::Kind::opa: return "opa";
  case DecisionPoint::Kind::authzen: return "authzen";
  case DecisionPoint::Kind::ext_authz_http: return "ext_authz_http";
  }
  return "opa";
}

std::string DecisionPoint::text() const {
  return std::string(to_string(kind)) + ' ' + where.text();
}

} // namespace sluice::model
