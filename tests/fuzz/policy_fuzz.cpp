// Invariant: any bytes give either a snapshot without errors or errors without a snapshot, never
// both and never neither; every error has a line; a snapshot has a digest, the same one each time,
// and its engine answers without crashing and calls no host hopeless that it lets pass. Nothing
// throws, nothing takes long. What stands behind a NUL is the text of every parent; what a child
// lets pass that nowhere says override or free, they let pass.
#include "policy/engine/explain.hpp"
#include "policy/engine/witness_calls.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void ask(const std::shared_ptr<const sluice::engine::Snapshot>& snapshot,
         sluice::model::Protocol protocol) {
  const sluice::engine::ReferenceEngine engine(snapshot);
  const auto& rules = snapshot->rules_for(protocol);
  const bool tcp = protocol == sluice::model::Protocol::tcp;
  for (const std::string_view host : {"api.openai.com", "a", "10.0.0.1", "::1"}) {
    sluice::model::EgressCall call;
    call.protocol = protocol;
    call.to = {tcp ? sluice::model::Scheme::tcp : sluice::model::Scheme::https,
               sluice::model::Host::parse(host).value(), 443};
    call.method = tcp ? "" : "POST";
    call.path = tcp ? "" : "/v1/chat/completions";
    if (host != "a") { // of which nothing is known
      call.given.actor =
          std::make_shared<const sluice::model::Actor>(sluice::model::Actor{"research-1", "s-1"});
      call.given.unix_seconds = 1'780'322'400; // Monday, 14:00
      call.sni = tcp ? "" : "api.openai.com";
    }
    const auto why = sluice::engine::explain(snapshot, call);
    require(why.rules.size() == rules.size());
    require(why.decision.reason != sluice::model::Reason::internal_error);
    require(!why.decision.allowed() ||
            (!rules.empty() && engine.could_allow(call.to.host, call.given)));
    const auto metadata = sluice::model::IpAddress::v4(0xa9fea9fe);
    require(!engine.decide_address(call, why.decision, metadata).allowed());
  }
}

sluice::engine::PolicyLoad load(std::string_view text, const std::string& name) {
  const auto nul = text.find('\0');
  if (nul == text.npos) return sluice::engine::load_policy_text(text, name);
  const std::string parent(text.substr(nul + 1));
  return sluice::engine::load_policy_text(
      text.substr(0, nul), name,
      [&](const std::string&) -> sluice::Result<std::string> { return parent; });
}

// Requires: it loaded.
void hold_to_parent(std::string_view text, const sluice::engine::PolicyLoad& child) {
  const auto nul = text.find('\0');
  if (nul == text.npos || child.parents.size() != 1 || !child.overrides.empty()) return;
  const auto parent_text = text.substr(nul + 1);
  if (parent_text.find("free") != parent_text.npos) return;
  const auto parent = sluice::engine::load_policy_text(parent_text, "parent").snapshot;
  if (parent == nullptr) return; // it inherits, too
  const sluice::engine::ReferenceEngine below(child.snapshot), above(parent);
  sluice::engine::each_witness_call(*child.snapshot, *parent, [&](const auto& call) {
    require(!below.decide(call).allowed() || above.decide(call).allowed());
  });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = load(text, "fuzz");
  require(has_errors(loaded.diagnostics) == (loaded.snapshot == nullptr));
  for (const auto& one : loaded.diagnostics) {
    require(one.line > 0 && one.column > 0 && !one.message.empty());
    require(format(one).find('\n') == std::string::npos);
  }
  if (loaded.snapshot) {
    require(loaded.snapshot->digest.size() == 71);
    require(load(text, "again").snapshot->digest == loaded.snapshot->digest);
    if (size < 4'000) hold_to_parent(text, loaded);
    ask(loaded.snapshot, sluice::model::Protocol::http);
    ask(loaded.snapshot, sluice::model::Protocol::tcp);
  }
  return 0;
}
