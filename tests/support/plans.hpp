// Plans for tests: a scenario to plan for, and answers as overlays write them.
#pragma once

#include "overlay/plan/decode.hpp"
#include "overlay/plan/validate.hpp"
#include "tests/support/graph.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::test {

inline overlay::ConfigSchema schema_of(std::string_view text) {
  std::vector<overlay::SchemaFault> faults;
  auto out = overlay::ConfigSchema::parse(overlay::Json::parse(text), faults);
  if (!out) throw std::invalid_argument(faults.at(0).message);
  return *std::move(out);
}

// Edges of the root scope: 0 http, 1 http, 2 storage, 3 mcp with the profile "p", 4 the export.
// The root's config has `secret` (a secret string) and `limits.most`.
inline Graph plan_graph() {
  using overlay::Capability;
  using overlay::Kind;
  Graph out;
  out.component("/a").component("/b");
  out.edge("/a.x", "/b.in").edge("/a.y", "/b.in2").edge("/a.disk", "/b.disk").edge("/a.m", "/b.m");
  out.exported("api", "/b.api");
  out.scenario.edges[2].capability = Capability{Kind::storage, std::nullopt};
  out.scenario.edges[3].capability = Capability{Kind::mcp, "p"};
  out.scenario.components[0].config_schema = schema_of(
      R"({"type": "object", "properties": {"secret": {"type": "string", "secret": true},
          "limits": {"type": "object", "properties": {"most": {"type": "integer"}}}}})");
  return out;
}

// The base of reference §10, case 24, attached to edge 0.
inline overlay::Json base_interposition() {
  return overlay::Json::parse(R"({
    "interposer": {
      "program": {"path": "/opt/mask", "network": {"endpoints": [{"name": "out", "port": 7000}]}},
      "slots": {"in": {"kind": "http"}},
      "provides": {"out": {"kind": "http", "endpoint": "out"}}},
    "attachments": [{"target": 0, "interposer_slot": "in", "interposer_provide": "out"}]})");
}

inline overlay::Json plan_of(overlay::Json interposition) {
  return {{"interpositions", overlay::Json::array({std::move(interposition)})}};
}

// All that is said of the answer in the root scope of plan_graph(); "" when the plan is good.
inline std::string said_of(const std::string& body) {
  static const Graph kGraph = plan_graph();
  static const overlay::Scope kScope = overlay::scope_of(kGraph.scenario, 0);
  Diagnostics problems;
  const auto plan = overlay::decode_plan(body, "/guard", problems);
  if (plan.has_value() != problems.empty())
    throw std::logic_error("a plan exactly when no problem");
  if (!plan) return format(problems);
  const auto fault = overlay::validate_plan(*plan, kGraph.scenario, kScope);
  return fault ? format(overlay::invalid_plan(*fault, "/", "guard")) : "";
}

// The variant's name, "" for a good plan, "decode" for what is none.
inline std::string variant_of(const std::string& body) {
  const std::string said = said_of(body);
  if (said.find(overlay::kPlanDecodeCode) != std::string::npos) return "decode";
  for (const auto& word : overlay::kPlanVariants) {
    if (said.find(": " + std::string(word.text) + ": ") != std::string::npos) {
      return std::string(word.text);
    }
  }
  return said;
}

} // namespace sluice::test
