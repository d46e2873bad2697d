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

ProblemResponse problem_response(const Refusal& refusal, const std::string& run_id,
                                 AfterRefusal after) {
  const model::ReasonRow& row = model::row(refusal.decision.reason);
  const int status = row.status == 0 ? 503 : row.status;
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

  ProblemResponse out;
  out.body = json.take();
  out.body += '\n';
  out.head.status = status;
  out.head.reason = "Refused";
  out.head.fields.add("content-type", "application/problem+json");
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

} // namespace sluice::call
