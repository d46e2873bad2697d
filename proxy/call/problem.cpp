#include "proxy/call/problem.hpp"

#include "policy/evidence/json_writer.hpp"

namespace sluice::call {
namespace {

std::string detail_text(const Refusal& refusal, const model::ReasonRow& row) {
  std::string text;
  if (!refusal.decision.explanation.empty()) text = refusal.decision.explanation + ". ";
  if (!refusal.detail.empty()) text += refusal.detail + ". ";
  if (!row.remedy.empty())
    text.append("What a person could change: ").append(row.remedy).append(".");
  return text;
}

} // namespace

namespace {

constexpr int kRpcRefused = -32050; // of the range that JSON-RPC leaves to servers (§5.1)

std::string members(const Refusal& refusal, const std::string& run_id, int status) {
  const model::ReasonRow& row = model::row(refusal.decision.reason);
  evidence::JsonWriter json;
  json.begin_object();
  json.key("decision").string(model::to_string(refusal.decision.verdict));
  json.key("decision_id").string(refusal.call_id);
  json.key("detail").string(detail_text(refusal, row));
  json.key("reason_code").string(row.code);
  json.key("retry").string(model::to_string(row.retry));
  json.key("rule_id").string(refusal.decision.rule_id);
  json.key("rule_name").string(refusal.decision.rule_name);
  json.key("run_id").string(run_id);
  json.key("status").integer(status);
  json.key("title").string(row.title);
  json.key("type").string(std::string("urn:sluice:reason:").append(row.code));
  json.end_object();
  return json.take();
}

ProblemResponse answer_of(std::string body, int status, std::string_view type,
                          const Refusal& refusal, AfterRefusal after) {
  const model::ReasonRow& row = model::row(refusal.decision.reason);
  ProblemResponse out;
  out.body = std::move(body);
  out.head.status = status;
  out.head.reason = "Refused";
  out.head.fields.add("content-type", type);
  out.head.fields.add("x-sluice-decision", refusal.call_id);
  out.head.fields.add("cache-control", "no-store");
  if (row.retry == model::Retry::transient) {
    out.head.fields.add("retry-after", std::to_string(refusal.retry_after));
  }
  out.head.framing = wire::BodyFraming::length;
  out.head.content_length = out.body.size();
  out.head.keep_alive = after == AfterRefusal::keep_connection;
  return out;
}

int status_of(const Refusal& refusal) {
  const int status = model::row(refusal.decision.reason).status;
  return status == 0 ? 503 : status;
}

} // namespace

ProblemResponse problem_response(const Refusal& refusal, const std::string& run_id,
                                 AfterRefusal after) {
  const int status = status_of(refusal);
  return answer_of(members(refusal, run_id, status) + '\n', status, "application/problem+json",
                   refusal, after);
}

bool is_rpc_error(model::Reason reason) noexcept {
  const int status = model::row(reason).status;
  return status == 403 || status == 429;
}

ProblemResponse rpc_response(const Refusal& refusal, const std::string& run_id, AfterRefusal after,
                             const std::vector<std::string>& ids, bool batch, RpcForm form) {
  const model::ReasonRow& row = model::row(refusal.decision.reason);
  evidence::JsonWriter said;
  said.string(std::string(row.title) + ". " + detail_text(refusal, row));
  const std::string error = "{\"error\":{\"code\":" + std::to_string(kRpcRefused) +
                            ",\"data\":" + members(refusal, run_id, status_of(refusal)) +
                            ",\"message\":" + said.take() + "},\"id\":";
  std::string body;
  for (const std::string& id : ids) {
    if (!body.empty()) body += ',';
    body.append(error).append(id).append(",\"jsonrpc\":\"2.0\"}");
  }
  if (batch) body = '[' + body + ']';
  if (form == RpcForm::events)
    return answer_of("data: " + body + "\n\n", 200, "text/event-stream", refusal, after);
  return answer_of(body + '\n', 200, "application/json", refusal, after);
}

} // namespace sluice::call
