#include "proxy/runtime/admin_routes.hpp"

#include "policy/evidence/json_writer.hpp"
#include "proxy/runtime/runtime.hpp"

#include <array>
#include <utility>

namespace sluice::runtime {
namespace {

using evidence::JsonWriter;
using io::AdminAnswer;
using io::AdminRequest;

AdminAnswer fail(int status, std::string_view code, std::string_view message) {
  JsonWriter json;
  json.begin_object().key("error").begin_object();
  json.key("code").string(code).key("message").string(message).end_object();
  json.key("schema_version").string("1").end_object();
  return {status, "application/json", json.take()};
}

AdminAnswer health(Runtime&) {
  return {200, "text/plain; charset=utf-8", "ok"};
}

AdminAnswer readiness(Runtime& runtime) {
  const auto gauges = runtime.gauges();
  std::string why;
  if (!gauges.evidence_healthy) why = "the evidence log cannot be written";
  if (gauges.killed) why = "the kill switch is on";
  if (gauges.draining) why = "draining";
  if (why.empty()) return {200, "text/plain; charset=utf-8", "ready"};
  return {503, "text/plain; charset=utf-8", why};
}

AdminAnswer metrics(Runtime& runtime) {
  return {200, "text/plain; version=0.0.4; charset=utf-8",
          metrics_text(runtime.metrics(), runtime.gauges())};
}

void limits_into(JsonWriter& json, const std::vector<limits::Ledger::Use>& uses) {
  json.key("limits").begin_array();
  for (const auto& one : uses) {
    json.begin_object().key("limit").string(to_string(one.quota));
    json.key("most").integer(static_cast<std::int64_t>(one.limit));
    json.key("resets_in").integer(one.resets_in).key("rule_id").string(one.rule_id);
    json.key("rule_name").string(one.rule_name);
    json.key("used").integer(static_cast<std::int64_t>(one.used)).end_object();
  }
  json.end_array();
}

AdminAnswer status(Runtime& runtime) {
  const auto gauges = runtime.gauges();
  JsonWriter json;
  json.begin_object().key("agent_id").string(runtime.settings().who.agent_id);
  json.key("connections").integer(static_cast<std::int64_t>(gauges.connections));
  json.key("draining").boolean(gauges.draining);
  json.key("evidence_healthy").boolean(gauges.evidence_healthy);
  json.key("killed").boolean(gauges.killed);
  limits_into(json, runtime.limits_in_use());
  json.key("listeners").begin_array();
  for (const auto& one : runtime.listeners()) {
    json.begin_object().key("address").string(one.address).key("kind").string(one.kind);
    json.key("name").string(one.name).end_object();
  }
  json.end_array().key("mode").string(io::to_string(runtime.settings().mode));
  json.key("policy_digest").string(runtime.policy_digest());
  json.key("run_id").string(runtime.settings().who.run_id).key("schema_version").string("1");
  json.key("version").string(SLUICE_VERSION).end_object();
  return {200, "application/json", json.take()};
}

AdminAnswer reload(Runtime& runtime) {
  const auto problems = runtime.reload();
  JsonWriter json;
  json.begin_object().key("diagnostics").begin_array();
  for (const auto& one : problems) json.string(format(one));
  json.end_array().key("policy_digest").string(runtime.policy_digest());
  json.key("reloaded")
      .boolean(!has_errors(problems))
      .key("schema_version")
      .string("1")
      .end_object();
  return {has_errors(problems) ? 422 : 200, "application/json", json.take()};
}

AdminAnswer drain(Runtime& runtime) {
  runtime.ask_to_stop();
  return {202, "application/json", R"({"draining":true,"schema_version":"1"})"};
}

AdminAnswer kill(Runtime& runtime) {
  if (runtime.kill("admin")) {
    return {200, "application/json", R"({"killed":true,"schema_version":"1"})"};
  }
  return fail(503, "evidence_unavailable", "egress is stopped, but the order is not on record");
}

AdminAnswer resume(Runtime& runtime) {
  if (runtime.resume("admin")) {
    return {200, "application/json", R"({"killed":false,"schema_version":"1"})"};
  }
  return fail(503, "evidence_unavailable", "egress stays stopped: the order is not on record");
}

struct Route {
  std::string_view method, path;
  AdminAnswer (*answer)(Runtime&);
};
constexpr std::array kRoutes = {
    Route{"GET", "/healthz", health},    Route{"GET", "/readyz", readiness},
    Route{"GET", "/metrics", metrics},   Route{"GET", "/v1/status", status},
    Route{"POST", "/v1/reload", reload}, Route{"POST", "/v1/drain", drain},
    Route{"POST", "/v1/kill", kill},     Route{"POST", "/v1/resume", resume}};

} // namespace

AdminAnswer answer_admin(Runtime& runtime, const AdminRequest& request) {
  bool known = false;
  for (const auto& route : kRoutes) {
    if (route.path != request.path) continue;
    known = true;
    if (route.method != request.method) continue;
    if (route.method != "GET" && !request.may_change) {
      return fail(403, "read_only", "orders are taken on the Unix socket only");
    }
    return route.answer(runtime);
  }
  if (known) return fail(405, "method_not_allowed", "this path has another method");
  return fail(404, "not_found", "there is nothing at this path");
}

} // namespace sluice::runtime
