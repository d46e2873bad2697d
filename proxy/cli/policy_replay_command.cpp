// sluice policy replay
#include "policy/base/printable.hpp"
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/explain.hpp"
#include "policy/engine/witness_calls.hpp"
#include "policy/evidence/query.hpp"
#include "proxy/cli/asked_call.hpp"
#include "proxy/cli/evidence_records.hpp"
#include "proxy/cli/evidence_support.hpp"
#include "proxy/cli/policy_author.hpp"
#include "proxy/cli/recorded_call.hpp"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::cli {
namespace {

using model::Decision;

struct ReplayOptions {
  std::string file;
  std::string since, until, run, agent;
};

struct Judged { // one side of a change
  model::Verdict verdict = model::Verdict::block;
  std::string rule_id, rule_name;
  auto key() const { return std::tie(verdict, rule_id, rule_name); }
  bool operator<(const Judged& other) const { return key() < other.key(); }
};

struct Group { // of decisions that change in the same way
  std::uint64_t count = 0;
  std::string call_id; // of the first
  Json asked;
  std::string how; // in words
};

// Records one after the other, by a policy they were not made under.
class Replay {
 public:
  Replay(std::shared_ptr<const engine::Snapshot> policy, const std::string& directory)
      : reference_(policy), compiled_(std::move(policy)), reader_(directory) {}

  void judge(const evidence::Line& line) {
    if (!RecordReader::is_decision(line)) return;
    ++decisions_;
    std::string why;
    const auto recorded = reader_.read(line, why);
    if (!recorded) {
      ++left_out_[why];
      return;
    }
    if (asks_for_fields(recorded->call)) {
      ++left_out_["a rule asks for its body, or for a header, a parameter or a content type"];
      return;
    }
    const auto decision = decide(*recorded);
    const bool unresolved = !recorded->address && !recorded->call.to.host.is_address();
    if (unresolved && decision.allowed() && reference_.policy().asks_for_class) {
      ++left_out_["its name was not resolved, and the policy asks for classes of addresses"];
      return;
    }
    if (decision.verdict == recorded->verdict) {
      ++same_;
      return;
    }
    const auto& call = recorded->call;
    Group& group = changes_[{{recorded->verdict, recorded->rule_id, recorded->rule_name},
                             {decision.verdict, decision.rule_id, decision.rule_name}}];
    if (group.count++ == 0)
      group = {1, call.call_id, asked_json(call),
               engine::circumstances_of(call, engine::ShowTime::no)};
  }

  Json json() const {
    Json changes = Json::array(), left_out = Json::array();
    const auto side = [](const Judged& one) {
      return Json{{"decision", model::to_string(one.verdict)},
                  {"rule_id", one.rule_id},
                  {"rule_name", one.rule_name}};
    };
    for (const auto& [key, group] : changes_) {
      Json example = {{"call_id", group.call_id}};
      example.update(group.asked);
      changes.push_back({{"before", side(key.first)},
                         {"after", side(key.second)},
                         {"count", group.count},
                         {"example", std::move(example)}});
    }
    for (const auto& [why, count] : left_out_) left_out.push_back({{"why", why}, {"count", count}});
    return {{"decisions", decisions_},
            {"same", same_},
            {"changed", changed()},
            {"changes", std::move(changes)},
            {"not_replayed", std::move(left_out)}};
  }

  std::string text() const {
    const auto side = [](const Judged& one) {
      return std::string(model::to_string(one.verdict)) + ' ' + one.rule_id +
             (one.rule_name.empty() ? "" : " (" + one.rule_name + ")");
    };
    std::string out;
    for (const auto& [key, group] : changes_) {
      out += printable(std::to_string(group.count) + "  " + side(key.first) + " -> " +
                       side(key.second)) +
             "\n    " +
             printable(group.asked["method"].get<std::string>() + ' ' +
                       group.asked["url"].get<std::string>() +
                       (group.how.empty() ? "" : "  (" + group.how + ")") + "  call " +
                       group.call_id) +
             '\n';
    }
    out += std::to_string(decisions_) + " decisions, " + std::to_string(changed()) +
           " would change, " + std::to_string(same_) + " would not\n";
    for (const auto& [why, count] : left_out_)
      out += std::to_string(count) + " not replayed: " + why + '\n';
    return out;
  }

 private:
  // No record has fields or values of a query: what such a rule would say nobody knows.
  bool asks_for_fields(const model::EgressCall& call) const {
    const auto& rules = reference_.policy().rules_for(call.protocol);
    return std::any_of(rules.begin(), rules.end(),
                       [&](const engine::Rule& rule) {
                         return !rule.report_only && rule.match.looks_inside() &&
                                matches_destination(rule, call);
                       }) ||
           reference_.body_needed(call) > 0;
  }

  // As the gate asks: by name, then at the address that was judged.
  Decision decide(const RecordedCall& recorded) const {
    const auto& call = recorded.call;
    Decision one = reference_.decide(call), other = compiled_.decide(call);
    if (recorded.address && one.allowed() && !call.to.host.is_address()) {
      one = reference_.decide_address(call, one, *recorded.address);
      other = compiled_.decide_address(call, other, *recorded.address);
    }
    return engine::agreed(one, other);
  }

  std::uint64_t changed() const {
    std::uint64_t out = 0;
    for (const auto& [key, group] : changes_) out += group.count;
    return out;
  }

  engine::ReferenceEngine reference_;
  engine::CompiledEngine compiled_;
  RecordReader reader_;
  std::uint64_t decisions_ = 0, same_ = 0;
  std::map<std::pair<Judged, Judged>, Group> changes_;
  std::map<std::string, std::uint64_t> left_out_;
};

std::optional<evidence::Filter> filter_of(const Output& out, const ReplayOptions& options,
                                          int& failed) {
  evidence::Filter filter;
  filter.wanted[static_cast<std::size_t>(evidence::Fact::run)] = options.run;
  filter.wanted[static_cast<std::size_t>(evidence::Fact::agent)] = options.agent;
  if (!read_moment(out, options.since, "--since", filter.since, failed) ||
      !read_moment(out, options.until, "--until", filter.until, failed))
    return std::nullopt;
  return filter;
}

constexpr std::size_t kMostIssues = 100;

int replay(const Output& out, const Program& program, const ReplayOptions& options) {
  const auto policy = engine::load_policy_file(options.file);
  if (!policy.snapshot) return out.fail(policy.diagnostics);
  int failed = kFailed;
  const auto filter = filter_of(out, options, failed);
  if (!filter) return failed;
  const std::string dir = evidence_directory(program);
  evidence::QueryOptions question;
  question.filter = *filter;
  question.from = evidence::From::log; // every line's hash and link are checked
  Replay replayed(policy.snapshot, dir);
  Json issues = Json::array();
  evidence::QueryTold told;
  told.each = [&](std::string_view, const evidence::Line& line) {
    replayed.judge(line);
    return true;
  };
  told.note = [](const std::string&) {};
  told.issue = [&](const evidence::Issue& issue) {
    if (issues.size() < kMostIssues) issues.push_back(to_json(issue));
    std::cerr << place_of(dir, issue) << "\n";
  };
  if (const auto done = evidence::query(dir, question, told); !done)
    return out.fail(kNotFound, "not_found", done.error().detail);
  const bool holds = issues.empty();
  Json document = {{"evidence", dir},
                   {"policy", {{"file", options.file}, {"digest", policy.snapshot->digest}}},
                   {"chain_holds", holds}};
  document.update(replayed.json());
  document["issues"] = std::move(issues);
  out.print(std::move(document),
            replayed.text() + (holds ? "the chain of the log holds; sluice evidence verify checks "
                                       "its signatures, too\n"
                                     : "the chain of the log does not hold: see above\n"));
  return holds ? kDone : kVerificationFailed;
}

} // namespace

void add_policy_replay_command(CLI::App& group, Program& program) {
  auto options = std::make_shared<ReplayOptions>();
  auto* verb = add_verb(
      group, program, "replay", "which recorded calls another policy would judge differently",
      "sluice policy replay --evidence ./evidence new.yaml --since 7d",
      [&program, options](const Output& out) { return replay(out, program, *options); });
  verb->add_option("NEW", options->file, "the policy that is asked")->required();
  verb->add_option("--evidence,--dir", program.common.dir,
                   "the evidence directory (default: evidence.dir of the config)");
  verb->add_option("-c,--config", program.common.config, "sluice.yaml");
  verb->add_option("--run", options->run, "run_id");
  verb->add_option("--agent", options->agent, "agent_id");
  verb->add_option("--since", options->since, "RFC 3339, or how long ago: 90s, 15m, 2h, 7d");
  verb->add_option("--until", options->until, "the same; records of that moment are not in");
}

} // namespace sluice::cli
