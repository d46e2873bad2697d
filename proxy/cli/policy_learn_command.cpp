// sluice policy learn
#include "policy/engine/learn.hpp"
#include "policy/evidence/query.hpp"
#include "proxy/cli/evidence_records.hpp"
#include "proxy/cli/evidence_support.hpp"
#include "proxy/cli/policy_author.hpp"
#include "proxy/cli/policy_learn.hpp"
#include "proxy/cli/recorded_call.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

struct LearnOptions {
  std::string to, since, until, run, agent;
};

} // namespace

Result<Learned> learn_from(const std::string& directory, const evidence::Filter& filter) {
  Learned out;
  engine::Learner learner;
  RecordReader reader(directory);
  evidence::QueryOptions question;
  question.filter = filter;
  question.from = evidence::From::log; // every line's hash and link are checked
  std::string broken;
  evidence::QueryTold told;
  told.each = [&](std::string_view, const evidence::Line& line) {
    if (line.event_type != "egress_allowed") return true;
    std::string why;
    if (const auto seen = reader.read(line, why)) {
      const auto klass = seen->address ? model::to_string(seen->address->classify()) : "";
      learner.see(seen->call, std::string(klass));
    } else {
      ++out.left_out[why];
    }
    return true;
  };
  told.note = [](const std::string&) {};
  told.issue = [&](const evidence::Issue& issue) { broken = place_of(directory, issue); };
  SLUICE_TRY(evidence::query(directory, question, told));
  if (!broken.empty()) return make_error(Origin::config, "broken_log", broken);
  out.calls = learner.calls();
  out.policy = learner.policy();
  return out;
}

Result<> write_learned(const std::string& file, const std::string& policy) {
  const std::string partial = file + ".partial";
  std::ofstream out(partial, std::ios::out | std::ios::trunc);
  out << policy;
  out.close();
  if (!out || std::rename(partial.c_str(), file.c_str()) != 0)
    return make_error(Origin::config, "cannot_write", file + " cannot be written");
  return success();
}

namespace {

int learn(const Output& out, const Program& program, const LearnOptions& options) {
  int failed = kFailed;
  evidence::Filter filter;
  filter.wanted[static_cast<std::size_t>(evidence::Fact::run)] = options.run;
  filter.wanted[static_cast<std::size_t>(evidence::Fact::agent)] = options.agent;
  if (!read_moment(out, options.since, "--since", filter.since, failed) ||
      !read_moment(out, options.until, "--until", filter.until, failed))
    return failed;
  const auto learned = learn_from(evidence_directory(program), filter);
  if (!learned) {
    const bool broken = learned.error().code == "broken_log";
    return out.fail(broken ? kVerificationFailed : kNotFound, learned.error().code,
                    learned.error().detail, "sluice evidence verify says more");
  }
  const auto& [policy, calls, left_out] = learned.value();
  if (!options.to.empty()) {
    if (const auto written = write_learned(options.to, policy); !written)
      return out.fail(written.error());
  }
  Json not_learned = Json::array();
  for (const auto& [why, count] : left_out) {
    not_learned.push_back({{"why", why}, {"count", count}});
    std::cerr << count << " calls not learned: " << why << "\n";
  }
  out.print({{"policy", policy}, {"calls", calls}, {"not_learned", std::move(not_learned)}},
            options.to.empty() ? policy : "");
  return kDone;
}

} // namespace

void add_policy_learn_command(CLI::App& group, Program& program) {
  auto options = std::make_shared<LearnOptions>();
  auto* verb = add_verb(
      group, program, "learn", "the smallest policy that would have allowed what is on record",
      "sluice policy learn --evidence ./evidence --to learned.yaml",
      [&program, options](const Output& out) { return learn(out, program, *options); });
  verb->add_option("--evidence,--dir", program.common.dir,
                   "the evidence directory (default: evidence.dir of the config)");
  verb->add_option("-c,--config", program.common.config, "sluice.yaml");
  verb->add_option("--to", options->to, "the file to write, instead of stdout");
  verb->add_option("--run", options->run, "run_id");
  verb->add_option("--agent", options->agent, "agent_id");
  verb->add_option("--since", options->since, "RFC 3339, or how long ago: 90s, 15m, 2h, 7d");
  verb->add_option("--until", options->until, "the same; records of that moment are not in");
}

} // namespace sluice::cli
