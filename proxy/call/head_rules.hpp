// What happens to a head on its way through: hop-by-hop fields end here, codings are limited to
// what can be read, and secrets are taken out of the target and the fields.
// Never touches framing: that is the machine's decision. Tested by
// tests/unit/call/head_rules_test.cpp.
#pragma once

#include "policy/evidence/record.hpp"
#include "policy/model/destination.hpp"
#include "policy/redact/redactor.hpp"
#include "proxy/wire/head.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::call {

// Two sets, because a credential field (Authorization, Cookie, X-Api-Key, …) is where the agent's
// own login to this very host belongs: token formats pass there, known secrets do not.
struct HeadRedaction {
  std::shared_ptr<const redact::RuleSet> everywhere;  // null: no redaction is due
  std::shared_ptr<const redact::RuleSet> credentials; // known secrets only
};

using FindingList = std::vector<evidence::LocatedFindings>;

// In place: fields for the upstream of `to`. `target` is origin-form.
void prepare_request(wire::RequestHead& head, std::string target, const model::Destination& to,
                     const HeadRedaction& redaction, FindingList& findings);

// In place: fields for the agent. `body_is_rewritten` drops digests that no longer hold.
enum class BodyChange { unchanged, may_change };
// The keys of a query are facts that go on record. In one that holds a secret nobody can tell a key
// from a piece of it (it may contain '&'), so none is kept.
void hide_query_keys(model::EgressCall& call, std::string_view target,
                     const HeadRedaction& redaction);

void prepare_response(wire::ResponseHead& head, const HeadRedaction& redaction, BodyChange change,
                      FindingList& findings);

void redact_trailers(wire::Fields& trailers, const HeadRedaction& redaction,
                     std::string_view direction, FindingList& findings);

} // namespace sluice::call
