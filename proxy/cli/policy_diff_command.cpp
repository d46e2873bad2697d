// sluice policy diff
#include "policy/base/printable.hpp"
#include "policy/engine/policy_diff.hpp"
#include "proxy/cli/asked_call.hpp"
#include "proxy/cli/policy_author.hpp"

#include <iostream>
#include <memory>
#include <string>

namespace sluice::cli {
namespace {

using engine::Change;

struct DiffOptions {
  std::string a, b;
};

std::string_view title_of(Change change) {
  switch (change) {
  case Change::newly_allowed: return "newly allowed";
  case Change::newly_needs_approval: return "newly needs approval";
  case Change::newly_blocked: return "newly blocked";
  case Change::loosened: return "loosened";
  case Change::tightened: return "tightened";
  case Change::changed: break;
  }
  return "changed: look whether you mean it";
}

Json judged_json(const model::Decision& decision) {
  return {{"decision", model::to_string(decision.verdict)},
          {"rule_id", decision.rule_id},
          {"rule_name", decision.rule_name},
          {"reason_code", model::row(decision.reason).code}};
}

std::string judged_text(const model::Decision& decision) {
  return std::string(model::to_string(decision.verdict)) + ' ' + decision.rule_id +
         (decision.rule_name.empty() ? "" : " (" + decision.rule_name + ")");
}

Json calls_json(const engine::PolicyDiff& diff) {
  Json out = Json::array();
  for (const auto& one : diff.calls) {
    Json change = {{"change", to_string(one.change)}};
    change.update(asked_json(one.call));
    change["before"] = judged_json(one.before);
    change["after"] = judged_json(one.after);
    change["what"] = one.what;
    out.push_back(std::move(change));
  }
  return out;
}

Json settings_json(const engine::PolicyDiff& diff) {
  Json out = Json::array();
  for (const auto& one : diff.settings)
    out.push_back({{"change", to_string(one.change)}, {"what", one.what}});
  return out;
}

std::string call_text(const engine::CallChange& one, engine::ShowTime time) {
  const auto how = engine::circumstances_of(one.call, time);
  std::string out = "  " + engine::method_of(one.call) + ' ' + engine::url_of(one.call) +
                    (how.empty() ? "" : "  (" + how + ")") + "\n    " + judged_text(one.before) +
                    " -> " + judged_text(one.after) + '\n';
  for (const auto& what : one.what) out += "    " + what + '\n';
  return out;
}

std::string section_text(const engine::PolicyDiff& diff, Change change) {
  std::string out;
  for (const auto& one : diff.calls) {
    if (one.change == change) out += call_text(one, diff.times);
  }
  for (const auto& one : diff.settings) {
    if (one.change == change) out += "  " + one.what + '\n';
  }
  return out.empty() ? "" : std::string(title_of(change)) + '\n' + out;
}

std::string text_of(const engine::PolicyDiff& diff, const Diagnostics& overrides) {
  if (diff.same) return "the two mean the same\n";
  std::string out;
  for (const Change change : {Change::newly_allowed, Change::loosened, Change::newly_needs_approval,
                              Change::newly_blocked, Change::tightened, Change::changed}) {
    out += section_text(diff, change);
  }
  if (!overrides.empty()) out += "says override\n";
  for (const auto& one : overrides)
    out += "  " + printable(one.file) + ':' + std::to_string(one.line) + ": " + one.pointer + '\n';
  if (out.empty()) out = "no difference was found, but the digests are different\n";
  return out + "found by " + std::to_string(diff.sweep.calls) +
         " example calls; what none of them shows is not listed\n";
}

int diff(const Output& out, const DiffOptions& options) {
  const auto a = engine::load_policy_file(options.a);
  if (!a.snapshot) return out.fail(a.diagnostics);
  const auto b = engine::load_policy_file(options.b);
  if (!b.snapshot) return out.fail(b.diagnostics);
  const auto found = engine::diff_policies(a.snapshot, b.snapshot);
  Json overrides = Json::array();
  for (const auto& one : b.overrides)
    overrides.push_back({{"file", one.file}, {"line", one.line}, {"pointer", one.pointer}});
  const auto side = [](const std::string& file, const engine::Snapshot& policy) {
    return Json{{"file", file}, {"digest", policy.digest}};
  };
  out.print({{"before", side(options.a, *a.snapshot)},
             {"after", side(options.b, *b.snapshot)},
             {"same", found.same},
             {"calls", calls_json(found)},
             {"settings", settings_json(found)},
             {"overrides", std::move(overrides)},
             {"examples_tried", found.sweep.calls},
             {"all_combinations", found.sweep.all}},
            text_of(found, b.overrides));
  return kDone;
}

} // namespace

void add_policy_diff_command(CLI::App& group, Program& program) {
  auto options = std::make_shared<DiffOptions>();
  auto* verb = add_verb(group, program, "diff",
                        "what policy B allows, blocks, loosens and tightens, each by a call",
                        "sluice policy diff policy.yaml new.yaml",
                        [options](const Output& out) { return diff(out, *options); });
  verb->add_option("A", options->a, "the policy as it is")->required();
  verb->add_option("B", options->b, "the policy as it would be")->required();
}

} // namespace sluice::cli
