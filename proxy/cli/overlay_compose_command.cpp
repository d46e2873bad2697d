// sluice overlay compose, and the two verbs that its containers begin with: identities, start
#include "certs/trust.hpp"
#include "overlay/compose/compose_project.hpp"
#include "policy/evidence/file.hpp"
#include "proxy/cli/compose_folder.hpp"
#include "proxy/cli/overlay_verbs.hpp"
#include "proxy/cli/provision.hpp"
#include "proxy/cli/start_program.hpp"

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::size_t kMaxOrder = 16U << 20;

overlay::ComposeWish wish_of(const OverlayOptions& options,
                             std::map<std::string, std::uint16_t> ports) {
  overlay::ComposeWish wish;
  const std::filesystem::path file(options.file);
  wish.name = file.stem().string();
  wish.external_url = external_slot_url;
  wish.ports = std::move(ports);
  for (const auto& one : certs::trust_variables(overlay::kComposeTrustBundle))
    wish.trust[one.name] = one.value;
  return wish;
}

int compose(const Output& out, const OverlayOptions& options) {
  if (const auto wrong = wrong_overlay_usage(out, options)) return *wrong;
  const auto ports = export_ports(out, options);
  if (!ports) return kUsage;
  Diagnostics found;
  const auto made = compile_scenario(options, Ask::overlays, found);
  if (!made) return out.fail(found);
  const auto& scenario = made->passed->rewritten.scenario;
  const auto prepared = overlay::prepare(made->linked, scenario, nullptr, found);
  const auto project =
      prepared ? overlay::compose_project(scenario, *prepared, wish_of(options, *ports), found)
               : std::nullopt;
  if (!project) return out.fail(found);
  if (prepared->deployment.units.empty())
    return out.fail(kUsage, "nothing_to_run", "no component of the scenario has a program");
  const auto written = write_compose_folder(options.directory, *project,
                                            options.force ? Foreign::accept : Foreign::refuse);
  if (!written) return out.fail(written.error());
  if (!found.empty()) std::cerr << format(found) << std::endl;
  out.print(
      {{"directory", options.directory}, {"files", written.value()}, {"warnings", to_json(found)}},
      options.directory + ": " + std::to_string(written.value().size()) + " files for " +
          std::to_string(prepared->deployment.units.size()) +
          " sidecars; what to do with them says " + options.directory + "/README.md\n");
  return kDone;
}

int identities(const Output& out, const std::string& file, const std::string& root) {
  const auto text = evidence::read_file(file, kMaxOrder);
  if (!text) return out.fail(text.error());
  Diagnostics found;
  const auto order = parse_provision_order(text.value(), file, found);
  if (!order) return out.fail(found);
  const SystemClock clock;
  const auto done = provision(*order, root, clock);
  if (!done) return out.fail(done.error());
  const bool anew = done.value() == Provisioned::anew;
  out.print({{"identities", order->units.size()}, {"anew", anew}},
            std::to_string(order->units.size()) +
                (anew ? " identities made\n" : " identities are there and good\n"));
  return kDone;
}

} // namespace

void add_overlay_compose_commands(CLI::App& group, Program& program,
                                  const std::shared_ptr<OverlayOptions>& options) {
  auto* made = add_verb(group, program, "compose", "the scenario as a folder for docker-compose",
                        "sluice overlay compose scenario.json5 -o deploy",
                        [options](const Output& out) { return compose(out, *options); });
  add_overlay_options(made, options);
  made->add_option("-o,--output", options->directory, "the folder that is made")->required();
  made->add_flag("--force", options->force, "write into a folder that holds other files, too");
  made->add_option("--port", options->ports, "NAME=PORT of an export; others begin with 18080")
      ->allow_extra_args(false);

  auto file = std::make_shared<std::string>(), root = std::make_shared<std::string>();
  const std::string hidden; // nobody but a container calls them
  auto* mints =
      add_verb(group, program, "identities", "keys for the containers of a compose folder",
               "sluice overlay identities identities.json -o /sluice",
               [file, root](const Output& out) { return identities(out, *file, *root); });
  mints->add_option("FILE", *file, "identities.json of the folder")->required();
  mints->add_option("-o,--output", *root, "below which the volumes are")->required();
  mints->group(hidden);
  auto* starts = add_verb(group, program, "start", "the program of a container",
                          "sluice overlay start /sluice/program.json",
                          [file](const Output& out) { return start_program(out, *file); });
  starts->add_option("FILE", *file, "program.json of the folder")->required();
  starts->group(hidden);
}

} // namespace sluice::cli
