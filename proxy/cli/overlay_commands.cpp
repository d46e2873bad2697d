// sluice overlay check|apply|explain|run|compose
#include "overlay/rewrite/explain.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/cli/overlay_compile.hpp"
#include "proxy/cli/overlay_verbs.hpp"
#include "proxy/cli/scenario_run.hpp"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace sluice::cli {
namespace {

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

int check(const Output& out, const OverlayOptions& options) {
  if (const auto wrong = wrong_overlay_usage(out, options)) return *wrong;
  Diagnostics found;
  const auto made = compile_scenario(options, options.apply ? Ask::overlays : Ask::nobody, found);
  if (!made) return out.fail(found);
  const auto& scenario = made->linked.scenario;
  std::string text = format(found) + (found.empty() ? "" : "\n") + options.file + ": " +
                     counted(scenario.components.size(), "component") + ", " +
                     counted(scenario.edges.size(), "edge") + ", " +
                     counted(made->linked.overlays.size(), "overlay") +
                     (options.apply ? ", all of them answered\n" : ", none of them asked\n");
  out.print({{"file", options.file},
             {"valid", true},
             {"components", scenario.components.size()},
             {"edges", scenario.edges.size()},
             {"overlays", made->linked.overlays.size()},
             {"applied", options.apply},
             {"warnings", to_json(found)}},
            text);
  return kDone;
}

// One form for both: a scenario is JSON.
int apply(const Output& out, const OverlayOptions& options) {
  if (const auto wrong = wrong_overlay_usage(out, options)) return *wrong;
  Diagnostics found;
  const auto made = compile_scenario(options, Ask::overlays, found);
  if (!made) return out.fail(found);
  const auto scenario = overlay::scenario_json(made->passed->rewritten.scenario);
  Json printed = {{"scenario", Json(scenario)}, {"warnings", to_json(found)}};
  out.print(std::move(printed), dump(Json(scenario), 2) + "\n");
  return kDone;
}

int explain(const Output& out, const OverlayOptions& options) {
  if (const auto wrong = wrong_overlay_usage(out, options)) return *wrong;
  Diagnostics found;
  const auto made = compile_scenario(options, Ask::overlays, found);
  if (!made) return out.fail(found);
  const auto& before = made->linked.scenario;
  const auto& after = made->passed->rewritten;
  Json printed = Json(overlay::explanation_json(before, after));
  printed["warnings"] = to_json(found);
  out.print(std::move(printed), options.format == "dot" ? overlay::explanation_dot(after)
                                : options.format == "mermaid"
                                    ? overlay::explanation_mermaid(after)
                                    : overlay::explanation_text(before, after));
  return kDone;
}

ScenarioOptions run_options(const OverlayOptions& options,
                            std::map<std::string, std::uint16_t> ports) {
  ScenarioOptions made;
  made.directory = options.directory;
  if (made.directory.empty())
    made.directory = ".sluice/" + std::filesystem::path(options.file).stem().string();
  made.ports = std::move(ports);
  return made;
}

int run(const Output& out, const OverlayOptions& options) {
  if (const auto wrong = wrong_overlay_usage(out, options)) return *wrong;
  auto ports = export_ports(out, options);
  if (!ports) return kUsage;
  const auto how = run_options(options, std::move(*ports));
  Diagnostics found;
  const auto made = compile_scenario(options, Ask::overlays, found);
  if (!made) return out.fail(found);
  if (!found.empty()) std::cerr << format(found) << std::endl;
  return run_scenario(out, *made, how);
}

using Action = int (*)(const Output&, const OverlayOptions&);

CLI::App* add_overlay_verb(CLI::App& group, Program& program, const std::string& name,
                           const std::string& what, const std::string& example, Action action,
                           const std::shared_ptr<OverlayOptions>& options) {
  auto* verb = add_verb(group, program, name, what, example,
                        [options, action](const Output& out) { return action(out, *options); });
  add_overlay_options(verb, options);
  return verb;
}

} // namespace

std::optional<std::map<std::string, std::uint16_t>> export_ports(const Output& out,
                                                                 const OverlayOptions& options) {
  std::map<std::string, std::uint16_t> made;
  for (const auto& text : options.ports) {
    const auto equals = text.rfind('=');
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    const bool read = equals != std::string::npos && equals > 0 &&
                      std::from_chars(text.data() + equals + 1, end, port).ptr == end && port > 0;
    if (!read) {
      out.fail(kUsage, "usage", "--port " + text, "write NAME=PORT, as in --port status=8080");
      return std::nullopt;
    }
    made[text.substr(0, equals)] = port;
  }
  return made;
}

void add_overlay_commands(CLI::App& app, Program& program) {
  auto* group = app.add_subcommand("overlay", "scenarios of components with overlays (Amber)");
  group->require_subcommand(1);
  auto options = std::make_shared<OverlayOptions>();
  add_overlay_verb(*group, program, "check", "read and link a scenario; every problem at once",
                   "sluice overlay check scenario.json5", check, options)
      ->add_flag("--apply-overlays", options->apply,
                 "ask the overlays, too, and judge their plans");
  add_overlay_verb(*group, program, "apply", "the scenario with its interposers, as JSON",
                   "sluice overlay apply scenario.json5 --lock overlays.lock", apply, options);
  add_overlay_verb(*group, program, "explain",
                   "each edge with its interposers, in the order in which a request meets them",
                   "sluice overlay explain scenario.json5", explain, options)
      ->add_option("--format", options->format, "text, dot (Graphviz) or mermaid")
      ->check(CLI::IsMember({"text", "dot", "mermaid"}));
  auto* runs = add_overlay_verb(*group, program, "run",
                                "the scenario on this machine, each program in a box of its own",
                                "sluice overlay run scenario.json5", run, options);
  runs->add_option("--dir", options->directory,
                   "where configs and evidence of all sidecars are kept (default: "
                   ".sluice/<scenario>)");
  runs->add_option("--port", options->ports, "NAME=PORT of an export; others get a free one")
      ->allow_extra_args(false);
  add_overlay_compose_commands(*group, program, options);
}

} // namespace sluice::cli
