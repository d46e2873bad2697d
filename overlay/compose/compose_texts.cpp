#include "overlay/compose/compose_parts.hpp"
#include "policy/base/printable.hpp"

namespace sluice::overlay {
namespace {

bool must_be_given(const RootInput& one) {
  return one.required && !one.has_default;
}

std::string inputs_text(const ComposePlan& plan) {
  std::string secrets, others;
  for (const auto& [path, one] : plan.inputs) {
    std::string& out = one.secret ? secrets : others;
    out += "- `" + (one.secret ? "secrets/" + path : one.variable) + '`' +
           (must_be_given(one) ? ""
            : one.has_default  ? " (has a default)"
                               : " (may be empty)") +
           '\n';
  }
  std::string out;
  if (!secrets.empty()) out += "Secrets, a file each, its text the value:\n\n" + secrets + '\n';
  if (!others.empty()) out += "Variables, in `.env`:\n\n" + others + '\n';
  return out;
}

std::string exports_text(const ComposePlan& plan) {
  std::string out;
  for (const ComposeExport& one : plan.exports) {
    out += "- " + printable(one.name) + ": `" + (one.http ? "http" : "tcp") +
           "://127.0.0.1:" + std::to_string(one.published) + "` (`" + one.variable + "`)\n";
  }
  return out.empty() ? "" : "Published, on this machine alone:\n\n" + out + '\n';
}

} // namespace

std::string compose_readme(const ComposePlan& plan) {
  std::string units;
  for (const ComposeUnit& one : plan.units)
    units += "- `" + one.unit->name + "`: " + printable(one.first->moniker) + '\n';
  const std::string first = plan.units.empty() ? "" : plan.units.front().unit->name + "-net";
  return "# " + printable(plan.name) + "\n\nMade by `sluice overlay compose`. Three commands:\n\n" +
         "```sh\n"
         "cp env.example .env        # and fill it in; and secrets/: files 0644 in a folder 0700\n"
         "docker-compose up -d       # or: docker compose up -d\n"
         "docker-compose exec " +
         first + " sluice evidence verify --dir " + kComposeEvidence + " --running\n```\n\n" +
         inputs_text(plan) + exports_text(plan) +
         "Components, each with a sidecar `-net` and, once, its rules `-init`:\n\n" + units +
         "\nPrograms run as uid 1000 with a read-only root, /tmp and what they mount; never let "
         "one run as "
         "uid 0 or\n1337, which the rules let out. Identities are made at the first `up` and hold "
         "for a "
         "year: `down` and `up -d`\nmake new ones in its last month. When a sidecar ended, its "
         "program "
         "has no network any more: `up -d\n--force-recreate`. Agent cards name the published ports "
         "as "
         "they are above; for others make this folder anew\nwith `--port`.\n";
}

std::string compose_env_example(const ComposePlan& plan) {
  std::string out =
      "# Images of this machine: examples/compose-sidecar/build-image.sh makes them.\n"
      "#SLUICE_IMAGE=sluice:local\n#SLUICE_INIT_IMAGE=sluice-init:local\n";
  for (const ComposeExport& one : plan.exports)
    out += '#' + one.variable + '=' + std::to_string(one.published) + '\n';
  for (const auto& [path, one] : plan.inputs) {
    if (one.secret) {
      out += "# secrets/" + path + " is a file\n";
    } else {
      out += (must_be_given(one) ? "" : "#") + one.variable + "=\n";
    }
  }
  return out;
}

} // namespace sluice::overlay
