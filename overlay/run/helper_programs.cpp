#include "overlay/run/helper_programs.hpp"

#include "overlay/config/evaluate.hpp"
#include "overlay/config/expand.hpp"

#include <algorithm>
#include <utility>

namespace sluice::overlay {
namespace {

class Builder {
 public:
  Builder(const Linked& linked, const Json& values, Diagnostics& out)
      : linked_(linked), helper_(*linked.helper), values_(values), out_(out) {}

  std::optional<HelperPrograms> run(const std::set<std::size_t>& asked) {
    report_missing();
    for (const HelperExport& one : helper_.exports) {
      if (asked.count(one.overlay) > 0 && !failed_) add(one);
    }
    if (failed_) return std::nullopt;
    return std::move(made_);
  }

 private:
  void error(const std::string& name, std::string message, std::string hint = {}) {
    failed_ = true;
    Diagnostic problem;
    problem.file = name;
    problem.message = std::move(message);
    problem.hint = std::move(hint);
    problem.code = kStartCode;
    out_.push_back(std::move(problem));
  }

  void report_missing() {
    const auto missing = missing_helper_inputs(linked_, values_);
    if (missing.empty()) return;
    error("overlays", "these inputs have no value: " + shown_inputs(missing),
          "set the variables, or give the properties a default");
  }

  void add(const HelperExport& of) {
    const std::string& name = linked_.overlays[of.overlay].display_name;
    const auto known = started_.find({of.component, of.endpoint});
    if (known != started_.end()) {
      made_.of_overlay[of.overlay] = known->second;
      return;
    }
    auto program = program_of(of, name);
    if (!program) return;
    started_[{of.component, of.endpoint}] = made_.programs.size();
    made_.of_overlay[of.overlay] = made_.programs.size();
    made_.programs.push_back(std::move(*program));
  }

  // Somebody would have to carry what one says to the other.
  bool stands_alone(ComponentId id) const {
    const auto& edges = helper_.scenario.edges;
    return std::none_of(edges.begin(), edges.end(),
                        [id](const Edge& edge) { return edge.to.component == id; });
  }

  std::optional<HelperProgram> program_of(const HelperExport& of, const std::string& name) {
    const Component& component = helper_.scenario.at(of.component);
    if (!component.program || component.program->form != Program::Form::path) {
      error(name, "the program of an overlay is a path in this version", "images are not started");
      return std::nullopt;
    }
    if (!stands_alone(of.component)) {
      error(name, "the program of an overlay has no slot that is bound in this version");
      return std::nullopt;
    }
    std::vector<ConfigFault> faults;
    const auto* schema = component.config_schema ? &*component.config_schema : nullptr;
    const auto config = evaluate_config(helper_.configs.at(of.component), values_, schema, faults);
    std::optional<ExpandedProgram> expanded;
    if (config) {
      const ExpandInput input{
          *config, {}, [](const std::string&) { return std::vector<std::string>(); }};
      expanded = expand_program(*component.program, input, faults);
    }
    for (const ConfigFault& fault : faults) {
      error(name, "config" + fault.pointer + ": " + fault.message, fault.hint);
    }
    if (!expanded) return std::nullopt;
    return started(component, *expanded, of.endpoint, name);
  }

  std::optional<HelperProgram> started(const Component& component, const ExpandedProgram& program,
                                       const std::string& endpoint, const std::string& name) {
    const auto at = std::find_if(program.endpoints.begin(), program.endpoints.end(),
                                 [&](const auto& one) { return one.name == endpoint; });
    if (at == program.endpoints.end() || at->protocol != Protocol::http) {
      error(name, "an overlay is asked over http, and its endpoint is none");
      return std::nullopt;
    }
    if (!program.mounts.empty()) {
      error(name, "the program of an overlay has no mounts in this version");
      return std::nullopt;
    }
    HelperProgram out;
    out.name = name;
    out.port = at->port;
    out.command.push_back(program.location.starts_with('/')
                              ? program.location
                              : component.folder + '/' + program.location);
    out.command.insert(out.command.end(), program.command.begin(), program.command.end());
    if (program.env.count("PATH") == 0) out.environment.emplace_back("PATH=").append(kProgramPath);
    for (const auto& [key, value] : program.env) {
      out.environment.emplace_back(key).append("=").append(value);
    }
    return out;
  }

  const Linked& linked_;
  const HelperScenario& helper_;
  const Json& values_;
  Diagnostics& out_;
  bool failed_ = false;
  HelperPrograms made_;
  std::map<std::pair<ComponentId, std::string>, std::size_t> started_;
};

} // namespace

std::optional<HelperPrograms> helper_programs(const Linked& linked,
                                              const std::set<std::size_t>& asked,
                                              const Json& root_values, Diagnostics& out) {
  if (asked.empty() || !linked.helper) return HelperPrograms{};
  return Builder(linked, root_values, out).run(asked);
}

} // namespace sluice::overlay
