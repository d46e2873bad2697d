// What happens to a head on its way through: hop-by-hop fields end here, codings are limited to
// what can be read, and secrets are taken out of the target and the fields.
// While redaction is due no head promises what no longer holds: digests and ranges go, a strong
// ETag becomes a weak one. Never touches framing: that is the machine's decision. Tested by
// tests/unit/call/head_rules_test.cpp.
#pragma once

#include "policy/evidence/record.hpp"
#include "policy/model/destination.hpp"
#include "policy/redact/drip.hpp"
#include "policy/redact/redactor.hpp"
#include "proxy/wire/head.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::call {

// Two sets, because a credential field (Authorization, Cookie, X-Api-Key, …) is where the agent's
// own login to this very host belongs: token formats pass there, known secrets do not.
struct HeadRedaction {
  std::shared_ptr<const redact::RuleSet> everywhere;  // null: no redaction is due
  std::shared_ptr<const redact::RuleSet> credentials; // known secrets, and rules that name them
  bool pii = false;                                   // looked for everywhere but in credentials
  std::shared_ptr<redact::DripWatch> drip;            // of the run; null: no secret is watched
  bool restores_request = false, restores_response = false; // tokens are put back there
  bool answers_change = false;                              // even when no redaction is due

  void obey(const model::Obligations& duties); // of the call at hand
  redact::Scope in(redact::Place place) const noexcept;
};

using FindingList = std::vector<evidence::LocatedFindings>;
// A rule whose action is to block the call and that found something; "" when there is none.
std::string blocked_by(const FindingList& findings);

// In place: fields for the upstream of `to`. `target` is origin-form. When redaction is due, or the
// answer may be rewritten, the upstream is offered only codings we read, and is asked for whole
// bodies: half a secret is no match, and ranges of the upstream's body are not ranges of the
// redacted one. A server may always answer a Range with all of it (RFC 9110 §14.2), so clients can
// deal with that.
void prepare_request(wire::RequestHead& head, std::string target, const model::Destination& to,
                     const HeadRedaction& redaction, FindingList& findings);

// The keys of a query are facts that go on record. In one that holds a secret nobody can tell a key
// from a piece of it (it may contain '&'), so none is kept.
void hide_query_keys(model::EgressCall& call, std::string_view target,
                     const HeadRedaction& redaction);

// In place: fields for the agent. An answer without a body (HEAD, 304) speaks of the one that would
// have been redacted, so the same holds for it.
void prepare_response(wire::ResponseHead& head, const HeadRedaction& redaction,
                      FindingList& findings);

// RFC 9110 §8.6: the length that a HEAD or 304 may say. None when the body would be encoded anew.
std::optional<std::uint64_t> length_without_body(const wire::ResponseHead& head,
                                                 const HeadRedaction& redaction);

// Of a body that is rewritten: digests and ranges go, and the ETag becomes a weak one.
void promise_no_bytes(wire::Fields& fields);
// For a body that is no longer the one they were made of; in heads and trailers.
void drop_digests(wire::Fields& fields);

void redact_trailers(wire::Fields& trailers, const HeadRedaction& redaction,
                     std::string_view direction, FindingList& findings);

} // namespace sluice::call
