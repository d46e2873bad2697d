#include "proxy/io/gate.hpp"

#include "policy/content/read_content.hpp"
#include "policy/redact/redactor.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice::io {
namespace {

using model::Decision;
using model::Reason;
using model::Verdict;

Decision with_reason(Decision decision, Reason reason) {
  decision.reason = reason;
  return decision;
}

constexpr std::size_t kKeptToPoints = 32; // idle connections of one worker
constexpr std::string_view kMismatch = "original_destination_mismatch";

// Guards that no mode opens: a loop into ourselves is never traffic, and without an address that is
// known to be meant there is nothing to dial.
bool holds_in_observe(Reason reason) {
  return reason == Reason::self_connect || reason == Reason::resolver_failed ||
         reason == Reason::original_destination_mismatch || reason == Reason::killed ||
         reason == Reason::evidence_unavailable;
}

} // namespace

// Host names are lower case here, and most token formats are not.
bool ActivePolicy::holds_secret(std::string_view name) const {
  const auto holds = [&](std::string_view text) { // it stands in the URL and in Host
    for (const auto place : {redact::Place::request_url, redact::Place::request_header}) {
      const auto scope = redact::Scope::in_call(place, false);
      if (redact::redact_whole(everywhere, text, scope).findings.changed()) return true;
    }
    return false;
  };
  if (holds(name)) return true;
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper != name && holds(upper);
}

bool Settings::captures() const noexcept {
  return std::any_of(listeners.begin(), listeners.end(),
                     [](const auto& one) { return one.kind == call::ListenerKind::transparent; });
}

bool Settings::answers_dns() const noexcept {
  return std::any_of(listeners.begin(), listeners.end(),
                     [](const auto& one) { return one.kind == call::ListenerKind::dns; });
}

std::string_view to_string(Mode mode) noexcept {
  switch (mode) {
  case Mode::dry_run: return "dry-run";
  case Mode::observe: return "observe";
  case Mode::enforce: return "enforce";
  }
  return "dry-run";
}

Gate::Gate(const Executor& executor, const SharedServices& services, Resolver& resolver,
           const Settings& settings, std::shared_ptr<const ActivePolicy> policy,
           Surroundings around)
    : outbox_(executor, services.log), resolver_(resolver), services_(services),
      settings_(settings), actor_(std::make_shared<const model::Actor>(
                               model::Actor{settings.who.agent_id, settings.who.session_id})),
      policy_(std::move(policy)), around_(std::move(around)),
      points_(executor, services, {resolver, services.upstream_trust, settings, services.own_ports},
              {kKeptToPoints, [this](const model::IpAddress& address, std::uint16_t port) {
                 return is_self(address, port);
               }}) {}

model::Given Gate::given() const {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {actor_, services_.clock.unix_nanos() / kSecond};
}

Decision Gate::preview(const model::EgressCall& call) const {
  return policy_->engine->decide(call);
}

bool Gate::still_allows(const model::EgressCall& call,
                        const std::vector<model::IpAddress>& addresses) const {
  if (settings_.mode != Mode::enforce) return true;
  model::EgressCall now = call;
  now.given = given();
  const auto by_name = policy_->engine->decide(now);
  return by_name.allowed() &&
         policy_->engine->decide_addresses(now, by_name, addresses).decision.allowed();
}

// The same policy says the same, in the same minute; it need not be asked again about a call whose
// body is gone.
bool Gate::is_as_judged(const call::Permit& permit) const {
  constexpr std::int64_t kMinute = 60;
  const auto& policy = policy_->engine->policy();
  if (permit.policy_digest() != policy.digest) return false;
  const auto& then = permit.call().given.unix_seconds;
  return !policy.asks_for_time || (then && *then / kMinute == *given().unix_seconds / kMinute);
}

bool Gate::still_allows(const call::Permit& permit) const {
  return is_as_judged(permit) || still_allows(permit.call(), permit.addresses());
}

bool Gate::redacts(const Decision& decision) const noexcept {
  return settings_.mode == Mode::enforce && !decision.obligations.redact.empty();
}

bool Gate::is_self(const model::IpAddress& address, std::uint16_t port) const {
  const Endpoint asked{address, port};
  const auto& mine = around_.listening;
  return std::find(mine.begin(), mine.end(), asked) != mine.end();
}

bool Gate::is_local(const model::IpAddress& address) const {
  const auto& mine = around_.addresses;
  return std::find(mine.begin(), mine.end(), address) != mine.end();
}

// Names and methods cannot be masked, and a name leaves with the question for its address.
bool Gate::shows_secret(const Decision& decision, const model::EgressCall& call,
                        const ActivePolicy& policy) const {
  return redacts(decision) &&
         (policy.holds_secret(call.method) || policy.holds_secret(call.to.host.text()));
}

Task<> Gate::ask_points(Judged& judged, const model::EgressCall& call, const ActivePolicy& policy) {
  auto& duties = judged.decision.obligations;
  auto said = co_await points_.ask(call, duties, policy, settings_.who);
  judged.asked = std::move(said.asked);
  if (said.reason == Reason::none && call.protocol == model::Protocol::connect &&
      !said.redact.empty()) {
    said.reason = Reason::decision_point_failed;
    said.rule_id = judged.decision.rule_id;
    said.rule_name = judged.decision.rule_name;
    said.detail = "redaction is asked for in a tunnel that is passed through";
  }
  if (services_.killed.load()) { // while it was asked
    judged.decision = Decision::refuse(Reason::killed);
  } else if (said.reason != Reason::none) {
    Decision refused = Decision::refuse(said.reason);
    refused.rule_id = std::move(said.rule_id);
    refused.rule_name = std::move(said.rule_name);
    refused.reported = std::move(judged.decision.reported);
    refused.obligations = std::move(duties);
    judged.decision = std::move(refused);
    judged.detail = std::move(said.detail);
  } else {
    duties.redact.insert(duties.redact.end(), said.redact.begin(), said.redact.end());
    std::sort(duties.redact.begin(), duties.redact.end());
    duties.redact.erase(std::unique(duties.redact.begin(), duties.redact.end()),
                        duties.redact.end());
    if (shows_secret(judged.decision, call, policy))
      judged.decision = Decision::refuse(Reason::secret_blocked);
  }
}

// A policy that came while points were asked or a name was resolved: it judges what streams, and
// this call does not stream yet.
bool Gate::was_overtaken(const Judged& judged, const model::EgressCall& call) const {
  if (!judged.decision.allowed() || settings_.mode != Mode::enforce) return false;
  return !still_allows(call, judged.addresses);
}

// A captured call is dialled where its agent connected to, once that address is known to be one of
// the name's: by our own answers where DNS is ours, else by resolving the name once more.
Task<Result<std::vector<model::IpAddress>>> Gate::addresses_of(const model::EgressCall& call) {
  const auto& host = call.to.host;
  if (!call.original) {
    auto resolved = co_await resolver_.resolve(host);
    co_return resolved;
  }
  std::vector<model::IpAddress> only(1, *call.original);
  bool belongs = host.is_address() ? host.address() == *call.original
                                   : services_.pins.holds(host.text(), *call.original);
  if (!belongs && !host.is_address() && !settings_.answers_dns()) {
    auto resolved = co_await resolver_.resolve(host);
    if (!resolved) co_return resolved;
    const auto& all = resolved.value();
    belongs = std::find(all.begin(), all.end(), *call.original) != all.end();
  }
  if (belongs) co_return only;
  co_return make_error(Origin::downstream, std::string(kMismatch),
                       "the address connected to is not one of the name's");
}

// Every address is judged, not only the first: one bad answer among good ones is rebinding.
void Gate::judge_addresses(Judged& judged, const model::EgressCall& call,
                           const ActivePolicy& policy) const {
  const auto& all = judged.addresses;
  const auto self = std::find_if(all.begin(), all.end(), [&](const model::IpAddress& address) {
    return is_self(address, call.to.port);
  });
  if (self != all.end()) {
    judged.decision = Decision::refuse(Reason::self_connect);
    judged.refused_at = static_cast<std::size_t>(self - all.begin());
  } else if (judged.decision.allowed()) {
    auto at = policy.engine->decide_addresses(call, judged.decision, all);
    judged.decision = std::move(at.decision);
    judged.refused_at = at.at;
  }
}

bool Gate::is_another_listeners(const model::EgressCall& call) const {
  bool guarded = settings_.inside && call.to.host.text() == settings_.inside->host;
  for (const ListenerSettings& one : settings_.listeners) {
    if (!one.upstream || one.upstream->host != call.to.host || one.upstream->port != call.to.port)
      continue;
    if (one.name == call.listener) return false;
    guarded = guarded || !one.upstream_peer.empty();
  }
  return guarded;
}

Task<Gate::Judged> Gate::judge(const model::EgressCall& call, const ActivePolicy& policy) {
  Judged judged;
  if (services_.killed.load()) {
    judged.decision = Decision::refuse(Reason::killed);
    co_return judged;
  }
  const std::int64_t asked = services_.clock.monotonic_nanos();
  judged.decision = policy.engine->decide(call);
  judged.engine_ns = services_.clock.monotonic_nanos() - asked;
  if (judged.decision.allowed() && is_another_listeners(call)) {
    judged.decision = Decision::refuse(Reason::default_deny);
    judged.detail = "only the listener that is made for it leads there";
    if (settings_.mode != Mode::observe) co_return judged;
  }
  if (!judged.decision.allowed() && call.content) judged.detail = call.content->fault;
  const bool goes_on = settings_.mode == Mode::observe ||
                       (settings_.mode == Mode::enforce && judged.decision.allowed());
  if (!goes_on) co_return judged; // a name that may not be called is not even asked for
  if (shows_secret(judged.decision, call, policy)) {
    judged.decision = Decision::refuse(Reason::secret_blocked);
    co_return judged;
  }
  if (judged.decision.allowed() && !judged.decision.obligations.ask.empty()) {
    co_await ask_points(judged, call, policy);
    if (settings_.mode == Mode::enforce && !judged.decision.allowed()) co_return judged;
  }

  auto addresses = co_await addresses_of(call);
  if (!addresses) {
    const auto& error = addresses.error();
    judged.detail = error.detail;
    judged.decision = Decision::refuse(
        error.code == kMismatch ? Reason::original_destination_mismatch : Reason::resolver_failed);
    co_return judged;
  }
  judged.addresses = std::move(addresses.value());
  if (services_.killed.load()) { // while the name was resolved
    judged.decision = Decision::refuse(Reason::killed);
    co_return judged;
  }
  judge_addresses(judged, call, policy);
  co_return judged;
}

// In the same step it is asked and counted; whatever refuses the call after this gives it back. In
// observe a call over a limit goes on, not counted, as enforce would not have let it through.
void Gate::count_against_limits(Judged& judged) const {
  const auto& quotas = judged.decision.obligations.quotas;
  if (quotas.empty() || !judged.decision.allowed() || settings_.mode == Mode::dry_run) return;
  using Binding = limits::Meter::Binding;
  auto asked = services_.ledger.admit(quotas, limits::Instant::of(services_.clock),
                                      settings_.mode == Mode::enforce ? Binding::yes : Binding::no);
  judged.meter = std::move(asked.meter);
  if (!asked.refused) return;
  Decision refused = Decision::refuse(model::reason_of(asked.refused->quota));
  refused.rule_name = asked.refused->rule_name;
  refused.reported = std::move(judged.decision.reported);
  refused.obligations = std::move(judged.decision.obligations);
  judged.decision = std::move(refused);
  judged.detail = asked.refused->text();
  judged.retry_after = asked.refused->retry_after;
}

Task<call::Admission> Gate::admit(model::EgressCall call) {
  const std::int64_t started = services_.clock.monotonic_nanos();
  call.given = given();
  const auto policy = policy_; // the snapshot that admits a call is the one in its record
  Judged judged = co_await judge(call, *policy);
  if (policy != policy_ && was_overtaken(judged, call))
    judged.decision = Decision::refuse(Reason::policy_changed);
  count_against_limits(judged);
  bool admitted = judged.decision.allowed() && settings_.mode != Mode::dry_run;
  if (settings_.mode == Mode::observe && !admitted && !holds_in_observe(judged.decision.reason)) {
    judged.would = model::to_string(judged.decision.verdict);
    admitted = true;
  }

  evidence::DecisionFacts facts;
  facts.call = &call;
  facts.decision = &judged.decision;
  facts.policy_digest = policy->engine->policy().digest;
  facts.engine = to_string(policy->engine->kind());
  facts.mode = to_string(settings_.mode);
  if (!judged.addresses.empty()) {
    const auto& address = judged.addresses.at(judged.refused_at);
    facts.address = address.text();
    facts.address_class = model::to_string(address.classify());
  }
  facts.would = judged.would;
  facts.detail = judged.detail;
  facts.asked = std::move(judged.asked);
  facts.latency_engine_ns = judged.engine_ns;
  facts.latency_gate_ns = services_.clock.monotonic_nanos() - started;
  auto written = evidence::decision_record(settings_.who, facts, policy->everywhere);
  auto receipt = co_await outbox_.append(std::move(written));

  call::Refusal refusal;
  refusal.call_id = call.call_id;
  refusal.detail = judged.detail;
  refusal.retry_after = judged.retry_after;
  if (!receipt) {
    refusal.decision = Decision::refuse(Reason::evidence_unavailable);
    co_return refusal;
  }
  services_.metrics.decided(judged.decision);
  if (!admitted) {
    refusal.decision = settings_.mode == Mode::dry_run
                           ? with_reason(std::move(judged.decision), Reason::dry_run)
                           : std::move(judged.decision);
    co_return refusal;
  }
  auto made = permit(std::move(call), std::move(judged), receipt.value(), policy);
  co_return made;
}

call::Permit Gate::permit(model::EgressCall call, Judged judged, evidence::Receipt receipt,
                          std::shared_ptr<const ActivePolicy> policy) {
  call::PermitFacts facts;
  facts.call = std::move(call);
  // An answer may take its time.
  facts.call.content = content::without_large_tree(facts.call.content);
  facts.policy_digest = policy->engine->policy().digest;
  facts.decision = std::move(judged.decision);
  facts.decision.verdict = Verdict::allow; // observe lets pass what it would have refused
  facts.addresses = std::move(judged.addresses);
  facts.receipt = std::move(receipt);
  // An upstream may echo a login, whatever the mode.
  facts.redact = redacts(facts.decision) || !facts.decision.obligations.credentials.empty();
  facts.credentials = policy->credentials;
  facts.meter = std::move(judged.meter);
  if (facts.meter) facts.meter->keep();
  const std::int64_t opened = services_.clock.monotonic_nanos();
  return call::PermitMaker::make(
      std::move(facts), [this, opened, policy = std::move(policy)](const call::PermitFacts& of,
                                                                   const call::Outcome& how) {
        evidence::OutcomeFacts end;
        end.call = &of.call;
        end.status = how.status;
        end.reason = how.reason;
        end.detail = how.detail;
        end.http_status = how.http_status;
        end.bytes_to_upstream = how.bytes_to_upstream;
        end.bytes_to_downstream = how.bytes_to_downstream;
        end.messages_to_upstream = how.messages_to_upstream;
        end.messages_to_downstream = how.messages_to_downstream;
        end.address = how.address;
        end.tls_version = how.tls_version;
        end.upstream_peer = how.upstream_peer;
        end.request_body_hmac = how.request_body.before;
        end.request_body_hmac_sent = how.request_body.after;
        end.response_body_hmac = how.response_body.before;
        end.response_body_hmac_sent = how.response_body.after;
        end.findings = how.findings;
        end.duration_ns = services_.clock.monotonic_nanos() - opened;
        end.first_byte_ns = how.first_byte_ns;
        end.decision_hash = of.receipt.hash;
        count(how);
        if (!how.credentials.empty()) record_login(of, how, *policy);
        outbox_.append_unwatched(evidence::outcome_record(settings_.who, end, policy->everywhere));
      });
}

void Gate::record_login(const call::PermitFacts& of, const call::Outcome& how,
                        const ActivePolicy& policy) {
  std::string ids;
  for (const auto& id : how.credentials) ids += (ids.empty() ? "" : ",") + id;
  outbox_.append_unwatched(evidence::event_record(settings_.who, "credential_injected",
                                                  {{"call_id", of.call.call_id},
                                                   {"credentials", std::move(ids)},
                                                   {"destination_text", of.call.to.host_port()},
                                                   {"rule_id", of.decision.rule_id}},
                                                  policy.everywhere));
}

void Gate::count(const call::Outcome& how) const {
  auto& metrics = services_.metrics;
  metrics.outcomes[static_cast<std::size_t>(how.status)].add();
  metrics.bytes_to_upstream.add(how.bytes_to_upstream);
  metrics.bytes_to_downstream.add(how.bytes_to_downstream);
  for (const auto& place : how.findings) metrics.findings.add(place.findings.total());
}

Task<bool> Gate::record_event(evidence::Record record) {
  auto receipt = co_await outbox_.append(std::move(record));
  co_return receipt.has_value();
}

Task<call::Refusal> Gate::refuse(call::Refusal why, std::optional<model::EgressCall> call) {
  evidence::DecisionFacts facts;
  facts.call = call ? &*call : nullptr;
  facts.call_id = why.call_id;
  facts.decision = &why.decision;
  facts.policy_digest = policy_->engine->policy().digest;
  facts.mode = to_string(settings_.mode);
  facts.detail = why.detail;
  auto written = evidence::decision_record(settings_.who, facts, policy_->everywhere);
  auto receipt = co_await outbox_.append(std::move(written));
  if (!receipt) why.decision = Decision::refuse(Reason::evidence_unavailable);
  services_.metrics.decided(why.decision);
  co_return why;
}

} // namespace sluice::io
