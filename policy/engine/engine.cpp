#include "policy/engine/engine.hpp"

#include "policy/engine/canonical.hpp"
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/reference_engine.hpp"

#include <algorithm>
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

bool Engine::looks_at_body(const model::EgressCall& call) const noexcept {
  const bool exchange =
      call.protocol == model::Protocol::http || call.protocol == model::Protocol::websocket;
  if (policy_->inspect_most == 0 || !exchange) return false;
  const auto& sections = policy_->operations;
  if (std::any_of(sections.begin(), sections.end(), [](const auto& one) { return one.written; }))
    return true;
  return std::any_of(policy_->egress.begin(), policy_->egress.end(), [&](const Rule& rule) {
    return !rule.match.values.empty() && matches_destination(rule, call);
  });
}

std::uint64_t Engine::body_needed(const model::EgressCall& head) const noexcept {
  if (!looks_at_body(head)) return 0;
  bool opened = false;
  return by_rules(head, opened, nullptr).verdict == model::Verdict::block ? 0
                                                                          : policy_->inspect_most;
}

model::Decision Engine::once_read(const model::EgressCall& call,
                                  model::Decision decision) const noexcept {
  const bool unread = content_state(call) == model::Content::State::head_only;
  if (!unread || decision.verdict == model::Verdict::block || !looks_at_body(call)) return decision;
  return model::Decision::refuse(model::Reason::body_unread);
}

Engine::Addresses Engine::decide_addresses(const model::EgressCall& call,
                                           const model::Decision& by_name,
                                           std::span<const model::IpAddress> addresses) const {
  if (addresses.size() == 1) return {decide_address(call, by_name, addresses.front()), 0};
  Addresses out{by_name, 0};
  auto counted = decltype(by_name.obligations.quotas)();
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto& quotas = out.decision.obligations.quotas;
    quotas = by_name.obligations.quotas;
    out.decision = decide_address(call, out.decision, addresses[i]);
    if (!out.decision.allowed()) return {std::move(out.decision), i};
    counted.insert(counted.end(), quotas.begin(), quotas.end());
  }
  if (addresses.empty()) return out;
  out.decision.obligations.quotas = by_name.obligations.quotas; // in its order
  std::erase_if(out.decision.obligations.quotas, [&counted](const auto& one) {
    return std::find(counted.begin(), counted.end(), one) == counted.end();
  });
  return out;
}

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
