#include "proxy/io/decision_point.hpp"

#include <algorithm>
#include <utility>

namespace sluice::io {
namespace {

using model::Reason;

constexpr std::size_t kMostOpenQuestions = 256; // of one worker
constexpr std::size_t kMostPoints = 8;          // of one call

void take_packs(const std::vector<std::string>& packs, std::vector<std::string>& out) {
  out.insert(out.end(), packs.begin(), packs.end());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

// For people, of whoever did not say yes: which kind, where, and not its path.
std::string said_by(const model::DecisionPoint& point, const std::string& what) {
  const auto& to = point.where.to;
  return std::string(to_string(point.kind)) + ' ' + std::string(to_string(to.scheme)) + "://" +
         to.authority() + (what.empty() ? "" : ": " + what);
}

Error no_answer(std::string why) {
  return make_error(Origin::upstream, "point_failed", std::move(why));
}

} // namespace

DecisionPoints::DecisionPoints(const Executor& executor, const SharedServices& services,
                               ServiceClient::Ways ways, ServiceClient::Bounds bounds)
    : services_(services), client_(executor, ways, std::move(bounds)) {}

Task<PointsSaid> DecisionPoints::ask(const model::EgressCall& call,
                                     const model::Obligations& duties, const ActivePolicy& policy,
                                     const evidence::RunIdentity& who) {
  const auto& points = duties.ask;
  PointsSaid all;
  if (points.size() > kMostPoints) {
    all.rule_id = points.front()->rule_id;
    all.rule_name = points.front()->rule_name;
    all.detail = "more than 8 decision points for one call";
    co_return all;
  }
  const call::AskedBy by{who, policy.engine->policy().digest, duties.redacts("pii"),
                         policy.everywhere};
  for (const auto& point : points) {
    PointsSaid one = co_await ask_one(*point, call, by);
    take_packs(one.redact, all.redact);
    all.asked.insert(all.asked.end(), one.asked.begin(), one.asked.end());
    if (one.reason == Reason::none) continue;
    one.redact = std::move(all.redact);
    one.asked = std::move(all.asked);
    co_return one;
  }
  all.reason = Reason::none;
  co_return all;
}

// Allowed is what is allowed however the server reads the path, as it is for rules.
Task<PointsSaid> DecisionPoints::ask_one(const model::DecisionPoint& point,
                                         const model::EgressCall& call, const call::AskedBy& by) {
  PointsSaid out;
  out.rule_id = point.rule_id;
  out.rule_name = point.rule_name;
  std::vector<std::string_view> readings(1, call.path);
  readings.insert(readings.end(), call.other_paths.begin(), call.other_paths.end());
  for (const auto path : readings) {
    Asked got = co_await verdict_of(point, call, path, by);
    const bool failed = !got.verdict;
    const bool yes = !failed && got.verdict.value().allowed;
    const std::string word = failed ? "failed" : yes ? "yes" : "no";
    out.asked.push_back(point.rule_id + ' ' + std::string(to_string(point.kind)) + ' ' + word +
                        (got.cached ? ", cached" : ""));
    if (yes) {
      take_packs(got.verdict.value().redact, out.redact);
      continue;
    }
    out.reason = failed ? Reason::decision_point_failed : Reason::decision_point_denied;
    out.detail = said_by(point, failed ? got.verdict.error().detail : got.verdict.value().reason);
    co_return out;
  }
  out.reason = Reason::none;
  co_return out;
}

Task<DecisionPoints::Asked> DecisionPoints::verdict_of(const model::DecisionPoint& point,
                                                       const model::EgressCall& call,
                                                       std::string_view path,
                                                       const call::AskedBy& by) {
  auto question = call::make_question(point, call, path, by);
  if (!question) co_return Asked{question.error()};
  auto& asked = question.value();
  if (auto known = cache_.find(asked.key, services_.clock.monotonic_nanos()))
    co_return Asked{std::move(*known), true};
  // Also those that nobody waits for any more: an agent must not open them without end.
  if (client_.under_way() >= kMostOpenQuestions)
    co_return Asked{no_answer("too many questions are open")};
  ServiceRequest request{point.where.to, std::move(asked.head), std::move(asked.body)};
  auto answer = co_await client_.ask(std::move(request), point.deadline);
  if (!answer) {
    const auto& error = answer.error();
    const bool late = error.code == kServiceLate;
    auto why =
        late ? "no answer in " + std::to_string(point.deadline.count()) + " ms" : error.detail;
    co_return Asked{no_answer(std::move(why))};
  }
  const auto& said = answer.value();
  auto verdict = call::read_verdict(point.kind, said.status, said.fields, said.body);
  if (verdict) {
    auto now = services_.clock.monotonic_nanos();
    cache_.put(std::move(asked.key), verdict.value(), point.cache, now);
  }
  co_return Asked{std::move(verdict)};
}

} // namespace sluice::io
