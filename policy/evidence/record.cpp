#include "policy/evidence/record.hpp"

#include "policy/evidence/payload.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

namespace sluice::evidence {
namespace {

using Rules = std::shared_ptr<const redact::RuleSet>;

// What was done with the call. In observe mode that is not what was judged: `would` says that.
model::Verdict done_with(const DecisionFacts& facts) noexcept {
  return facts.would.empty() ? facts.decision->verdict : model::Verdict::allow;
}

std::string_view decision_event(model::Verdict verdict) noexcept {
  switch (verdict) {
  case model::Verdict::allow: return "egress_allowed";
  case model::Verdict::require_approval: return "approval_required";
  case model::Verdict::block: break;
  }
  return "policy_denied";
}

// Both bounds together keep any list far below what a record may weigh.
void text_list(Payload& out, std::string_view key, const std::vector<std::string>& items) {
  out.begin_array(key);
  const std::size_t shown = std::min(items.size(), kMaxListItems);
  for (std::size_t i = 0; i < shown; ++i) out.text_item(items[i]);
  if (shown < items.size()) out.text_item("+" + std::to_string(items.size() - shown) + " more");
  out.end_array();
}

void destination(Payload& out, const DecisionFacts& facts) {
  if (facts.call == nullptr) {
    out.null("destination").word("destination_text", "");
    return;
  }
  const model::Destination& to = facts.call->to;
  out.begin_object("destination")
      .text("address", facts.address)
      .text("address_class", facts.address_class)
      .text("host", to.host.text())
      .integer("port", to.port)
      .word("scheme", to_string(to.scheme))
      .text("sni", facts.call->sni)
      .end_object()
      .text("destination_text", to.host_port());
}

void limit(Payload& out, std::string_view key, const std::optional<std::uint64_t>& bytes) {
  if (bytes) {
    out.count(key, *bytes);
  } else {
    out.null(key);
  }
}

void limits(Payload& out, const model::Quotas& quotas) {
  using enum model::Quota;
  constexpr std::array kBeforeRule = {bytes_per_day, requests_per_day, requests_per_hour,
                                      requests_per_minute};
  const auto one_limit = [&out](const model::RuleQuotas& of, model::Quota quota) {
    const auto& number = of.limits[static_cast<std::size_t>(quota)];
    if (number) out.count(to_string(quota), *number);
  };
  out.begin_array("limits");
  for (std::size_t i = 0; i < std::min(quotas.size(), kMaxListItems); ++i) {
    out.begin_object();
    for (const model::Quota quota : kBeforeRule) one_limit(*quotas[i], quota);
    out.word("rule_id", quotas[i]->rule_id);
    one_limit(*quotas[i], tokens_per_day);
    out.end_object();
  }
  out.end_array();
}

void obligations(Payload& out, const model::Obligations& duties) {
  out.begin_object("obligations");
  if (!duties.ask.empty()) {
    std::vector<std::string> points;
    for (const auto& one : duties.ask) points.push_back(one->rule_id + ' ' + one->text());
    text_list(out, "ask", points);
  }
  limit(out, "byte_limit", duties.byte_limit);
  if (!duties.credentials.empty()) text_list(out, "credentials", duties.credentials);
  if (!duties.quotas.empty()) limits(out, duties.quotas);
  out.boolean("private_addresses", duties.private_addresses);
  text_list(out, "redact", duties.redact);
  limit(out, "request_body_limit", duties.request_body_limit);
  if (!duties.restore.empty()) text_list(out, "restore", duties.restore);
  out.word("tls", to_string(duties.tls)).end_object();
}

void reported(Payload& out, const std::vector<model::Reported>& all) {
  out.begin_array("reported");
  for (std::size_t i = 0; i < std::min(all.size(), kMaxListItems); ++i) {
    out.begin_object()
        .text("rule_id", all[i].rule_id, kMaxListText)
        .word("verdict", to_string(all[i].verdict))
        .end_object();
  }
  out.end_array().count("reported_count", all.size());
}

// Where there was no body there is no digest.
void body_digests(Payload& out, const OutcomeFacts& facts) {
  out.begin_object("body_hmac");
  for (const auto& [key, value] : {std::pair("request", &facts.request_body_hmac),
                                   std::pair("request_sent", &facts.request_body_hmac_sent),
                                   std::pair("response", &facts.response_body_hmac),
                                   std::pair("response_sent", &facts.response_body_hmac_sent)}) {
    if (!value->empty()) out.digest(key, *value);
  }
  out.end_object();
}

void findings(Payload& out, const std::vector<LocatedFindings>& located) {
  std::size_t shown = 0;
  std::uint64_t total = 0;
  out.begin_array("findings");
  for (const LocatedFindings& place : located) {
    total += place.findings.total();
    for (const redact::Finding& one : place.findings.all()) {
      if (++shown > kMaxListItems) break;
      out.begin_object();
      if (one.action != redact::Action::mask) out.word("action", to_string(one.action));
      out.count("count", one.count)
          .text("direction", place.direction, kMaxListText)
          .text("fingerprint", one.fingerprint, kMaxListText)
          .text("location", place.location, kMaxListText)
          .text("rule", one.rule, kMaxListText)
          .end_object();
    }
  }
  // The total also counts what did not fit into the list.
  out.end_array().count("findings_total", total);
}

// Only where there is something to say: most calls have to do with no other sidecar.
void optional_text(Payload& out, std::string_view key, const std::string& value) {
  if (!value.empty()) out.text(key, value, kMaxLongText);
}

} // namespace

Record decision_record(const RunIdentity& who, const DecisionFacts& facts, const Rules& rules) {
  const model::Decision& decision = *facts.decision;
  const model::EgressCall* call = facts.call;
  const model::ReasonRow& why = model::row(decision.reason);
  const std::string& call_id = call != nullptr ? call->call_id : facts.call_id;

  // Raw TCP has no method, path or query: the keys are left out, not empty.
  const bool is_http = call != nullptr && call->protocol != model::Protocol::tcp;
  const model::Verdict verdict = done_with(facts);
  Payload out(rules);
  out.text("agent_id", who.agent_id);
  if (!facts.asked.empty()) text_list(out, "asked", facts.asked);
  out.text("call_id", call_id).word("decision", to_string(verdict)).text("decision_id", call_id);
  destination(out, facts);
  out.said("detail", facts.detail, kMaxLongText).word("engine", facts.engine);
  const model::Chain chain = call != nullptr ? call->chain : model::Chain();
  if (chain.hops > 0 || !chain.peer.empty()) out.count("hops", chain.hops);
  if (verdict != model::Verdict::allow) out.integer("http_status", why.status);
  out.begin_object("latency_ns")
      .integer("engine", facts.latency_engine_ns)
      .integer("gate", facts.latency_gate_ns)
      .end_object()
      .text("listener", call != nullptr ? call->listener : facts.listener);
  if (is_http) out.text("method", call->method);
  out.text("mode", facts.mode);
  obligations(out, decision.obligations);
  const auto operations =
      call != nullptr && call->content ? describe(*call->content) : std::string();
  if (!operations.empty()) out.said("operations", operations, kMaxLongText);
  optional_text(out, "parent_call_id", chain.parent_call_id);
  if (is_http) out.said("path", call->path, kMaxLongText);
  optional_text(out, "peer", chain.peer);
  out.digest("policy_digest", facts.policy_digest);
  if (call != nullptr) out.word("protocol", to_string(call->protocol));
  if (is_http) text_list(out, "query_keys", call->query_keys);
  out.text("reason", decision.explanation.empty() ? why.title : decision.explanation, kMaxLongText)
      .word("reason_code", why.code);
  reported(out, decision.reported);
  out.text("rule_id", decision.rule_id)
      .text("rule_name", decision.rule_name)
      .text("run_id", who.run_id)
      .text("session_id", who.session_id)
      .word("severity", to_string(decision.severity));
  optional_text(out, "upstream_peer", chain.upstream_peer);
  out.text("would", facts.would);
  return {std::string(decision_event(verdict)), out.take()};
}

std::string_view to_string(OutcomeStatus status) noexcept {
  switch (status) {
  case OutcomeStatus::succeeded: return "succeeded";
  case OutcomeStatus::blocked: return "blocked";
  case OutcomeStatus::interrupted: return "interrupted";
  case OutcomeStatus::failed: break;
  }
  return "failed";
}

Record outcome_record(const RunIdentity& who, const OutcomeFacts& facts, const Rules& rules) {
  const model::EgressCall& call = *facts.call;
  Payload out(rules);
  out.text("address", facts.address).text("agent_id", who.agent_id);
  body_digests(out, facts);
  out.count("bytes_to_downstream", facts.bytes_to_downstream)
      .count("bytes_to_upstream", facts.bytes_to_upstream)
      .text("call_id", call.call_id)
      .digest("decision_hash", facts.decision_hash)
      .text("decision_id", call.call_id)
      .text("destination_text", call.to.host_port())
      .said("detail", facts.detail, kMaxLongText)
      .integer("duration_ns", facts.duration_ns);
  findings(out, facts.findings);
  out.integer("first_byte_ns", facts.first_byte_ns)
      .integer("http_status", facts.http_status)
      .text("listener", call.listener);
  if (call.protocol == model::Protocol::websocket) {
    out.count("messages_to_downstream", facts.messages_to_downstream)
        .count("messages_to_upstream", facts.messages_to_upstream);
  }
  out.word("protocol", to_string(call.protocol))
      .word("reason_code", model::row(facts.reason).code)
      .text("run_id", who.run_id)
      .text("session_id", who.session_id)
      .word("status", to_string(facts.status))
      .text("tls_version", facts.tls_version);
  optional_text(out, "upstream_peer", facts.upstream_peer);
  const bool error =
      facts.status == OutcomeStatus::failed || facts.status == OutcomeStatus::interrupted;
  return {error ? "egress_error" : "egress_outcome", out.take()};
}

Record event_record(const RunIdentity& who, std::string event_type, std::vector<EventField> fields,
                    const Rules& rules) {
  for (EventField& field : fields) {
    for (char& c : field.key) {
      const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
      if (!safe) c = '_';
    }
  }
  // Ours go first, so that after a stable sort a field of the caller's with the same name is the
  // one that is dropped: identity cannot be planted.
  std::vector<EventField> all{
      {"agent_id", who.agent_id}, {"run_id", who.run_id}, {"session_id", who.session_id}};
  all.insert(all.end(), std::make_move_iterator(fields.begin()),
             std::make_move_iterator(fields.end()));
  const auto by_key = [](const EventField& a, const EventField& b) { return a.key < b.key; };
  const auto same_key = [](const EventField& a, const EventField& b) { return a.key == b.key; };
  std::stable_sort(all.begin(), all.end(), by_key);
  all.erase(std::unique(all.begin(), all.end(), same_key), all.end());

  Payload out(rules);
  for (const EventField& field : all) {
    if (field.key.ends_with("digest") || field.key.ends_with("sha256") ||
        field.key.ends_with("hash")) {
      out.digest(field.key, field.value);
    } else {
      out.text(field.key, field.value, kMaxLongText);
    }
  }
  return {std::move(event_type), out.take()};
}

} // namespace sluice::evidence
