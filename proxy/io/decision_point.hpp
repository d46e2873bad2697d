// Asks the decision points that the rules of an allowed call name, on the worker's own executor:
// all must say yes, within their deadlines, in an answer that can be read in one way. Everything
// else is a no. Never widens what the engine decided, never remembers a failure, never lets an
// agent have more than a bounded number of questions open.
// Tested by tests/e2e/test_decision_points.py.
#pragma once

#include "policy/model/decision.hpp"
#include "policy/model/egress_call.hpp"
#include "proxy/call/point_answer.hpp"
#include "proxy/call/point_question.hpp"
#include "proxy/call/verdict_cache.hpp"
#include "proxy/io/interrupt.hpp"
#include "proxy/io/service_client.hpp"
#include "proxy/io/services.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/task.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::io {

struct PointsSaid {
  model::Reason reason = model::Reason::decision_point_failed; // none: all said yes
  std::string rule_id, rule_name;                              // of the first that did not
  std::string detail;
  std::vector<std::string> redact; // packs, besides what the rules redact
  std::vector<std::string> asked;  // for the record: each and what it said
};

class DecisionPoints { // one per worker
 public:
  DecisionPoints(const Executor& executor, const SharedServices& services, ServiceClient::Ways ways,
                 ServiceClient::Bounds bounds);

  // One after the other, up to the first that does not say yes. What is passed outlives the task.
  Task<PointsSaid> ask(const model::EgressCall& call, const model::Obligations& duties,
                       const ActivePolicy& policy, const evidence::RunIdentity& who);
  void close_idle(Time now) { client_.close_idle(now); }

 private:
  struct Asked {
    Result<call::PointVerdict> verdict;
    bool cached = false;
  };
  Task<PointsSaid> ask_one(const model::DecisionPoint& point, const model::EgressCall& call,
                           const call::AskedBy& by);
  Task<Asked> verdict_of(const model::DecisionPoint& point, const model::EgressCall& call,
                         std::string_view path, const call::AskedBy& by);

  const SharedServices& services_;
  ServiceClient client_;
  call::VerdictCache cache_;
};

} // namespace sluice::io
