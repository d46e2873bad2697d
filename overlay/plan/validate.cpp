#include "overlay/plan/validate.hpp"

#include "overlay/manifest/check_program.hpp"
#include "overlay/manifest/manifest_json.hpp"
#include "overlay/plan/plan_text.hpp"
#include "policy/base/printable.hpp"

#include <set>
#include <utility>

namespace sluice::overlay {
namespace {

using Found = std::optional<ValidationFault>;

std::string shown_capability(const Capability& capability) {
  const std::string kind(to_string(capability.kind));
  return capability.profile ? kind + " (profile " + shown_name(*capability.profile) + ')' : kind;
}

std::string shown_names(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 20;
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kMost; ++i) {
    out += (i == 0 ? "" : ", ") + shown_name(names[i]);
  }
  return out + (names.size() > kMost ? ", …" : "");
}

std::string joined(const std::string& path, const std::string& message) {
  return (path.empty() ? "" : path + ": ") + message;
}

// One interposition. Each step ends at its first fault.
class InterpositionCheck {
 public:
  InterpositionCheck(const Interposition& of, const Scenario& scenario, const Scope& scope,
                     const ConfigChecks& checks) noexcept
      : one_(of), interposer_(of.interposer), scenario_(scenario), scope_(scope), checks_(checks) {}

  Found run() {
    if (one_.attachments.empty()) {
      return fault(PlanVariant::empty_attachments, {}, "the interposer is attached to no edge");
    }
    for (const auto step :
         {&InterpositionCheck::check_config, &InterpositionCheck::check_runs,
          &InterpositionCheck::check_endpoints, &InterpositionCheck::check_endpoint_names,
          &InterpositionCheck::check_protocols, &InterpositionCheck::check_attachments,
          &InterpositionCheck::check_required_slots}) {
      if (auto found = (this->*step)()) return found;
    }
    return std::nullopt;
  }

 private:
  static Found fault(PlanVariant variant, Json fields, const std::string& message) {
    if (fields.is_null()) fields = Json::object();
    return ValidationFault{variant, std::move(fields), printable(message)};
  }

  static Found fault(PlanVariant variant, const std::string& message) {
    return fault(variant, {{"message", printable(message)}}, message);
  }

  Found check_config() {
    if (!interposer_.config_schema) {
      if (!interposer_.config) return std::nullopt;
      return fault(PlanVariant::missing_interposer_config_schema, {},
                   "the interposer has a config and no config_schema");
    }
    std::vector<SchemaFault> bad;
    schema_ = ConfigSchema::parse(*interposer_.config_schema, bad);
    if (!schema_) {
      const SchemaFault& first = bad.at(0);
      return fault(PlanVariant::invalid_interposer_config_schema,
                   joined(shown_path("/config_schema" + first.pointer), first.message));
    }
    const auto& parent = scenario_.at(scope_.root).config_schema;
    const auto wrong =
        check_interposer_config(interposer_.config, *schema_, parent ? &*parent : nullptr, checks_);
    if (wrong.empty()) return std::nullopt;
    return fault(PlanVariant::invalid_interposer_config,
                 joined(shown_path("/config" + wrong[0].pointer), wrong[0].message));
  }

  Found check_runs() {
    if (!interposer_.program) {
      return fault(PlanVariant::missing_interposer_program, {}, "the interposer has no program");
    }
    if (!interposer_.template_fault.empty()) {
      return fault(PlanVariant::invalid_program, interposer_.template_fault);
    }
    static const std::set<Feature> kNone;
    const ProgramScope around{interposer_.slots, interposer_.resources,
                              schema_ ? &*schema_ : nullptr, kNone};
    const auto wrong = check_program(*interposer_.program, around);
    if (wrong.empty()) return std::nullopt;
    return fault(PlanVariant::invalid_program,
                 joined(shown_path("/program" + wrong[0].pointer), wrong[0].message));
  }

  Found check_endpoints() {
    for (const auto& [name, provide] : interposer_.provides) {
      if (provide.endpoint || provide.capability.kind == Kind::storage) continue;
      return fault(PlanVariant::missing_interposer_provide_endpoint, {{"provide", name}},
                   "the provide " + shown_name(name) + " has no endpoint");
    }
    return std::nullopt;
  }

  Found check_endpoint_names() {
    for (const auto& [name, provide] : interposer_.provides) {
      if (!provide.endpoint || endpoint_named(*interposer_.program, *provide.endpoint)) continue;
      std::vector<std::string> available;
      for (const Endpoint& one : interposer_.program->endpoints) {
        available.push_back(to_string(one.name));
      }
      return fault(PlanVariant::unknown_interposer_provide_endpoint,
                   {{"provide", name}, {"endpoint", *provide.endpoint}, {"available", available}},
                   "the provide " + shown_name(name) + " names the endpoint " +
                       shown_name(*provide.endpoint) + ", and the program has " +
                       (available.empty() ? "none" : shown_names(available)));
    }
    return std::nullopt;
  }

  // Amber takes such a provide, and nothing that is sent to it arrives as a request.
  Found check_protocols() {
    for (const auto& [name, provide] : interposer_.provides) {
      if (!provide.endpoint || !is_http_like(provide.capability.kind)) continue;
      const Endpoint* endpoint = endpoint_named(*interposer_.program, *provide.endpoint);
      const auto protocol = protocol_named(literal_of(endpoint->protocol).value_or(""));
      if (protocol == Protocol::http || protocol == Protocol::https) continue;
      return fault(PlanVariant::interposer_provide_endpoint_protocol,
                   {{"provide", name}, {"endpoint", *provide.endpoint}},
                   "the provide " + shown_name(name) + " is of kind " +
                       std::string(to_string(provide.capability.kind)) +
                       ", and its endpoint does not speak http");
    }
    return std::nullopt;
  }

  Found check_attachments() {
    for (const Attachment& one : one_.attachments) {
      if (auto found = check_attachment(one)) return found;
    }
    return std::nullopt;
  }

  Found check_attachment(const Attachment& one) {
    const Json target = {{"target", one.target}};
    const std::string edge = "edge " + std::to_string(one.target);
    if (!targets_.insert(one.target).second) {
      return fault(PlanVariant::duplicate_attachment_target, target,
                   "the interposer is attached twice to " + edge);
    }
    if (!attached_.insert(one.slot).second) {
      return fault(PlanVariant::duplicate_interposer_slot, {{"slot", one.slot}},
                   "the slot " + shown_name(one.slot) + " is attached twice");
    }
    const ScopeEdge* found = scope_.find(one.target);
    if (found == nullptr) {
      return fault(PlanVariant::unknown_attachment_target, target, "the scope has no " + edge);
    }
    const Capability& carried = capability_of(scenario_, found->key);
    if (carried.kind == Kind::storage) {
      return fault(PlanVariant::unsupported_storage_interposition, target,
                   edge + " is storage, which cannot be interposed");
    }
    if (auto wrong = check_slot(one, carried)) return wrong;
    return check_provide(one, carried);
  }

  Found check_slot(const Attachment& one, const Capability& carried) {
    const auto slot = interposer_.slots.find(one.slot);
    if (slot == interposer_.slots.end()) {
      return fault(PlanVariant::unknown_interposer_slot, {{"slot", one.slot}},
                   "the interposer has no slot " + shown_name(one.slot));
    }
    if (slot->second.capability == carried) return std::nullopt;
    return mismatch(PlanVariant::interposer_slot_capability_mismatch, "slot", one.slot, one.target,
                    slot->second.capability, carried);
  }

  Found check_provide(const Attachment& one, const Capability& carried) {
    const auto provide = interposer_.provides.find(one.provide);
    if (provide == interposer_.provides.end()) {
      return fault(PlanVariant::unknown_interposer_provide, {{"provide", one.provide}},
                   "the interposer has no provide " + shown_name(one.provide));
    }
    if (provide->second.capability == carried) return std::nullopt;
    return mismatch(PlanVariant::interposer_provide_capability_mismatch, "provide", one.provide,
                    one.target, provide->second.capability, carried);
  }

  static Found mismatch(PlanVariant variant, const char* what, const std::string& name,
                        std::uint64_t target, const Capability& own, const Capability& carried) {
    const Json fields = {{"target", target},
                         {what, name},
                         {"expected", capability_json(carried)},
                         {"actual", capability_json(own)}};
    return fault(variant, fields,
                 std::string("the ") + what + ' ' + shown_name(name) + " is " +
                     shown_capability(own) + ", and edge " + std::to_string(target) + " is " +
                     shown_capability(carried));
  }

  Found check_required_slots() {
    for (const auto& [name, slot] : interposer_.slots) {
      if (slot.optional || attached_.contains(name)) continue;
      return fault(PlanVariant::unattached_required_interposer_slot, {{"slot", name}},
                   "the slot " + shown_name(name) + " is attached to no edge and not optional");
    }
    return std::nullopt;
  }

  const Interposition& one_;
  const Interposer& interposer_;
  const Scenario& scenario_;
  const Scope& scope_;
  const ConfigChecks& checks_;
  std::optional<ConfigSchema> schema_;
  std::set<std::uint64_t> targets_;
  std::set<std::string> attached_; // slots
};

} // namespace

std::string_view to_string(PlanVariant variant) noexcept {
  for (const auto& word : kPlanVariants) {
    if (word.value == variant) return word.text;
  }
  return "";
}

std::optional<ValidationFault> validate_plan(const InterpositionPlan& plan,
                                             const Scenario& scenario, const Scope& scope,
                                             const ConfigChecks& checks) {
  for (std::size_t i = 0; i < plan.interpositions.size(); ++i) {
    auto found = InterpositionCheck(plan.interpositions[i], scenario, scope, checks).run();
    if (!found) continue;
    found->message = "interpositions[" + std::to_string(i) + "]: " + found->message;
    return found;
  }
  return std::nullopt;
}

Diagnostic invalid_plan(const ValidationFault& fault, std::string_view scope_moniker,
                        std::string_view use) {
  Diagnostic out;
  out.message = "the plan of overlay " + overlay_display_name(scope_moniker, use) +
                " is not valid for the scope " + std::string(scope_moniker) + ": " +
                std::string(to_string(fault.variant)) + ": " + fault.message;
  out.code = kInvalidPlanCode;
  return out;
}

} // namespace sluice::overlay
