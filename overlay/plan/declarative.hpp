// The plan of an overlay that is declared and not run: one built-in interposer on each edge of the
// scope it selects. Only what is carried over HTTP is selected; there is nothing to do for sluice
// between a program and its storage. The same scope gives the same plan, byte for byte.
// Tested by tests/unit/overlay/declarative_test.cpp.
#pragma once

#include "overlay/plan/plan.hpp"
#include "overlay/scenario/scenario.hpp"
#include "overlay/scenario/scope.hpp"

#include <string_view>

namespace sluice::overlay {

inline constexpr std::string_view kBuiltinSlot = "upstream";
inline constexpr std::string_view kBuiltinProvide = "downstream";

// Valid for the scope (validate.hpp); empty when nothing is selected.
InterpositionPlan declared_plan(const DeclarativeOverlay& overlay, const Scenario& scenario,
                                const Scope& scope);

} // namespace sluice::overlay
