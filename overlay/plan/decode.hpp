// The bytes an overlay answered as a plan, strictly: one JSON value, no key that is not known, no
// field left out that must be there (reference §2.2, §2.3). A plan may hold secrets. So what is no
// JSON is shown, to find out what answered at all, but of what is JSON no message shows a value: it
// says where it is wrong, and what is expected there. Never crashes; all work is bounded.
// Tested by tests/unit/overlay/decode_test.cpp, tests/property/plan_property_test.cpp and
// tests/fuzz/plan_fuzz.cpp.
#pragma once

#include "overlay/plan/plan.hpp"
#include "policy/base/diagnostic.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::overlay {

inline constexpr std::size_t kMaxPlanBytes = 1U << 20;
inline constexpr std::size_t kMaxPlanPreview = 4096; // of an answer that is no JSON
inline constexpr std::size_t kMaxPlanProblems = 20;  // more are not told
inline constexpr std::string_view kPlanDecodeCode =
    "compiler::overlay_pass_interposition_plan_deserialize";

// nullopt exactly when errors were added, all of kPlanDecodeCode. `overlay` is the display name,
// which stands where a file's name would: "/team/guard:1:20: interpositions[0].attachments: …".
std::optional<InterpositionPlan> decode_plan(std::string_view body, const std::string& overlay,
                                             Diagnostics& out);

} // namespace sluice::overlay
