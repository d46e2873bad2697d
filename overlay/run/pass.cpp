#include "overlay/run/pass.hpp"

#include "overlay/plan/declarative.hpp"
#include "overlay/plan/decode.hpp"
#include "overlay/plan/request.hpp"
#include "overlay/plan/validate.hpp"
#include "overlay/run/helper_programs.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::overlay {
namespace {

constexpr std::size_t kAtOnce = 16; // questions
constexpr std::string_view kInvokeCode = "compiler::overlay_pass_invoke_overlay";
constexpr std::string_view kFrozenCode = "compiler::overlay_pass_frozen";
constexpr std::string_view kCycleCode = "compiler::overlay_pass_invalid_rewritten_scenario";

Diagnostic problem(std::string file, std::string_view code, std::string message,
                   std::string hint = {}) {
  Diagnostic out;
  out.file = std::move(file);
  out.message = std::move(message);
  out.hint = std::move(hint);
  out.code = code;
  return out;
}

class Pass {
 public:
  Pass(const Linked& linked, const PassOptions& options, Diagnostics& out)
      : linked_(linked), options_(options), out_(out) {}

  std::optional<Passed> run() {
    for (const LinkedOverlay& one : linked_.overlays) questions_.push_back(question_of(one));
    answer_from_lock();
    ask_the_rest();
    if (failed_) return std::nullopt;
    std::vector<Application> applications;
    for (Question& one : questions_) {
      if (auto application = application_of(one)) applications.push_back(std::move(*application));
    }
    if (failed_) return std::nullopt;
    return put_together(applications);
  }

 private:
  struct Question {
    const LinkedOverlay* overlay = nullptr;
    Scope scope;
    LockedPlan key;           // without the plan
    std::string request;      // JSON
    std::optional<Json> plan; // from the lock
    std::string answer;       // from the program
  };

  void fail(Diagnostic what) {
    failed_ = true;
    out_.push_back(std::move(what));
  }

  // What a program said is told line by line.
  void fail_in_lines(const std::string& file, std::string_view code, std::string_view detail) {
    const auto first = std::min(detail.find('\n'), detail.size());
    fail(problem(file, code, std::string(detail.substr(0, first))));
    detail.remove_prefix(first);
    while (!detail.empty()) {
      detail.remove_prefix(1);
      const auto end = std::min(detail.find('\n'), detail.size());
      auto line = problem(file, "", std::string(detail.substr(0, end)));
      line.level = Diagnostic::Level::warning;
      if (end > 0) out_.push_back(std::move(line));
      detail.remove_prefix(end);
    }
  }

  Question question_of(const LinkedOverlay& overlay) const {
    Question out;
    out.overlay = &overlay;
    out.scope = scope_of(linked_.scenario, overlay.scope);
    const Json request = request_of(linked_.scenario, out.scope);
    out.request = request.dump();
    out.key.scope = linked_.scenario.at(overlay.scope).moniker;
    out.key.overlay = '#' + overlay.use + '.' + overlay.export_name;
    out.key.place = overlay.position;
    out.key.overlay_digest = overlay.digest;
    out.key.request_digest = request_digest(request);
    return out;
  }

  void answer_from_lock() {
    if (options_.use == LockUse::none) return;
    for (Question& one : questions_) {
      if (one.overlay->declarative) continue;
      if (const Json* plan = options_.lock->find(one.key)) one.plan = *plan;
    }
    if (options_.use == LockUse::frozen) refuse_changes();
  }

  // Whatever is not as the lock has it, an overlay that is gone included.
  void refuse_changes() {
    PlanLock now;
    for (const Question& one : questions_) {
      if (one.overlay->declarative) continue;
      LockedPlan asked = one.key;
      if (one.plan) asked.plan = *one.plan;
      now.add(std::move(asked));
    }
    for (const std::string& what : changes(*options_.lock, now)) {
      fail(problem("overlays", kFrozenCode, what,
                   "make the lock again, without --frozen, and review it"));
    }
  }

  void ask_the_rest() {
    std::set<std::size_t> open;
    for (std::size_t i = 0; i < questions_.size(); ++i) {
      const Question& one = questions_[i];
      if (!one.overlay->declarative && !one.plan) open.insert(i);
    }
    if (failed_ || open.empty()) return;
    auto programs = helper_programs(linked_, open, options_.root_values, out_);
    if (!programs) {
      failed_ = true;
      return;
    }
    auto helpers = Helpers::start(std::move(programs->programs), options_.times);
    if (!helpers) return fail_in_lines("overlays", kStartCode, helpers.error().detail);
    ask_all({open.begin(), open.end()}, programs->of_overlay, *helpers.value());
  }

  void ask_all(const std::vector<std::size_t>& open,
               const std::map<std::size_t, std::size_t>& program, Helpers& helpers) {
    std::vector<Result<std::string>> answers(open.size(), Result<std::string>(std::string()));
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < open.size(); i = next++) {
        answers[i] = helpers.ask(program.at(open[i]), questions_[open[i]].request);
      }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min(open.size(), kAtOnce); ++i) threads.emplace_back(work);
    for (auto& thread : threads) thread.join();
    for (std::size_t i = 0; i < open.size(); ++i) {
      Question& asked = questions_[open[i]];
      if (answers[i]) {
        asked.answer = std::move(answers[i].value());
      } else {
        fail_in_lines(asked.key.scope + ' ' + asked.key.overlay, kInvokeCode,
                      answers[i].error().detail);
      }
    }
  }

  // What the pass knows of configs, for one overlay.
  ConfigChecks checks_of(const LinkedOverlay& overlay) const {
    ConfigChecks out;
    if (overlay.helper) out.root_paths = linked_.uses.at(*overlay.helper).disclosed;
    out.compose = [this, &overlay](const Json& config, const ConfigSchema& schema) {
      std::vector<ConfigFault> faults;
      (void)interposer_config(linked_, overlay.scope, overlay.use, &config, &schema, faults);
      return faults;
    };
    return out;
  }

  std::optional<InterpositionPlan> plan_of(const Question& of) {
    const LinkedOverlay& overlay = *of.overlay;
    if (overlay.declarative) return declared_plan(*overlay.declarative, linked_.scenario, of.scope);
    auto plan = decode_plan(of.plan ? of.plan->dump() : of.answer, overlay.display_name, out_);
    if (!plan) failed_ = true;
    return plan;
  }

  std::optional<Application> application_of(Question& of) {
    const LinkedOverlay& overlay = *of.overlay;
    auto plan = plan_of(of);
    if (!plan) return std::nullopt;
    if (const auto fault = validate_plan(*plan, linked_.scenario, of.scope, checks_of(overlay))) {
      fail(invalid_plan(*fault, of.key.scope, overlay.use));
      return std::nullopt;
    }
    if (!overlay.declarative) {
      of.key.plan = of.plan ? *of.plan : Json::parse(of.answer);
      lock_.add(of.key);
    }
    Application out;
    out.scope = overlay.scope;
    out.overlay = overlay.position;
    out.use = overlay.use;
    out.export_name = overlay.export_name;
    out.overlay_digest = overlay.digest;
    out.request_digest = of.key.request_digest;
    out.plan = std::move(*plan);
    return out;
  }

  std::optional<Passed> put_together(const std::vector<Application>& applications) {
    auto result = rewrite(linked_.scenario, applications);
    for (const RewriteFault& fault : result.faults) {
      fail(problem("overlays", kCycleCode, fault.message,
                   "let the overlay answer with one interposer for each edge"));
    }
    if (failed_) return std::nullopt;
    std::vector<ConfigFault> faults;
    (void)rewritten_configs(linked_, result.rewritten.scenario, faults);
    for (const ConfigFault& fault : faults) {
      fail(problem("overlays", kCycleCode, fault.pointer + ": " + fault.message, fault.hint));
    }
    if (failed_) return std::nullopt;
    return Passed{std::move(result.rewritten), std::move(lock_)};
  }

  const Linked& linked_;
  const PassOptions& options_;
  Diagnostics& out_;
  bool failed_ = false;
  std::vector<Question> questions_; // by overlay
  PlanLock lock_;
};

} // namespace

std::optional<Passed> run_overlays(const Linked& linked, const PassOptions& options,
                                   Diagnostics& out) {
  return Pass(linked, options, out).run();
}

} // namespace sluice::overlay
