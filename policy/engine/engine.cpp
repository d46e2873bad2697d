#include "policy/engine/engine.hpp"

#include "policy/engine/canonical.hpp"
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/reference_engine.hpp"

#include <utility>

namespace sluice::engine {
namespace {

std::shared_ptr<const Snapshot> nothing_allowed() {
  auto empty = std::make_shared<Snapshot>();
  seal(*empty);
  return empty;
}

} // namespace

Engine::Engine(EngineKind kind, std::shared_ptr<const Snapshot> policy)
    : kind_(kind), policy_(policy ? std::move(policy) : nothing_allowed()) {}

std::string_view to_string(EngineKind kind) noexcept {
  return kind == EngineKind::compiled ? "compiled" : "reference";
}

std::shared_ptr<const Engine> make_engine(EngineKind kind, std::shared_ptr<const Snapshot> policy) {
  if (kind == EngineKind::compiled) {
    return std::make_shared<const CompiledEngine>(std::move(policy));
  }
  return std::make_shared<const ReferenceEngine>(std::move(policy));
}

} // namespace sluice::engine
