#include "overlay/compose/compose_parts.hpp"

#include <utility>

namespace sluice::overlay {
namespace {

constexpr const char* kSluiceImage = "${SLUICE_IMAGE:-sluice:local}";
constexpr const char* kInitImage = "${SLUICE_INIT_IMAGE:-sluice-init:local}";
// Docker gives the network that it publishes on the default route; the mesh is internal.
constexpr const char* kLoadOutside =
    "while read -r device to rest; do [ \"$$to\" != 00000000 ] || outside=$$device; done "
    "</proc/net/route; exec nft -D outside=\"\\\"$${outside:?}\\\"\" -f /etc/sluice/rules.nft";

std::string ids(int uid) {
  return std::to_string(uid) + ':' + std::to_string(uid);
}

OrderedJson confined(OrderedJson service) {
  service["cap_drop"] = {"ALL"};
  service["security_opt"] = {"no-new-privileges:true"};
  service["read_only"] = true;
  return service;
}

OrderedJson after(const char* condition) {
  return {{"condition", condition}};
}
constexpr const char* kCompleted = "service_completed_successfully";

std::string net(const ComposeUnit& of) {
  return of.unit->name + "-net";
}
std::string init(const ComposeUnit& of) {
  return of.unit->name + "-init";
}

// Once: keys, and what belongs to other users than root.
OrderedJson provisioner(const ComposePlan& plan) {
  OrderedJson out = {{"image", kSluiceImage}, {"user", "0:0"}};
  out = confined(std::move(out));
  out["cap_add"] = {"CHOWN"};
  out["network_mode"] = "none";
  out["tmpfs"] = {"/tmp:mode=0700"};
  out["command"] = {"overlay", "identities", "/etc/sluice/identities.json", "-o", "/sluice"};
  OrderedJson& volumes = out["volumes"];
  volumes.push_back("./identities.json:/etc/sluice/identities.json:ro");
  for (const ComposeUnit& one : plan.units) {
    volumes.push_back(one.volume("keys") + ":/sluice/keys/" + one.unit->name);
    if (one.program) volumes.push_back(one.volume("trust") + ":/sluice/trust/" + one.unit->name);
  }
  for (const std::string& name : storage_volumes(plan))
    volumes.push_back(std::string(name).append(":/sluice/storage/").append(name));
  if (needs_tools(plan)) volumes.push_back("tools:/sluice/tools");
  return out;
}

OrderedJson published(const ComposePlan& plan, UnitId id) {
  OrderedJson out = OrderedJson::array();
  for (const ComposeExport& one : plan.exports) {
    if (one.unit != id) continue;
    out.push_back("127.0.0.1:${" + one.variable + ":-" + std::to_string(one.published) +
                  "}:" + std::to_string(one.port));
  }
  return out;
}

OrderedJson sidecar(const ComposePlan& plan, UnitId id) {
  const ComposeUnit& of = plan.units[id];
  OrderedJson out = {{"image", kSluiceImage}, {"user", ids(kSidecarUid)}};
  out = confined(std::move(out));
  out["command"] = {"run", "-c", "/etc/sluice/sluice.yaml"};
  out["networks"] = {"mesh"};
  if (of.outside) out["networks"].push_back("egress-" + of.unit->name);
  if (auto ports = published(plan, id); !ports.empty()) out["ports"] = std::move(ports);
  out["depends_on"]["provisioner"] = after(kCompleted);
  OrderedJson& volumes = out["volumes"];
  for (const char* file : {"sluice.yaml", "policy.yaml"}) {
    volumes.push_back("./" + of.unit->name + '/' + file + ":/etc/sluice/" + file + ":ro");
  }
  volumes.push_back(of.volume("keys") + ':' + kComposeKeys + ":ro");
  volumes.push_back(of.volume("evidence") + ':' + kComposeEvidence);
  for (const std::string& name : of.secrets) out["secrets"].push_back(name);
  const auto user = std::to_string(kSidecarUid);
  out["tmpfs"] = {"/run/sluice:uid=" + user + ",gid=" + user + ",mode=0700"};
  out["healthcheck"] = {{"test", {"CMD", "sluice", "admin", "ready", "--admin", kComposeAdmin}},
                        {"interval", "2s"},
                        {"timeout", "10s"},
                        {"retries", 30}};
  return out;
}

// Once, before the program: the rules of the network that it shares with its sidecar.
OrderedJson rules(const ComposeUnit& of) {
  OrderedJson out = {{"image", kInitImage}, {"user", "0:0"}};
  out = confined(std::move(out));
  out["cap_add"] = {"NET_ADMIN"};
  out["network_mode"] = "service:" + net(of);
  out["depends_on"][net(of)] = after("service_started");
  out["volumes"] = {"./" + of.unit->name + "/rules.nft:/etc/sluice/rules.nft:ro"};
  if (of.entrances.exports.empty()) {
    out["command"] = {"nft", "-f", "/etc/sluice/rules.nft"};
  } else {
    out["command"] = {"sh", "-ec", kLoadOutside};
  }
  return out;
}

// A built-in interposer only passes on: who needs it needs who is behind it.
void wait_for_needed(const ComposePlan& plan, const Unit& of, OrderedJson& out) {
  for (const UnitId id : of.needs) {
    const ComposeUnit& needed = plan.units[id];
    if (needed.program) {
      out[needed.unit->name] = after("service_started");
      continue;
    }
    out[net(needed)] = after("service_healthy");
    out[init(needed)] = after(kCompleted);
    wait_for_needed(plan, *needed.unit, out); // no cycle of strong edges
  }
}

// Its own sidecar and rules, and whom it needs.
OrderedJson program_waits_for(const ComposePlan& plan, const ComposeUnit& of) {
  OrderedJson out;
  out[net(of)] = after("service_healthy");
  out[init(of)] = after(kCompleted);
  wait_for_needed(plan, *of.unit, out);
  return out;
}

OrderedJson text_map(const std::map<std::string, std::string>& all) {
  OrderedJson out = OrderedJson::object();
  for (const auto& [name, value] : all) out[name] = compose_literal(value);
  return out;
}

// An input that is no secret comes from the environment of who runs compose.
void add_inputs(const ProgramPlan& program, OrderedJson& environment) {
  for (const RootInput& one : program.inputs) {
    if (one.secret) continue;
    const bool must = one.required && !one.has_default;
    environment[one.variable] =
        "${" + one.variable + (must ? ":?config." + one.path + " is required" : ":-") + '}';
  }
}

OrderedJson mount_json(const PlannedMount& of) {
  const bool volume = of.kind == PlannedMount::Kind::volume;
  OrderedJson out = {{"type", volume ? "volume" : "bind"},
                     {"source", volume ? of.source : "./" + of.source},
                     {"target", compose_literal(of.path)}};
  if (!volume) out["read_only"] = true;
  return out;
}

void add_secrets(const ComposeUnit& of, OrderedJson& out) {
  const ProgramPlan& program = *of.program;
  for (const RootInput& one : program.inputs) {
    if (one.secret) out["secrets"].push_back(one.path);
  }
  if (program.packed && program.secrets.contains(of.unit->name))
    out["secrets"].push_back(of.unit->name);
  for (const PlannedMount& one : program.mounts) {
    if (one.kind == PlannedMount::Kind::secret)
      out["secrets"].push_back({{"source", one.source}, {"target", compose_literal(one.path)}});
  }
}

OrderedJson program_service(const ComposePlan& plan, const ComposeUnit& of) {
  const ProgramPlan& program = *of.program;
  OrderedJson out = {{"image", compose_literal(program.image)}, {"user", ids(kProgramUid)}};
  out = confined(std::move(out));
  out["network_mode"] = "service:" + net(of);
  out["depends_on"] = program_waits_for(plan, of);
  OrderedJson& entrypoint = out["entrypoint"];
  if (program.packed) {
    entrypoint = {"/sluice/bin/ld.so",   "--library-path", "/sluice/bin",
                  "/sluice/bin/sluice",  "overlay",        "start",
                  "/sluice/program.json"};
  } else {
    for (const std::string& word : program.command) entrypoint.push_back(compose_literal(word));
  }
  auto environment = plan.trust;
  for (const auto& [name, value] : program.env) environment[name] = value;
  environment.emplace("AMBER_COMPONENT_MONIKER", of.first->moniker);
  out["environment"] = text_map(environment);
  add_inputs(program, out["environment"]);
  OrderedJson& volumes = out["volumes"];
  volumes.push_back(of.volume("trust") + ":/sluice/trust:ro");
  if (program.packed) {
    volumes.push_back("tools:/sluice/bin:ro");
    volumes.push_back("./" + of.unit->name + "/program.json:/sluice/program.json:ro");
  }
  for (const PlannedMount& one : program.mounts) {
    if (one.kind != PlannedMount::Kind::secret) volumes.push_back(mount_json(one));
  }
  add_secrets(of, out);
  // Its own in any case: some engines give it the mode of the image's folder.
  const auto user = std::to_string(kProgramUid);
  out["tmpfs"] = {"/tmp:uid=" + user + ",gid=" + user + ",mode=1777"};
  return out;
}

OrderedJson all_volumes(const ComposePlan& plan) {
  std::set<std::string> names = storage_volumes(plan);
  for (const ComposeUnit& one : plan.units) {
    for (const char* what : {"evidence", "keys"}) names.insert(one.volume(what));
    if (one.program) names.insert(one.volume("trust"));
  }
  if (needs_tools(plan)) names.insert("tools");
  OrderedJson out = OrderedJson::object();
  for (const std::string& one : names) out[one] = OrderedJson::object();
  return out;
}

} // namespace

bool needs_tools(const ComposePlan& plan) {
  for (const ComposeUnit& one : plan.units) {
    if (one.program && one.program->packed) return true;
  }
  return false;
}

std::set<std::string> storage_volumes(const ComposePlan& plan) {
  std::set<std::string> out;
  for (const ComposeUnit& one : plan.units) {
    if (!one.program) continue;
    for (const PlannedMount& mount : one.program->mounts) {
      if (mount.kind == PlannedMount::Kind::volume) out.insert(mount.source);
    }
  }
  return out;
}

OrderedJson compose_document(const ComposePlan& plan) {
  OrderedJson out;
  out["services"]["provisioner"] = provisioner(plan);
  for (UnitId id = 0; id < plan.units.size(); ++id) {
    const ComposeUnit& one = plan.units[id];
    out["services"][net(one)] = sidecar(plan, id);
    out["services"][init(one)] = rules(one);
    if (one.program) out["services"][one.unit->name] = program_service(plan, one);
  }
  for (auto& service : out["services"]) service["labels"]["sluice.files"] = plan.digest;
  out["networks"]["mesh"] = {{"internal", true}};
  for (const ComposeUnit& one : plan.units) {
    if (one.outside) out["networks"]["egress-" + one.unit->name] = OrderedJson::object();
  }
  out["volumes"] = all_volumes(plan);
  std::set<std::string> secrets;
  for (const auto& [name, text] : plan.secrets) secrets.insert(name);
  for (const auto& [path, input] : plan.inputs) {
    if (input.secret) secrets.insert(path);
  }
  for (const std::string& one : secrets) out["secrets"][one] = {{"file", "./secrets/" + one}};
  return out;
}

Json identities_json(const ComposePlan& plan, const Sidecars& sidecars) {
  Json units = Json::array();
  for (UnitId id = 0; id < plan.units.size(); ++id) {
    const ComposeUnit& one = plan.units[id];
    units.push_back({{"name", one.unit->name},
                     {"id", sidecars.identity(id)},
                     {"program", one.program.has_value()}});
  }
  return {{"version", 1},
          {"trust_domain", plan.domain},
          {"units", std::move(units)},
          {"storage", storage_volumes(plan)},
          {"tools", needs_tools(plan)}};
}

} // namespace sluice::overlay
