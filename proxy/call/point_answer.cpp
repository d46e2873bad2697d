#include "proxy/call/point_answer.hpp"

#include "policy/base/json.hpp"
#include "policy/base/printable.hpp"

#include <algorithm>
#include <utility>

namespace sluice::call {
namespace {

constexpr JsonLimits kAnswerLimits = {32, 4096};

using Kind = model::DecisionPoint::Kind;

constexpr std::size_t kMostReason = 200;

Error point_lied(std::string what) {
  return make_error(Origin::upstream, "point_lied", std::move(what));
}

bool is_boolean(const Node* node) {
  return node != nullptr && node->kind == Node::Kind::boolean;
}

Result<> add_pack(std::string_view pack, PointVerdict& out) {
  if (pack != "secrets" && pack != "pii") return point_lied("it redacts what there is not");
  auto& all = out.redact;
  const auto place = std::lower_bound(all.begin(), all.end(), pack);
  if (place == all.end() || *place != pack) all.emplace(place, pack);
  return success();
}

Result<> read_redact(const Node& object, PointVerdict& out) {
  const Node* redact = object.find("redact");
  if (redact == nullptr) return success();
  if (!redact->is_list()) return point_lied("its redact is no list");
  for (const Node& one : redact->items) {
    if (one.kind != Node::Kind::string) return point_lied("its redact is no list of words");
    SLUICE_TRY(add_pack(one.text, out));
  }
  return success();
}

void take_reason(std::string_view said, PointVerdict& out) {
  out.reason = printable(said.substr(0, kMostReason));
}

Result<PointVerdict> read_opa(const Node& answer) {
  const Node* result = answer.find("result"); // OPA leaves it out where a rule is undefined
  if (result == nullptr) return point_lied("it answered without a result");
  PointVerdict out;
  if (is_boolean(result)) {
    out.allowed = result->boolean;
    return out;
  }
  const Node* allow = result->find("allow");
  if (!is_boolean(allow)) return point_lied("its result says neither yes nor no");
  out.allowed = allow->boolean;
  SLUICE_TRY(read_redact(*result, out));
  if (const Node* reason = result->find("reason"); reason != nullptr) {
    if (reason->kind != Node::Kind::string) return point_lied("its reason is no text");
    take_reason(reason->text, out);
  }
  return out;
}

Result<PointVerdict> read_authzen(const Node& answer) {
  const Node* decision = answer.find("decision");
  if (!is_boolean(decision)) return point_lied("its decision says neither yes nor no");
  PointVerdict out;
  out.allowed = decision->boolean;
  const Node* context = answer.find("context");
  if (context == nullptr) return out;
  if (!context->is_map()) return point_lied("its context is no object");
  SLUICE_TRY(read_redact(*context, out));
  // What else stands there is between its author and its reader.
  const Node* reason = context->find("reason");
  if (reason != nullptr && reason->kind == Node::Kind::string) take_reason(reason->text, out);
  return out;
}

Result<PointVerdict> read_check(int status, const wire::Fields& fields) {
  if (status >= 500) return point_lied("it answered " + std::to_string(status));
  PointVerdict out;
  out.allowed = status == 200;
  out.reason = out.allowed ? "" : "it answered " + std::to_string(status);
  const std::string packs = fields.joined("x-sluice-redact");
  for (std::string_view rest = packs; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    std::string_view one = rest.substr(0, end);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    SLUICE_TRY(add_pack(one, out));
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return out;
}

} // namespace

Result<PointVerdict> read_verdict(Kind kind, int status, const wire::Fields& fields,
                                  std::string_view body) {
  if (kind == Kind::ext_authz_http) return read_check(status, fields);
  if (status != 200) return point_lied("it answered " + std::to_string(status));
  const auto answer = read_json(body, kAnswerLimits);
  if (!answer || !answer.value().is_map()) return point_lied("its answer is no JSON object");
  return kind == Kind::opa ? read_opa(answer.value()) : read_authzen(answer.value());
}

} // namespace sluice::call
