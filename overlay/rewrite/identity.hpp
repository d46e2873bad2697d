// Who an interposer is. Its digest says which overlay gave which answer to which question, so that
// two of the same digest do the same at the same place; its alias is a name for people and volumes
// that stays when overlays change places in a list or other parts of the scenario change.
// Tested by tests/unit/overlay/identity_test.cpp.
#pragma once

#include "overlay/plan/plan.hpp"

#include <string>
#include <string_view>

namespace sluice::overlay {

// "sha256:<base64>" of the canonical form of the three.
std::string interposer_digest(std::string_view overlay_digest, std::string_view request_digest,
                              const Json& interposition);
std::string plan_digest(const InterpositionPlan& plan);
// "<use>-<8 hex digits>", of the scope, the use and the interposition alone.
std::string interposer_alias(std::string_view scope, std::string_view use,
                             const Json& interposition);

} // namespace sluice::overlay
