// Permits for tests: the only place beside proxy/io/gate.cpp that may make one.
#pragma once

#include "proxy/call/permit.hpp"

#include <optional>
#include <utility>

namespace sluice::test {

// What the outcome record would say; empty until the permit is closed.
struct Ending {
  std::optional<call::Outcome> outcome;
  int closings = 0;
};

inline call::PermitFacts permit_facts(model::EgressCall call) {
  call::PermitFacts facts;
  facts.call = std::move(call);
  facts.decision.verdict = model::Verdict::allow;
  facts.decision.reason = model::Reason::none;
  facts.decision.rule_id = "egress[0]";
  facts.addresses.push_back(model::IpAddress::v4(0x7f000001));
  facts.receipt.seq = 1;
  facts.receipt.hash = std::string(64, '0');
  return facts;
}

inline call::Permit permit_for_test(call::PermitFacts facts, Ending& ending) {
  return call::PermitMaker::make(std::move(facts),
                                 [&ending](const call::PermitFacts&, const call::Outcome& how) {
                                   ending.outcome = how;
                                   ++ending.closings;
                                 });
}

} // namespace sluice::test
