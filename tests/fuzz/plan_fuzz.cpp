// Any bytes as an answer of an overlay: no crash, a plan exactly when nothing is said, and no value
// in what is said. A value is what holds the mark; where a name or a key holds it, it may be told.
#include "tests/support/plans.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace sluice;
using overlay::Json;

constexpr std::string_view kMark = "hunter2";

void require(bool holds) {
  if (!holds) std::abort();
}

bool holds_mark(std::string_view text) {
  return text.find(kMark) != std::string_view::npos;
}

bool key_holds_mark(const Json& value) {
  bool found = false;
  for (const auto& [key, item] : value.items()) {
    found = found || (value.is_object() && holds_mark(key)) ||
            (item.is_structured() && key_holds_mark(item));
  }
  return found;
}

// The config and the metadata hold no names.
bool name_holds_mark(const overlay::InterpositionPlan& plan) {
  for (const auto& one : plan.interpositions) {
    Json rest = one.written;
    rest["interposer"].erase("config");
    rest["interposer"].erase("metadata");
    if (holds_mark(rest.dump())) return true;
    const Json config = one.interposer.config.value_or(nullptr);
    if (config.is_structured() && key_holds_mark(config)) return true;
  }
  return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::Graph kGraph = test::plan_graph();
  static const overlay::Scope kScope = overlay::scope_of(kGraph.scenario, 0);
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Diagnostics problems;
  const auto plan = overlay::decode_plan(body, "/guard", problems);
  require(plan.has_value() == problems.empty());
  if (!plan) {
    const bool told = !Json::accept(body) || size > overlay::kMaxPlanBytes;
    require(told || !holds_mark(format(problems)) || key_holds_mark(Json::parse(body)));
    return 0;
  }
  const auto fault = overlay::validate_plan(*plan, kGraph.scenario, kScope);
  if (!fault) return 0;
  const bool said = holds_mark(fault->message) || holds_mark(fault->fields.dump());
  require(!said || name_holds_mark(*plan));
  return 0;
}
