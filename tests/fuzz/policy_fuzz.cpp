// Invariant: any bytes give either a snapshot without errors or errors without a snapshot, never
// both and never neither; every error has a line; a snapshot has a digest, the same one each time,
// and its engine answers without crashing and calls no host hopeless that it lets pass. Nothing
// throws, nothing takes long.
#include "policy/engine/explain.hpp"

#include <cstdint>
#include <cstdlib>
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
    const auto why = sluice::engine::explain(snapshot, call);
    require(why.rules.size() == rules.size());
    require(why.decision.reason != sluice::model::Reason::internal_error);
    require(!why.decision.allowed() || (!rules.empty() && engine.could_allow(call.to.host)));
    const auto metadata = sluice::model::IpAddress::v4(0xa9fea9fe);
    require(!engine.decide_address(call, why.decision, metadata).allowed());
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = sluice::engine::load_policy_text(text, "fuzz");
  require(has_errors(loaded.diagnostics) == (loaded.snapshot == nullptr));
  for (const auto& one : loaded.diagnostics) {
    require(one.line > 0 && one.column > 0 && !one.message.empty());
    require(format(one).find('\n') == std::string::npos);
  }
  if (loaded.snapshot) {
    require(loaded.snapshot->digest.size() == 71);
    require(sluice::engine::load_policy_text(text, "again").snapshot->digest ==
            loaded.snapshot->digest);
    ask(loaded.snapshot, sluice::model::Protocol::http);
    ask(loaded.snapshot, sluice::model::Protocol::tcp);
  }
  return 0;
}
