// Whether a plan may be carried out in the scope it was asked for: Amber's checks under Amber's
// names, in Amber's order, and the first that fails ends it (reference §3.2). Messages name slots,
// provides, edges and places, and never a value of a config or of the program.
// Tested by tests/unit/overlay/validate_test.cpp and tests/property/plan_property_test.cpp.
#pragma once

#include "overlay/plan/interposer_config.hpp"
#include "overlay/plan/plan.hpp"
#include "overlay/scenario/scenario.hpp"
#include "overlay/scenario/scope.hpp"
#include "policy/base/diagnostic.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::overlay {

// In the order in which they are looked for. All but one are Amber's.
enum class PlanVariant : std::uint8_t {
  empty_attachments,
  missing_interposer_config_schema,
  invalid_interposer_config_schema,
  invalid_interposer_config,
  missing_interposer_program,
  invalid_program,
  missing_interposer_provide_endpoint,
  unknown_interposer_provide_endpoint,
  interposer_provide_endpoint_protocol, // ours: what is carried over HTTP, on a tcp endpoint
  duplicate_attachment_target,          // from here for each attachment in turn
  duplicate_interposer_slot,
  unknown_attachment_target,
  unsupported_storage_interposition,
  unknown_interposer_slot,
  interposer_slot_capability_mismatch,
  unknown_interposer_provide,
  interposer_provide_capability_mismatch, // to here
  unattached_required_interposer_slot,
};

inline constexpr std::array kPlanVariants = {
    Word<PlanVariant>{"EmptyAttachments", PlanVariant::empty_attachments},
    Word<PlanVariant>{"MissingInterposerConfigSchema",
                      PlanVariant::missing_interposer_config_schema},
    Word<PlanVariant>{"InvalidInterposerConfigSchema",
                      PlanVariant::invalid_interposer_config_schema},
    Word<PlanVariant>{"InvalidInterposerConfig", PlanVariant::invalid_interposer_config},
    Word<PlanVariant>{"MissingInterposerProgram", PlanVariant::missing_interposer_program},
    Word<PlanVariant>{"InvalidProgram", PlanVariant::invalid_program},
    Word<PlanVariant>{"MissingInterposerProvideEndpoint",
                      PlanVariant::missing_interposer_provide_endpoint},
    Word<PlanVariant>{"UnknownInterposerProvideEndpoint",
                      PlanVariant::unknown_interposer_provide_endpoint},
    Word<PlanVariant>{"InterposerProvideEndpointProtocol",
                      PlanVariant::interposer_provide_endpoint_protocol},
    Word<PlanVariant>{"DuplicateAttachmentTarget", PlanVariant::duplicate_attachment_target},
    Word<PlanVariant>{"DuplicateInterposerSlot", PlanVariant::duplicate_interposer_slot},
    Word<PlanVariant>{"UnknownAttachmentTarget", PlanVariant::unknown_attachment_target},
    Word<PlanVariant>{"UnsupportedStorageInterposition",
                      PlanVariant::unsupported_storage_interposition},
    Word<PlanVariant>{"UnknownInterposerSlot", PlanVariant::unknown_interposer_slot},
    Word<PlanVariant>{"InterposerSlotCapabilityMismatch",
                      PlanVariant::interposer_slot_capability_mismatch},
    Word<PlanVariant>{"UnknownInterposerProvide", PlanVariant::unknown_interposer_provide},
    Word<PlanVariant>{"InterposerProvideCapabilityMismatch",
                      PlanVariant::interposer_provide_capability_mismatch},
    Word<PlanVariant>{"UnattachedRequiredInterposerSlot",
                      PlanVariant::unattached_required_interposer_slot}};

std::string_view to_string(PlanVariant variant) noexcept; // Amber's name

struct ValidationFault {
  PlanVariant variant = PlanVariant::empty_attachments;
  Json fields; // Amber's of the variant: {"target": 3}, {"provide", "endpoint", "available"}, …
  std::string message;
};

// nullopt: the plan is valid. `checks` is about configs.
std::optional<ValidationFault> validate_plan(const InterpositionPlan& plan,
                                             const Scenario& scenario, const Scope& scope,
                                             const ConfigChecks& checks = {});

inline constexpr std::string_view kInvalidPlanCode =
    "compiler::overlay_pass_invalid_interposition_plan";
// What the pass says of it.
Diagnostic invalid_plan(const ValidationFault& fault, std::string_view scope_moniker,
                        std::string_view use);

} // namespace sluice::overlay
